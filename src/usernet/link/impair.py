"""Impairment: a stage that treats a device's traffic as netem does (tc-netem(8), Linux net/sched/sch_netem.c).

Every wire packet has its own roll of the dice: super-segments are cut first. The order of decisions is netem's:
duplicate, lose, corrupt, queue limit, reorder or delay.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from ..core.const import CSUM_NONE
from ..core.entropy import Entropy
from ..core.packet import Packet
from ..core.timers import Timer, TimerOwner, Timers
from ..wire.ecn import set_ce
from .device import Device, Stage
from .gro import Gro
from .gso import segment
from .netem import Netem, parse_netem

if TYPE_CHECKING:
    import cython

# When this many places at the front of the queue are spent, and they are half of it, they are given back.
COMPACT = 256
# A packet that goes on so much after its time is late: whoever runs this had no processor for it.
LATE = 1_000_000
# netem's tables end at four times the jitter.
DEVIATIONS = 4.0


class Chance:
    """An event of some probability, correlated with the one before as netem's get_crandom makes it."""

    __slots__ = ("_correlation", "_entropy", "_last", "_probability")

    def __init__(self, entropy: Entropy, probability: cython.double, correlation: cython.double) -> None:
        self._entropy = entropy
        self._probability = probability
        self._correlation = correlation
        self._last = entropy.unit() if correlation > 0 else 0.0

    def draw(self) -> cython.double:
        """The next number in [0, 1)."""
        value: cython.double = self._entropy.unit()
        if self._correlation > 0:
            value = value * (1 - self._correlation) + self._last * self._correlation
            self._last = value
        return value

    def happens(self) -> cython.bint:
        """Roll: True with the given probability."""
        return self._probability > 0 and self.draw() < self._probability


class GilbertElliott:
    """Loss in bursts: a good and a bad state with their own chances of loss (netem's loss_gilb_ell)."""

    __slots__ = ("_bad", "_entropy", "_loss_bad", "_loss_good", "_to_bad", "_to_good")

    def __init__(
        self,
        entropy: Entropy,
        p: cython.double,
        r: cython.double,
        loss_bad: cython.double,
        loss_good: cython.double,
    ) -> None:
        self._entropy = entropy
        self._to_bad = p
        self._to_good = r
        self._loss_bad = loss_bad
        self._loss_good = loss_good
        self._bad = False

    def happens(self) -> cython.bint:
        """Move between the states, then roll in the state this packet came in."""
        entropy: Entropy = self._entropy
        if self._bad:
            if entropy.unit() < self._to_good:
                self._bad = False
            return entropy.unit() < self._loss_bad
        if entropy.unit() < self._to_bad:
            self._bad = True
        return entropy.unit() < self._loss_good


class Held:
    """A packet that waits for its time."""

    __slots__ = ("at", "packet")

    def __init__(self, packet: Packet, at: cython.longlong) -> None:
        self.packet = packet
        self.at = at


class DelayLine(TimerOwner):
    """Packets in the order of the times they are to go on, and the way they go on.

    ``late`` counts those that went on more than a millisecond after their time, ``worst`` is the longest delay of that
    kind in ns; both stay 0 in virtual time.
    """

    __slots__ = ("_device", "_first", "_held", "_outgoing", "_timer", "forwarded", "late", "worst")

    def __init__(self, device: Device, outgoing: cython.bint, timers: Timers) -> None:
        self._device = device
        self._outgoing = outgoing
        self._timer = Timer(timers, self, 0)
        self._held: list[Held | None] = []
        self._first = 0
        self.forwarded = 0
        self.late = self.worst = 0

    def length(self) -> cython.Py_ssize_t:
        """Packets that wait."""
        return len(self._held) - self._first

    def last_at(self) -> cython.longlong:
        """When the last of the packets that wait goes on; there must be one."""
        held: Held = self._held[-1]  # type: ignore[assignment]
        return held.at

    def insert(self, packet: Packet, at: cython.longlong, now: cython.longlong) -> None:
        """Keep a packet until its time, behind those of the same time."""
        held: Held
        low: cython.Py_ssize_t = self._first
        high: cython.Py_ssize_t = len(self._held)
        middle: cython.Py_ssize_t
        if at <= now and low == high:
            self.forward(packet, now)
            return
        if low < high and self.last_at() <= at:
            low = high
        while low < high:
            middle = (low + high) >> 1
            held = self._held[middle]  # type: ignore[assignment]
            if held.at <= at:
                low = middle + 1
            else:
                high = middle
        self._held.insert(low, Held(packet, at))
        if low == self._first:
            self._timer.arm(at)

    def forward(self, packet: Packet, now: cython.longlong) -> None:
        """Let a packet go on now."""
        self.forwarded += 1
        if self._outgoing:
            self._device.emit(packet, now)
        else:
            self._device.pass_up(packet, now)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The first packet's time has come, and perhaps that of others."""
        held: Held
        while self._first < len(self._held):
            held = self._held[self._first]  # type: ignore[assignment]
            if held.at > now:
                self._timer.arm(held.at)
                break
            if now - held.at > self.worst:
                self.worst = now - held.at
            if now - held.at > LATE:
                self.late += 1
            self._held[self._first] = None
            self._first += 1
            if self._first >= COMPACT and 2 * self._first >= len(self._held):
                del self._held[: self._first]
                self._first = 0
            self.forward(held.packet, now)
        if not self._outgoing:
            self._device.end_batch(now)

    def close(self) -> None:
        """Drop what waits."""
        self._timer.cancel()
        self._held.clear()
        self._first = 0


class Impairment(Stage):
    """One direction of a device under a spec of netem's words (see :func:`~usernet.link.netem.parse_netem`).

    A seeded entropy makes the same traffic at the same times meet the same fate; ``seed`` among the words replaces it.
    """

    __slots__ = (
        "_ce_threshold", "_corrupt", "_counter", "_delay", "_device", "_duplicate", "_ecn", "_gap", "_gemodel",
        "_jitter", "_kind", "_limit", "_loss", "_rate", "_reorder", "_shape", "_where", "corrupted", "duplicated",
        "line", "lost", "malformed", "marked", "netem", "overlimit", "reordered",
    )  # fmt: skip

    def __init__(self, spec: str, entropy: Entropy, timers: Timers, device: Device, outgoing: cython.bint) -> None:
        netem: Netem = parse_netem(spec)
        if netem.seed is not None:
            entropy = Entropy(netem.seed.to_bytes(8, "big"))
        # A stream for each word: another loss rate does not change which packets are late.
        self._duplicate = Chance(entropy.fork("duplicate"), netem.duplicate, netem.duplicate_corr)
        self._loss = Chance(entropy.fork("loss"), netem.loss, netem.loss_corr)
        self._corrupt = Chance(entropy.fork("corrupt"), netem.corrupt, netem.corrupt_corr)
        self._reorder = Chance(entropy.fork("reorder"), netem.reorder, netem.reorder_corr)
        self._shape = Chance(entropy.fork("delay"), 1.0, netem.delay_corr)
        self._where = entropy.fork("bit")
        self._gemodel: GilbertElliott | None = None
        if netem.gemodel is not None:
            self._gemodel = GilbertElliott(entropy.fork("gemodel"), *netem.gemodel)
        self._device = device
        self._delay = netem.delay_ns
        self._jitter = netem.jitter_ns
        self._kind: str = netem.distribution
        self._rate = netem.rate
        self._limit = netem.limit
        self._gap = netem.gap
        self._ecn = netem.ecn
        self._ce_threshold = netem.ce_threshold_ns
        self._counter = 0
        self.netem = netem
        self.line = DelayLine(device, outgoing, timers)
        self.lost = self.duplicated = self.reordered = self.corrupted = self.overlimit = self.malformed = 0
        self.marked = 0

    def process(self, packet: Packet, now: cython.longlong) -> None:
        """Decide the fate of a packet, or of every piece of a super-segment."""
        pieces: list[Packet]
        piece: Packet
        if not packet.gso_size:
            self._admit(packet, now, True)
            return
        pieces = segment(packet, self._device.header_len)
        if not pieces:
            self.malformed += 1
        for item in pieces:
            piece = item
            self._admit(piece, now, True)

    def stats(self) -> dict[str, int]:
        """Wire packets: those that went on, what became of the others, and how many wait now."""
        return {
            "forwarded": self.line.forwarded,
            "queued": self.line.length(),
            "late": self.line.late,
            "lost": self.lost,
            "overlimit": self.overlimit,
            "malformed": self.malformed,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
            "corrupted": self.corrupted,
            "marked": self.marked,
        }

    def close(self) -> None:
        """Drop what waits."""
        self.line.close()

    def _admit(self, packet: Packet, now: cython.longlong, original: cython.bint) -> None:
        line: DelayLine = self.line
        twin: Packet | None = None
        twice: cython.bint = original and self._duplicate.happens()
        lost: cython.bint = self._gemodel.happens() if self._gemodel is not None else self._loss.happens()
        if lost and not (self._ecn and self._mark(packet)):
            # netem: of a packet that is doubled and lost, one copy remains.
            if not twice:
                self.lost += 1
                return
        elif twice:
            twin = packet.clone()
        if self._corrupt.happens():
            self._flip_bit(packet)
        if line.length() >= self._limit:
            self.overlimit += 1 if twin is None else 2
            return
        if twin is not None:
            self.duplicated += 1
            self._admit(twin, now, False)
        if self._gap == 0 or self._counter < self._gap - 1 or not self._reorder.happens():
            self._counter += 1
            line.insert(packet, self._due_at(packet, now), now)
        else:
            self._counter = 0
            self.reordered += 1
            line.forward(packet, now)

    def _due_at(self, packet: Packet, now: cython.longlong) -> cython.longlong:
        delay: cython.longlong = self._delay
        last: cython.longlong
        if self._jitter > 0:
            delay += self._deviation()
        if self._rate > 0:
            if self.line.length() > 0:
                # The line is busy until its last packet has gone; waiting for that is part of the delay.
                last = self.line.last_at()
                if self._ce_threshold >= 0 and last - now - self._delay > self._ce_threshold:
                    self._mark(packet)
                delay -= last - now
                delay = max(delay, 0)
                now = last
            delay += self._transmission(packet.length())
        return now + delay

    def _mark(self, packet: Packet) -> cython.bint:
        # Its header is its own: pieces of a super-segment have theirs, and whole packets belong to whoever has them.
        if not set_ce(packet.buf, packet.head + self._device.header_len):
            return False
        self.marked += 1
        return True

    def _transmission(self, octets: cython.double) -> cython.longlong:
        return int(octets * 8e9 / self._rate)

    def _deviation(self) -> cython.longlong:
        u: cython.double = self._shape.draw()
        if self._kind == "uniform":
            return int((2 * u - 1) * self._jitter)
        return int(_deviations(self._kind, u) * self._jitter)

    def _flip_bit(self, packet: Packet) -> None:
        # Into a copy: by-reference payload belongs to the sender. The receiver must see a checksum that fails.
        packet.linearize()
        packet.complete_checksum()
        packet.csum = CSUM_NONE
        self.corrupted += 1
        if packet.length() == 0:
            return
        bit: cython.uint = self._where.below(8 * packet.length())
        packet.buf[packet.head + (bit >> 3)] ^= 1 << (bit & 7)


_NORMAL = NormalDist()


def _deviations(kind: str, u: float) -> float:
    """The number whose place in netem's distribution of this name is u, in units of the jitter."""
    u = min(max(u, 1e-9), 1 - 1e-9)
    normal = _NORMAL.inv_cdf(u)
    # iproute2's pareto.c: shape 3, mean taken off, scaled.
    pareto = ((1 - u) ** (-1.0 / 3.0) - 1.5) * 4 / 3
    x = {"normal": normal, "pareto": pareto, "paretonormal": 0.25 * normal + 0.75 * pareto}[kind]
    return float(min(max(x, -DEVIATIONS), DEVIATIONS))


def impair(
    device: Device, spec: str, entropy: Entropy, timers: Timers, *, egress: bool = True, ingress: bool = True
) -> list[Impairment]:
    """Put a device's traffic under a spec, each direction on its own; what stood there before is replaced.

    A spec of no words takes impairment away. Raises ValueError that names the word in the way.
    """
    new: list[Impairment | None] = [None, None]
    for i, (name, wanted) in enumerate((("egress", egress), ("ingress", ingress))):
        if wanted and spec.strip():
            new[i] = Impairment(spec, entropy.fork(f"{device.name} {name}"), timers, device, i == 0)
    for stage in (device.egress, device.ingress):
        if isinstance(stage, Impairment):
            stage.close()
    device.egress, device.ingress = new
    if device.ingress is not None and device.gro is None:
        device.gro = Gro(device)  # what the dice cut and did not touch is joined again
    return [stage for stage in new if stage is not None]
