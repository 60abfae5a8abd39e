"""A connection led at random through every state by a peer that mixes what is legal with what is not.

The peer keeps a model: both streams are patterns, so each octet says where it belongs. After every step the model is
held against the connection; at the end both sides finish, and whatever was not reset must have arrived whole.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from usernet.core.const import MASK32
from usernet.core.seq import seq_le
from usernet.tcp.const import ACK, CLOSED, FIN, LISTEN, PSH, RST, SYN, SYN_RECEIVED, SYN_SENT, TIME_WAIT, URG
from usernet.tcp.settings import Settings
from usernet.tcp.state import NAMES, TRANSITIONS
from usernet.tcp.tcb import Tcb
from usernet.testing.peer import Owner, Scene, Sent

STREAM = 1 << 20
OURS = bytes((i * 7 + i // 253) & 0xFF for i in range(STREAM))
THEIRS = bytes((i * 11 + i // 241 + 5) & 0xFF for i in range(STREAM))
MSS = 1000
# States that one event after another leads to: segments that complete a handshake or a close do several at once.
REACHABLE: dict[int, set[int]] = {}
for _state in NAMES:
    REACHABLE[_state] = {_state}
for _ in range(4):
    for (_state, _event), _after in TRANSITIONS.items():
        for _known in REACHABLE.values():
            if _state in _known:
                _known.add(_after)


class Dice:
    """Choices from octets (a fuzzer's or hypothesis'), 0 when they are used up; or from a seeded generator."""

    def __init__(self, source: bytes | Random) -> None:
        self.source = source
        self.at = 0

    def below(self, n: int) -> int:
        if isinstance(self.source, Random):
            return self.source.randrange(n)
        size = 1 if n <= 256 else 4
        octets = self.source[self.at : self.at + size]
        self.at += size
        return int.from_bytes(octets, "big") % n

    def of(self, *choices: Any) -> Any:
        return choices[self.below(len(choices))]

    @property
    def is_used_up(self) -> bool:
        return not isinstance(self.source, Random) and self.at >= len(self.source)


class Walk:
    """One connection and its peer. ``met`` holds (state, action) pairs that happened."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.scene = Scene(
            gso_max=dice.of(0, 65535),
            pool=16 << 20,
            tcp_sack=dice.below(2),
            tcp_timestamps=dice.below(2),
            tcp_congestion_control=dice.of("cubic", "reno"),
        )
        self.peer = self.scene.peer()
        self.listener: Any = None
        self.tcb: Tcb | None = None
        self.owner = Owner()
        self.ts = 1
        self.is_reset = False  # by either side, or given up: from here on a prefix is enough
        self.is_closed = False  # the user let go
        self.written = self.read = 0
        self.sent_up_to = 0  # of the peer's stream
        self.peer_fin = self.our_fin = False
        self.arrived: list[tuple[int, int]] = []  # of our stream, at the peer
        self.edge = 1 << 16
        self.last_ack = 0
        self.met: set[tuple[int, str]] = set()
        self.log: list[str] = []
        self._open()

    # What the model knows.

    @property
    def state(self) -> int:
        if self.tcb is not None:
            if self.tcb.state == CLOSED and any(x.state == TIME_WAIT for x in self.scene.tcp.tcbs()):
                return TIME_WAIT
            return self.tcb.state
        return min((x.state for x in self.scene.tcp.tcbs() if x.state != LISTEN), default=LISTEN)

    @property
    def acked_by_peer(self) -> int:
        """Our sequence number, relative, that the peer expects next."""
        high = self.arrived[0][1] if self.arrived and self.arrived[0][0] == 0 else 0
        return 1 + high + (1 if self.our_fin and high == self.written else 0)

    @property
    def next_seq(self) -> int:
        return 1 + self.sent_up_to + (1 if self.peer_fin else 0)

    # The handshake, in three ways.

    def _open(self) -> None:
        # Urgent octets stay in the stream, whose octets the model knows.
        settings = Settings()
        settings.oobinline = True
        how = self.dice.of("passive", "active", "crossed")
        options: dict[str, Any] = {"mss": MSS, "wscale": 2, "sack_permitted": bool(self.dice.below(2))}
        if self.dice.below(2):
            options["ts"] = (self.ts, 0)
        self.log.append(f"{how} {options}")
        if how == "passive":
            self.listener = self.scene.listen(settings=settings)
            self._disturb()
            self.peer.send(SYN, **options)
            self._hear()
            self._disturb()
        else:
            binding = self.scene.tcp.bind(self.peer.local, 80, 4, 0)
            self.tcb = self.scene.tcp.connect(
                self.owner, binding, self.peer.remote, self.peer.remote_port, settings, self.scene.now
            )
            self.scene.tcp.unbind(binding)
            self._hear()
            self._disturb()
            flags = SYN if how == "crossed" else SYN | ACK
            self.peer.send(flags, ack=1, **options)
            self._hear()
            self._disturb()
        if "ts" in options and self.scene.tcp.sysctls.timestamps:
            self.peer.ts = self.ts
        self.acknowledge()

    def _disturb(self) -> None:
        # Before the handshake is done.
        for _ in range(self.dice.below(4)):
            name = EARLY[self.dice.below(len(EARLY))]
            before = self.state
            self.met.add((before, name))
            self.log.append(f"{NAMES[before]} {name}")
            getattr(self, name)()
            self._hear()
            assert self.state == before, f"{name} led from {NAMES[before]} to {NAMES[self.state]}"
            self.check()

    def _adopt(self) -> None:
        if self.listener is not None and self.tcb is None:
            self.tcb = self.listener.accept(self.scene.now)
            if self.tcb is not None:
                self.tcb.owner = self.owner

    # One step.

    def step(self) -> None:
        actions = LEGAL if self.dice.below(3) else ILLEGAL
        name = actions[self.dice.below(len(actions))]
        before = self.state
        self.met.add((before, name))
        self.log.append(f"{NAMES.get(before, before)} {name}")
        getattr(self, name)()
        self._adopt()
        self._hear()
        after = self.state
        assert after in REACHABLE[before] or self.tcb is None, f"{NAMES[before]} to {NAMES[after]}"
        self.check()

    def check(self) -> None:
        """What always holds."""
        tcb = self.tcb
        pool = self.scene.context.pool
        assert 0 <= pool.used <= 16 << 20
        if tcb is None:
            return
        assert seq_le(tcb.snd_una, tcb.snd_nxt)
        board = tcb.board
        records = [board.record(i) for i in range(board.count())]
        assert sum(r.segs for r in records) == board.packets_out
        assert board.in_flight() >= 0 and tcb.cc.cwnd >= 1
        if records:
            assert records[0].start == tcb.snd_una and records[-1].end == tcb.snd_nxt
        if tcb.state == CLOSED and not self.scene.sender.sent:
            assert board.count() == 0 and tcb.outq() == 0

    def _hear(self) -> None:
        """Every segment sent: its text belongs where it stands, and it acknowledges nothing that was not said."""
        for sent in self.peer.drain():
            assert sent.valid and sent.checksum_ok
            if sent.flags & RST:
                self.is_reset = self.is_reset or self._ends(sent)
                continue
            if sent.flags & SYN:
                continue
            start = (sent.seq - 1) & MASK32
            if start < STREAM and (sent.payload or sent.flags & FIN):
                end = start + len(sent.payload)
                assert sent.payload == OURS[start:end], f"octets {start}..{end} are not those written"
                assert end <= self.written and end + 1 <= self.edge + MSS
                self._arrive(start, end)
                if sent.flags & FIN:
                    assert end == self.written, "a FIN before the last octet"
                    self.our_fin = True
            if sent.flags & ACK and sent.ack:
                assert self.last_ack <= sent.ack <= self.next_seq, f"ACK {sent.ack} of {self.next_seq}"
                self.last_ack = sent.ack

    def _ends(self, sent: Sent) -> bool:
        # Answers to junk are RSTs too, and end nothing.
        return self.tcb is not None and self.tcb.state == CLOSED and self.dice is not None and sent.seq != 0

    def _arrive(self, start: int, end: int) -> None:
        kept = []
        for low, high in [*self.arrived, (start, end)]:
            if high < start or low > end:
                kept.append((low, high))
            else:
                start, end = min(start, low), max(end, high)
        self.arrived = sorted([*kept, (start, end)])

    # Legal: what an honest peer, a bad network and a user do.

    def segment(self, flags: int, *, seq: int, payload: bytes = b"", wnd: int | None = None, **more: Any) -> None:
        wnd = 65535 if wnd is None else wnd
        self.ts += 1
        if self.peer.ts is not None:
            self.peer.ts = self.ts
        ack = more.pop("ack", self.acked_by_peer)
        self.edge = max(self.edge, ack + (wnd << 2))
        self.peer.send(flags, seq=seq, ack=ack, wnd=wnd, payload=payload, **more)

    def text(self) -> None:
        if self.peer_fin:
            return self.acknowledge()
        size = 1 + self.dice.below(3000)
        start = self.sent_up_to
        self.sent_up_to = min(start + size, STREAM)
        if self.dice.below(4):  # else it is lost
            self.segment(ACK | PSH, seq=1 + start, payload=THEIRS[start : self.sent_up_to])
        return None

    def text_again(self) -> None:
        start = max(self.last_ack - 1, 0) if self.dice.below(2) else self.dice.below(self.sent_up_to + 1)
        end = min(start + self.dice.below(2000), self.sent_up_to)
        fin = FIN if self.peer_fin and end == self.sent_up_to else 0
        self.segment(ACK | fin, seq=1 + start, payload=THEIRS[start:end])

    def acknowledge(self) -> None:
        self.segment(ACK, seq=self.next_seq)

    def acknowledge_less(self) -> None:
        self.segment(ACK, seq=self.next_seq, ack=1 + self.dice.below(self.acked_by_peer))

    def sack(self) -> None:
        blocks = [(1 + low, 1 + high) for low, high in self.arrived if low > 0 and high > low][:3]
        self.segment(ACK, seq=self.next_seq, sack=blocks)

    def window(self) -> None:
        self.segment(ACK, seq=self.next_seq, wnd=self.dice.of(0, 1, 100, 2000, 65535))

    def fin(self) -> None:
        if self.tcb is not None and self.tcb.state not in (SYN_SENT, SYN_RECEIVED, CLOSED):
            self.peer_fin = True
            # It may have crossed ours.
            ack = self.acked_by_peer - (1 if self.our_fin and self.dice.below(2) else 0)
            self.segment(FIN | ACK, seq=1 + self.sent_up_to, ack=ack)

    def time(self) -> None:
        self.scene.advance(ms=self.dice.of(1, 10, 50, 210, 1000, 3000))

    def long_time(self) -> None:
        self.scene.advance(s=self.dice.of(10, 70))

    def send(self) -> None:
        if self.tcb is None or self.is_closed:
            return
        size = 1 + self.dice.below(20000)
        taken = self.tcb.send(OURS[self.written : self.written + size], self.scene.now, not self.dice.below(5))
        self.written += max(taken, 0)

    def receive(self) -> None:
        if self.tcb is not None and not self.is_closed:
            data = self.tcb.recv(1 + self.dice.below(8000), False, self.scene.now) or b""
            assert data == THEIRS[self.read : self.read + len(data)], "not the peer's octets in order"
            self.read += len(data)

    def peek(self) -> None:
        if self.tcb is not None and not self.is_closed:
            data = self.tcb.recv(1 + self.dice.below(8000), True, self.scene.now) or b""
            assert data == THEIRS[self.read : self.read + len(data)], "not the octets that come next"

    def shutdown(self) -> None:
        if self.tcb is not None and not self.is_closed and not self.dice.below(3):
            self.tcb.shutdown_send(self.scene.now)

    def close(self) -> None:
        if self.tcb is not None and not self.is_closed and not self.dice.below(8):
            self.is_closed = True
            self.is_reset |= self.tcb.available() > 0 or self.tcb.state in (SYN_SENT, SYN_RECEIVED)
            self.tcb.close(self.scene.now)
            # Text that nobody will read is answered with a RST.
            self.is_reset |= not self.peer_fin

    def options(self) -> None:
        if self.tcb is not None and not self.is_closed:
            setattr(self.tcb.settings, self.dice.of("nodelay", "cork", "quickack"), bool(self.dice.below(2)))
            self.tcb.settings_changed(self.scene.now)

    # Illegal: what no honest peer sends. None of it may reach a stream or end a connection.

    def junk(self) -> None:
        flags = self.dice.below(256) & ~RST
        seq = self.next_seq + self.dice.of(1 << 20, 1 << 28, -(1 << 20), 1 << 30)
        self.peer.send(
            flags & ~SYN if self.tcb is None and self.listener is not None else flags | ACK,
            seq=seq, ack=self.dice.below(1 << 32), wnd=self.dice.below(65536), payload=b"?" * self.dice.below(50),
        )  # fmt: skip

    def reset_outside(self) -> None:
        self.peer.send(RST, seq=self.next_seq + self.dice.of(1 << 20, -5000, -1), wnd=0)

    def reset_inside(self) -> None:
        if self.tcb is not None and self.tcb.state not in (SYN_SENT, CLOSED):
            # Anywhere but at the number expected: RFC 5961 3.2 challenges it.
            self.peer.send(RST, seq=self.last_ack + 1 + self.dice.below(500) if self.last_ack else 777)

    def syn(self) -> None:
        if self.tcb is not None and self.state != TIME_WAIT and self.tcb.state not in (SYN_SENT, CLOSED):
            self.peer.send(SYN, seq=self.next_seq + self.dice.below(5000))

    def ack_of_the_future(self) -> None:
        self.peer.send(ACK, seq=self.next_seq, ack=self.acked_by_peer + (1 << 24), payload=b"!" * self.dice.below(9))

    def acknowledge_ahead(self) -> None:
        self.peer.send(ACK, seq=self.next_seq, ack=2 + self.dice.below(1 << 20))

    def sack_of_nonsense(self) -> None:
        a, b = self.dice.below(1 << 32), self.dice.below(1 << 32)
        self.segment(ACK, seq=self.next_seq, sack=[(a, b), (b, a), (a, a)])

    def old_timestamp(self) -> None:
        if self.peer.ts is not None and self.tcb is not None and self.tcb.ts_ok:
            self.peer.send(ACK, seq=self.next_seq, ack=1, payload=b"!", ts=((self.ts - 5000) & MASK32, 0))

    def urgent(self) -> None:
        self.segment(ACK | URG, seq=self.next_seq)

    def icmp(self) -> None:
        self.peer.icmp(self.acked_by_peer + self.dice.of(0, 1 << 20), self.dice.of(113, 111, 101))

    # The end.

    def finish(self) -> None:
        """Both sides close in peace; then everything was delivered and nothing is left."""
        for _ in range(400):
            tcb = self.tcb
            if tcb is None or tcb.state == CLOSED:
                break
            self._read_all()
            if not self.is_closed:
                tcb.shutdown_send(self.scene.now)
            self.peer_fin = True
            start = max(self.last_ack - 1, 0)
            end = min(start + MSS, self.sent_up_to)
            self._hear()
            self.segment(ACK | (FIN if end == self.sent_up_to else 0), seq=1 + start, payload=THEIRS[start:end])
            self._hear()
            self.scene.advance(ms=300)
            self._hear()
        self.check()
        self._read_all()
        tcb = self.tcb
        if tcb is not None:
            ended = tcb.take_error()
            if not self.is_reset and not ended and not self.is_closed:
                assert self.arrived in ([(0, self.written)], [(0, 0)], []), f"{self.arrived} of {self.written}"
                assert self.read == self.sent_up_to, f"read {self.read} of {self.sent_up_to}"
                assert not self.arrived or self.arrived[0][1] == self.written
            if not self.is_closed:
                tcb.close(self.scene.now)
        if self.listener is not None:
            self.listener.close(self.scene.now)
        self.scene.advance(s=2000)
        assert self.scene.leaves_nothing()

    def _read_all(self) -> None:
        while self.tcb is not None and not self.is_closed:
            data = self.tcb.recv(1 << 20, False, self.scene.now)
            if not data:
                return
            assert data == THEIRS[self.read : self.read + len(data)], "not the peer's octets in order"
            self.read += len(data)


LEGAL = (
    "text", "text", "text", "text_again", "text_again", "acknowledge", "acknowledge", "acknowledge_less", "sack",
    "window", "fin", "time", "time", "send", "send", "send", "receive", "receive", "peek", "shutdown", "close",
    "options", "long_time",
)  # fmt: skip
ILLEGAL = (
    "junk", "junk", "reset_outside", "reset_inside", "syn", "ack_of_the_future", "sack_of_nonsense", "old_timestamp",
    "urgent", "icmp",
)  # fmt: skip
EARLY = ("junk", "reset_outside", "ack_of_the_future", "icmp", "options", "send", "receive", "acknowledge_ahead")


def run(source: bytes | Random, steps: int, watch: Callable[[Walk], None] | None = None) -> Walk:
    """Walk so many steps, or until the octets are used up, and finish."""
    walk = Walk(Dice(source))
    for _ in range(steps):
        if walk.dice.is_used_up:
            break
        walk.step()
        if watch is not None:
            watch(walk)
    walk.finish()
    return walk
