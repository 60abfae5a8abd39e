"""A scripted TCP peer: tests in the protocol's own words, in virtual time.

``scene = Scene()``; ``peer = scene.peer()``; then ``peer.send(SYN, seq=0)``, ``peer.expect(SYN | ACK, seq=0, ack=1)``,
``scene.advance(ms=200)``, ``peer.expect_nothing()``. Sequence numbers are relative to both sides' initial ones, which
lie just below 2**32, so that wrapping is the normal case.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ..core.checksum import pseudo_sum
from ..core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, IPPROTO_TCP, MASK32, MS, NEVER, POLLIN, SECOND, US
from ..core.context import Context
from ..core.entropy import Entropy
from ..core.packet import Packet, View
from ..core.ready import Pollable
from ..core.sender import IcmpError, Path, Sender
from ..core.timers import Timers
from ..tcp.const import ACK, PSH, SYN
from ..tcp.isn import initial_sequence
from ..tcp.protocol import Tcp
from ..tcp.settings import Settings
from ..tcp.table import make_key
from ..tcp.tcb import Tcb
from ..wire.tcp import Segment, emit, flag_letters, sack_option, syn_options, timestamp_option

ISN = 0xFFFFFF00
HEADER = {4: 20, 6: 40}
LOCAL = bytes((10, 0, 0, 1))
REMOTE = bytes((192, 0, 2, 1))


class FakeSender(Sender):
    """A network layer that keeps what it is given. ``refuse`` is a negative errno to answer with instead.

    ``metrics`` are what the route says of its paths: fields of Path.
    """

    __slots__ = ("advmss", "gso_max", "metrics", "mtu", "paths", "refuse", "sent", "unreachable")

    def __init__(self, mtu: int, gso_max: int) -> None:
        self.mtu = mtu
        self.advmss = 0
        self.gso_max = gso_max
        self.metrics: dict[str, int | str] = {}
        self.sent: deque[Packet] = deque()
        self.paths: list[Path] = []
        self.refuse = 0
        self.unreachable = 0

    def path(self, dst: bytes, src: bytes | None, oif: int) -> Path:
        """A path to anywhere."""
        if self.unreachable:
            raise OSError(self.unreachable, "unreachable")
        family = 4 if len(dst) == 4 else 6
        src = src or (LOCAL if family == 4 else bytes(15) + b"\x01")
        path = Path(family, src, dst)
        path.mtu = self.mtu
        path.advmss = self.advmss
        path.gso_max = self.gso_max
        path.pseudo = pseudo_sum(src + dst, 0, len(dst), 0, 0)
        for name, value in self.metrics.items():
            setattr(path, name, value)
        self.paths.append(path)
        return path

    def send(self, path: Path, packet: Packet, now: int) -> int:
        """Keep the packet, with its addresses noted in front as a received one has them."""
        if self.refuse:
            return self.refuse
        head = bytes(path.src + path.dst)
        payload = packet.tobytes()
        wire = Packet(bytearray(head + payload), 0, len(head) + len(payload))
        wire.addr_off, wire.addr_len = 0, len(path.src)
        wire.l4 = len(head)
        wire.csum, wire.csum_start, wire.csum_offset = packet.csum, wire.l4, packet.csum_offset
        wire.gso_size, wire.gso_type = packet.gso_size, packet.gso_type
        wire.tos, wire.ttl, wire.mark, wire.df = packet.tos, packet.ttl, packet.mark, packet.df
        self.sent.append(wire)
        return 0

    def is_local(self, address: bytes) -> bool:
        """LOCAL and the loopback addresses are ours."""
        return address in (LOCAL, bytes((127, 0, 0, 1)), bytes(15) + b"\x01")

    def update_pmtu(self, dst: bytes, mtu: int, now: int) -> None:
        """A smaller MTU kills the paths given out."""
        if mtu < self.mtu:
            self.new_mtu(mtu)

    def new_mtu(self, mtu: int) -> None:
        """The path MTU changed: paths given out die."""
        self.mtu = mtu
        for path in self.paths:
            path.alive = False
        self.paths.clear()


class Owner(Pollable):
    """A socket's stand-in that notes what it was woken with."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        super().__init__()
        self.events = 0

    def poll(self) -> int:
        """What it was woken with so far."""
        return self.events

    def wake(self, events: int) -> None:
        """Note it."""
        self.events |= events

    def take(self) -> int:
        """The events since the last call."""
        events, self.events = self.events, 0
        return events


class Scene:
    """One stack's TCP over a FakeSender, and its clock."""

    def __init__(
        self, *, seed: bytes = b"scene", mtu: int = 1500, gso_max: int = 0, pool: int = 64 << 20, **sysctls: int | str
    ) -> None:
        self.timers = Timers()
        self.context = Context(self.timers, Entropy(seed), pool)
        self.sender = FakeSender(mtu, gso_max)
        self.tcp = Tcp(self.context, self.sender)
        self.counters = self.context.counters
        self.now = SECOND
        for name, value in sysctls.items():
            self.context.sysctl.set("net.ipv4." + name if name[:3] in ("tcp", "ip_") else "net.core." + name, value)

    def peer(self, **where: Any) -> Peer:
        """A peer of this stack."""
        return Peer(self, **where)

    def advance(self, *, s: float = 0, ms: float = 0, us: float = 0, ns: int = 0) -> None:
        """Let time pass, timers expiring when they are due."""
        self.run_until(self.now + int(s * SECOND) + int(ms * MS) + int(us * US) + ns)

    def run_until(self, at: int) -> None:
        """Let time pass until an instant."""
        while True:
            due = self.timers.next_at()
            if due > at or due == NEVER:
                break
            self.now = max(self.now, due)
            self.timers.run(self.now)
        self.now = at

    def listen(self, port: int = 80, backlog: int = 128, settings: Settings | None = None) -> Any:
        """A listener on any address, with an Owner."""
        binding = self.tcp.bind(b"", port, 4, 1)
        return self.tcp.listen(Owner(), binding, backlog, settings or Settings())

    def leaves_nothing(self) -> bool:
        """True when no memory, timer or endpoint is left."""
        left = [x for x in self.tcp.tcbs() if x.state != 10]
        return self.context.pool.used == 0 and self.timers.next_at() == NEVER and not left


class Sent:
    """A segment the stack sent, numbers relative."""

    def __init__(self, peer: Peer, packet: Packet) -> None:
        seg = Segment()
        self.packet = packet
        self.valid = seg.parse(packet)
        if packet.csum == CSUM_PARTIAL:
            packet.complete_checksum()
        acc = pseudo_sum(packet.buf, 0, packet.addr_len, IPPROTO_TCP, packet.tail - packet.l4)
        self.checksum_ok = packet.sum_from(packet.l4, acc) == 0xFFFF
        if peer.iss is None and seg.flags & SYN:
            peer.iss = seg.seq
        self.flags = seg.flags
        self.ecn = packet.tos & 3
        self.seq = (seg.seq - (peer.iss or 0)) & MASK32
        self.ack = (seg.ack - peer.isn) & MASK32 if seg.flags & ACK else 0
        self.raw_seq, self.raw_ack = seg.seq, seg.ack
        self.wnd = seg.wnd
        self.payload = bytes(packet.buf[seg.data : packet.tail])
        self.mss, self.wscale, self.sack_permitted = seg.mss, seg.wscale, seg.sack_permitted
        self.ts = (seg.tsval, seg.tsecr) if seg.ts_ok else None
        self.sack = [
            ((seg.sack_left[i] - peer.isn) & MASK32, (seg.sack_right[i] - peer.isn) & MASK32)
            for i in range(seg.sack_count)
        ]
        self.options = bytes(packet.buf[packet.l4 + 20 : seg.data])

    def __repr__(self) -> str:
        return (
            f"{flag_letters(self.flags)} {self.seq}:{self.seq + len(self.payload)}({len(self.payload)}) "
            f"ack {self.ack} win {self.wnd} ts {self.ts} sack {self.sack}"
        )


class Peer:
    """The other end, which does only what the script says."""

    def __init__(
        self,
        scene: Scene,
        *,
        remote: bytes = REMOTE,
        local: bytes = LOCAL,
        remote_port: int = 40000,
        local_port: int = 80,
        wrap: bool = True,
    ) -> None:
        self.scene = scene
        self.remote, self.local = remote, local
        self.remote_port, self.local_port = remote_port, local_port
        self.isn = ISN
        self.iss: int | None = None
        self.wnd = 65535
        self.ts: int | None = None
        self.ts_recent = 0
        self.device: object = None
        self.ttl = 0
        if wrap:
            # ISNs follow the clock: begin at the instant at which ours is ISN as well.
            key = make_key(remote, local, remote_port, local_port)
            ticks = (ISN - initial_sequence(scene.tcp, key, scene.now)) & MASK32
            scene.run_until(scene.now + ticks * 64)

    def send(
        self,
        flags: int,
        *,
        seq: int = 0,
        ack: int = 0,
        wnd: int | None = None,
        payload: bytes = b"",
        options: bytes | None = None,
        mss: int = 0,
        wscale: int = -1,
        sack_permitted: bool = False,
        sack: list[tuple[int, int]] | None = None,
        ts: tuple[int, int] | None = None,
        gso_size: int = 0,
        frags: bool = False,
        checksum: str = "unnecessary",
        ecn: int = 0,
    ) -> None:
        """One segment to the stack; seq is relative to the peer's ISN, ack and sack to the stack's."""
        iss = self.iss or 0
        if options is None:
            options = b""
            if ts is None and self.ts is not None:
                ts = (self.ts, self.ts_recent)
            if flags & SYN:
                if mss or wscale >= 0 or sack_permitted or ts:
                    options = syn_options(mss or 536, wscale, sack_permitted, ts)
            elif ts is not None:
                options = timestamp_option(*ts)
            if sack:
                options += sack_option([((a + iss) & MASK32, (b + iss) & MASK32) for a, b in sack])
        number = (ack + iss) & MASK32 if flags & ACK else 0
        octets = emit(
            self.remote_port, self.local_port, (seq + self.isn) & MASK32, number, flags,
            self.wnd if wnd is None else wnd, options, b"" if frags else payload,
        )  # fmt: skip
        self.send_octets(octets, gso_size=gso_size, frag=payload if frags else b"", checksum=checksum, ecn=ecn)

    def send_octets(
        self, octets: bytes, *, gso_size: int = 0, frag: bytes = b"", checksum: str = "unnecessary", ecn: int = 0
    ) -> None:
        """Any octets as a segment from this peer."""
        head = self.remote + self.local
        buf = bytearray(8) + head + octets
        packet = Packet(buf, 8, len(buf))
        packet.addr_off, packet.addr_len = 8, len(self.remote)
        packet.l4 = 8 + len(head)
        packet.protocol = IPPROTO_TCP
        packet.gso_size = gso_size
        packet.tos = ecn
        packet.device = self.device
        packet.ttl = self.ttl
        packet.csum = CSUM_UNNECESSARY
        if frag:
            packet.add_frag(View(frag, 0, len(frag)))
        if checksum != "unnecessary":
            acc = pseudo_sum(buf, 8, len(self.remote), IPPROTO_TCP, len(octets) + len(frag))
            check = packet.sum_from(packet.l4, acc) ^ 0xFFFF ^ (1 if checksum == "bad" else 0)
            buf[packet.l4 + 16 : packet.l4 + 18] = check.to_bytes(2, "big")
            packet.csum = CSUM_NONE
        self.scene.tcp.receive(packet, self.scene.now)

    def icmp(self, seq: int, err: int, *, kind: int = 3, code: int = 1, info: int = 0, fatal: bool = False) -> None:
        """An ICMP error that quotes a segment of the stack's with this relative sequence number."""
        error = IcmpError()
        error.family = 4
        error.kind, error.code, error.err, error.info, error.fatal = kind, code, err, info, fatal
        number = ((self.iss or 0) + seq) & MASK32
        # Of the quoted IP header all from the TTL on, which is what was left when the reporter saw it.
        error.buf = (
            bytes((self.ttl, IPPROTO_TCP, 0, 0))
            + self.local + self.remote + self.local_port.to_bytes(2, "big") + self.remote_port.to_bytes(2, "big")
            + number.to_bytes(4, "big")
        )  # fmt: skip
        error.addr_off, error.addr_len, error.l4, error.end = 4, 4, 12, 20
        self.scene.tcp.error(error, self.scene.now)

    def take(self) -> Sent:
        """The next segment sent to this peer, whatever it is."""
        if not self.scene.sender.sent:
            raise AssertionError("nothing was sent")
        sent = Sent(self, self.scene.sender.sent.popleft())
        if sent.ts is not None:
            self.ts_recent = sent.ts[0]
        return sent

    def expect(
        self,
        flags: int,
        *,
        seq: int | None = None,
        ack: int | None = None,
        length: int | None = None,
        payload: bytes | None = None,
        wnd: int | None = None,
        sack: list[tuple[int, int]] | None = None,
        ecn: int | None = None,
    ) -> Sent:
        """The next segment sent must be like this; PSH counts only when asked for."""
        sent = self.take()
        assert sent.valid and sent.checksum_ok, f"malformed or bad checksum: {sent}"
        mask = 0x1FF if flags & PSH else 0x1FF & ~PSH
        assert sent.flags & mask == flags & mask, f"expected {flag_letters(flags)}, got {sent}"
        for name, wanted, got in (
            ("seq", seq, sent.seq),
            ("ack", ack, sent.ack),
            ("length", length, len(sent.payload)),
            ("payload", payload, sent.payload),
            ("wnd", wnd, sent.wnd),
            ("sack", sack, sent.sack),
            ("ecn", ecn, sent.ecn),
        ):
            assert wanted is None or wanted == got, f"expected {name} {wanted!r}, got {sent}"
        return sent

    def expect_nothing(self) -> None:
        """Nothing (more) was sent."""
        sent = [Sent(self, packet) for packet in self.scene.sender.sent]
        assert not sent, f"expected nothing, got {sent}"

    def drain(self) -> list[Sent]:
        """All segments sent so far."""
        out = []
        while self.scene.sender.sent:
            out.append(self.take())
        return out

    # Openings, for tests whose subject comes later.

    def open_passive(self, listener: Any, *, rtt_ms: float = 0, **options: Any) -> tuple[Tcb, Owner]:
        """SYN, SYN,ACK, ACK after a round trip; returns the accepted connection and its owner."""
        options.setdefault("mss", 1460)
        self.send(SYN, seq=0, **options)
        answer = self.expect(SYN | ACK, seq=0, ack=1)
        if answer.ts is not None:
            self.ts = options["ts"][0]
        self.scene.advance(ms=rtt_ms)
        self.send(ACK, seq=1, ack=1)
        tcb = listener.accept(self.scene.now)
        assert tcb is not None
        owner = Owner()
        tcb.owner = owner
        listener.owner.take()
        return tcb, owner

    def open_active(self, settings: Settings | None = None, **options: Any) -> tuple[Tcb, Owner]:
        """connect() from the stack, answered; returns the connection and its owner."""
        scene = self.scene
        owner = Owner()
        options.setdefault("mss", 1460)
        binding = scene.tcp.bind(self.local, self.local_port, 4, 0)
        tcb = scene.tcp.connect(owner, binding, self.remote, self.remote_port, settings or Settings(), scene.now)
        scene.tcp.unbind(binding)
        sent = self.expect(SYN, seq=0)
        if sent.ts is not None and "ts" in options:
            options["ts"] = (options["ts"][0], sent.ts[0])
            self.ts = options["ts"][0]
        self.send(SYN | ACK, seq=0, ack=1, **options)
        self.expect(ACK, seq=1, ack=1)
        owner.take()
        return tcb, owner


__all__ = ["ISN", "POLLIN", "FakeSender", "Owner", "Peer", "Scene", "Sent"]
