"""Two stacks' TCP joined by an imperfect wire in memory, in virtual time."""

from __future__ import annotations

from heapq import heappop, heappush

from ..core.checksum import pseudo_sum
from ..core.const import CSUM_UNNECESSARY, GSO_ACCECN, IPPROTO_TCP, MS, NEVER, SECOND
from ..core.context import Context
from ..core.entropy import Entropy
from ..core.packet import Packet
from ..core.sender import Path, Sender
from ..core.timers import Timers
from ..tcp.const import CE, CWR, FIN, PSH
from ..tcp.protocol import Tcp
from ..wire.tcp import Segment, emit

A = bytes((10, 0, 0, 1))
B = bytes((10, 0, 0, 2))


class Pair:
    """Stacks a and b and the wire between them.

    Each wire segment is lost, duplicated or held back with the given probabilities; super-segments are cut first unless
    ``whole``. ``rate`` is in octets a second behind a queue of ``queue`` octets, 0 for no limit. ECN-capable segments
    are marked with the probability ``mark``, and behind more than ``mark_above`` octets of queue
    (0: never); ``marked`` counts them by where they go. ``sysctls`` are both ends'.
    """

    def __init__(
        self,
        *,
        seed: bytes = b"pair",
        delay_ms: float = 10,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        mtu: int = 1500,
        gso_max: int = 65535,
        whole: bool = False,
        rate: int = 0,
        queue: int = 100_000,
        pool: int = 64 << 20,
        mark: float = 0.0,
        mark_above: int = 0,
        **sysctls: int | str,
    ) -> None:
        self.entropy = Entropy(seed)
        self.timers = Timers()
        self.now = SECOND
        self.delay = int(delay_ms * MS)
        self.loss, self.duplicate, self.reorder = loss, duplicate, reorder
        self.mtu, self.gso_max, self.whole = mtu, gso_max, whole
        self.rate, self.queue = rate, queue
        self.busy_until: dict[bytes, int] = {A: 0, B: 0}
        self.flying: list[tuple[int, int, bytes, Packet]] = []
        self.count = 0
        self.lost = 0
        self.mark, self.mark_above = mark, mark_above
        self.marked = {A: 0, B: 0}
        self.contexts = {end: Context(self.timers, self.entropy.fork(repr(end)), pool) for end in (A, B)}
        self.tcps = {end: Tcp(self.contexts[end], _WireSender(self, end)) for end in (A, B)}
        self.a, self.b = self.tcps[A], self.tcps[B]
        for context in self.contexts.values():
            for name, value in sysctls.items():
                context.sysctl.set(f"net.ipv4.{name}", value)

    def launch(self, dst: bytes, packet: Packet) -> None:
        """A packet leaves for dst."""
        for piece in [packet] if self.whole or not packet.gso_size else _cut(packet):
            if self.entropy.unit() < self.loss:
                self.lost += 1
                continue
            if self.mark and piece.tos & 3 and self.entropy.unit() < self.mark:
                piece.tos |= CE
                self.marked[dst] += 1
            self._fly(dst, piece)
            if self.entropy.unit() < self.duplicate:
                self._fly(dst, piece.clone())

    def _fly(self, dst: bytes, packet: Packet) -> None:
        at = self.now
        size = packet.length() + 20
        if self.rate:
            start = max(at, self.busy_until[dst])
            if (start - at) * self.rate // SECOND > self.queue:
                self.lost += 1
                return
            if self.mark_above and packet.tos & 3 and (start - at) * self.rate // SECOND > self.mark_above:
                packet.tos |= CE
                self.marked[dst] += 1
            at = start + size * SECOND // self.rate
            self.busy_until[dst] = at
        at += self.delay
        if self.entropy.unit() < self.reorder:
            at += 1 + self.entropy.below(max(1, 2 * self.delay) & 0xFFFFFFFF)
        self.count += 1
        heappush(self.flying, (at, self.count, dst, packet))

    def step(self, until: int) -> bool:
        """The next thing that happens, no later than an instant. False: nothing does."""
        timer = self.timers.next_at()
        arrival = self.flying[0][0] if self.flying else NEVER
        at = min(timer, arrival)
        if at > until or at == NEVER:
            self.now = max(self.now, until) if until != NEVER else self.now
            return False
        self.now = max(self.now, at)
        if arrival <= timer:
            _, _, dst, packet = heappop(self.flying)
            self.tcps[dst].receive(packet, self.now)
        else:
            self.timers.run(self.now)
        return True

    def run(self, *, s: float = 0, ms: float = 0) -> None:
        """Let time pass."""
        until = self.now + int(s * SECOND) + int(ms * MS)
        while self.step(until):
            pass

    def leaves_nothing(self) -> bool:
        """True when neither end holds memory, timers or endpoints."""
        return all(
            self.contexts[end].pool.used == 0 and not [x for x in tcp.tcbs() if x.state != 10]
            for end, tcp in self.tcps.items()
        )


class _WireSender(Sender):
    __slots__ = ("end", "pair")

    def __init__(self, pair: Pair, end: bytes) -> None:
        self.pair = pair
        self.end = end

    def path(self, dst: bytes, src: bytes | None, oif: int) -> Path:
        path = Path(4, src or self.end, dst)
        path.mtu, path.gso_max = self.pair.mtu, self.pair.gso_max
        path.pseudo = pseudo_sum(path.src + dst, 0, 4, 0, 0)
        return path

    def send(self, path: Path, packet: Packet, now: int) -> int:
        head = path.src + path.dst
        octets = head + packet.tobytes()
        wire = Packet(bytearray(octets), 0, len(octets))
        wire.addr_off, wire.addr_len, wire.l4 = 0, 4, 8
        wire.protocol = IPPROTO_TCP
        wire.csum = CSUM_UNNECESSARY
        wire.gso_size, wire.gso_type = packet.gso_size, packet.gso_type
        wire.tos = packet.tos
        self.pair.launch(path.dst, wire)
        return 0

    def is_local(self, address: bytes) -> bool:
        return address == self.end


def _cut(packet: Packet) -> list[Packet]:
    # A super-segment as the wire segments it stands for.
    seg = Segment()
    seg.parse(packet)
    octets = bytes(packet.buf[seg.data : packet.tail])
    options = bytes(packet.buf[packet.l4 + 20 : seg.data])
    pieces = []
    for at in range(0, len(octets), packet.gso_size):
        part = octets[at : at + packet.gso_size]
        last = at + len(part) == len(octets)
        flags = seg.flags if last else seg.flags & ~(FIN | PSH)
        if at > 0 and not packet.gso_type & GSO_ACCECN:
            flags &= ~CWR
        header = emit(seg.sport, seg.dport, (seg.seq + at) & 0xFFFFFFFF, seg.ack, flags, seg.wnd, options, part)
        piece = Packet(packet.buf[:8] + header, 0, 8 + len(header))
        piece.addr_off, piece.addr_len, piece.l4 = 0, 4, 8
        piece.csum = CSUM_UNNECESSARY
        piece.tos = packet.tos
        pieces.append(piece)
    return pieces
