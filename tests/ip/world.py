"""A stack's IP floor on a wire that only records, with a transport that only notes: scripts run in virtual time."""

from __future__ import annotations

from typing import NamedTuple

from usernet.core.const import MS, SECOND
from usernet.core.context import Context
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet, new_packet
from usernet.core.sender import IcmpError, Transport
from usernet.core.timers import Timers
from usernet.ip.address import parse_cidr, parse_ip
from usernet.ip.layer import IpLayer
from usernet.link.const import F_ALL, IFF_BROADCAST, IFF_LOOPBACK
from usernet.link.device import Device
from usernet.wire.arp import ArpMessage, emit_arp, parse_arp
from usernet.wire.ethernet import emit_ethernet
from usernet.wire.icmpv4 import IcmpMessage
from usernet.wire.ip_const import HEADER_OK, IP_DF, IP_MF
from usernet.wire.ipv4 import Ipv4Header, fix_checksum

MAC = b"\x02\x00\x00\x00\x00\x01"
PEER = b"\x02\x00\x00\x00\x00\x02"
OTHER = b"\x02\x00\x00\x00\x00\x03"
BROADCAST = b"\xff" * 6
UDP = 17
TCP = 6
ICMP = 1


class Wire(Device):
    """Keeps the frames that were sent."""

    def __init__(self, name: str, address: bytes, mtu: int = 1500) -> None:
        super().__init__(name, "wire", mtu, address)
        self.features = F_ALL
        self.gso_max = 65535
        self.flags |= IFF_BROADCAST
        self.frames: list[Packet] = []

    def transmit(self, packet: Packet, now: int) -> bool:
        self.frames.append(packet)
        return True


class Lo(Device):
    """Gives back what was sent when the world moves on."""

    def __init__(self) -> None:
        super().__init__("lo", "loopback", 65536, b"")
        self.features = F_ALL
        self.flags |= IFF_LOOPBACK
        self.gso_max = 65535
        self.queue: list[Packet] = []

    def transmit(self, packet: Packet, now: int) -> bool:
        self.queue.append(packet)
        return True


class Notes(Transport):
    """A transport that writes down what it is told."""

    def __init__(self) -> None:
        self.got: list[Packet] = []
        self.errors: list[IcmpError] = []
        self.changes = 0

    def receive(self, packet: Packet, now: int) -> None:
        self.got.append(packet)

    def error(self, error: IcmpError, now: int) -> None:
        self.errors.append(error)

    def paths_changed(self) -> None:
        self.changes += 1

    def payloads(self) -> list[bytes]:
        """The transport octets of what came, forgotten by asking."""
        got, self.got = self.got, []
        for packet in got:
            packet.head = packet.l4
        return [packet.tobytes() for packet in got]


class Seen(NamedTuple):
    """An IPv4 packet on the wire."""

    to: bytes
    src: str
    dst: str
    protocol: int
    payload: bytes
    header: Ipv4Header


class World:
    """One stack with eth0 (10.0.0.1/24) and lo."""

    def __init__(self, *, address: str | None = "10.0.0.1/24", pool: int = 1 << 24, mtu: int = 1500) -> None:
        self.timers = Timers()
        self.context = Context(self.timers, Entropy(b"seed"), pool)
        self.ip = IpLayer(self.context)
        self.udp = Notes()
        self.tcp = Notes()
        self.ping = Notes()
        self.ip.register(UDP, self.udp)
        self.ip.register(TCP, self.tcp)
        self.ip.echo_handler = self.ping
        self.lo = Lo()
        self.ip.add_device(self.lo).add_address(parse_ip("127.0.0.1"), 8)
        self.wire = Wire("eth0", MAC, mtu)
        self.eth0 = self.ip.add_device(self.wire)
        if address is not None:
            self.eth0.add_address(*parse_cidr(address))
        self.now = 1000 * SECOND

    @property
    def drops(self) -> dict[str, int]:
        return self.context.counters.drops

    def advance(self, *, s: int = 0, ms: int = 0) -> None:
        """Move the clock, stopping at every deadline on the way."""
        until = self.now + s * SECOND + ms * MS
        while self.timers.next_at() <= until:
            self.now = max(self.now, self.timers.next_at())
            self.timers.run(self.now)
        self.now = until

    def loop(self) -> None:
        """Run what went into lo."""
        while self.lo.queue:
            self.lo.deliver(self.lo.queue.pop(0), self.now)

    # In.

    def deliver(self, octets: bytes, wire: Wire | None = None) -> None:
        self.deliver_packet(Packet(bytearray(32) + octets, 32, 32 + len(octets)), wire)

    def deliver_packet(self, packet: Packet, wire: Wire | None = None) -> None:
        (wire or self.wire).deliver(packet, self.now)

    def gets(self, datagram: bytes, *, to: bytes = MAC, sender: bytes = PEER) -> None:
        """A frame with this IP datagram comes in."""
        self.deliver(emit_ethernet(to, sender, 0x0800) + datagram)

    def gets_arp(self, message: ArpMessage, *, to: bytes = MAC) -> None:
        self.deliver(emit_ethernet(to, message.sha, 0x0806) + emit_arp(message) + bytes(18))

    # Out.

    def send(self, dst: str, payload: bytes, *, protocol: int = UDP, df: bool = False, src: str | None = None) -> int:
        path = self.ip.path(parse_ip(dst), None if src is None else parse_ip(src), 0)
        return self.ip.send(path, segment(payload, protocol, df), self.now)

    def frames(self, wire: Wire | None = None) -> list[bytes]:
        """What was sent, forgotten by asking."""
        wire = wire or self.wire
        frames, wire.frames = wire.frames, []
        return [frame.tobytes() for frame in frames]

    def expect_arp(self, wire: Wire | None = None) -> tuple[bytes, ArpMessage]:
        """The one frame sent is ARP: its destination and message."""
        (frame,) = self.frames(wire)
        assert frame[12:14] == b"\x08\x06"
        message = parse_arp(frame[14:])
        assert message is not None
        return frame[:6], message

    def expect(self, wire: Wire | None = None) -> Seen:
        """The one frame sent is IPv4."""
        (frame,) = self.frames(wire)
        return see(frame)

    def expect_nothing(self, wire: Wire | None = None) -> None:
        assert self.frames(wire) == []

    def knows_peer(self, address: str = "10.0.0.2", lladdr: bytes = PEER) -> None:
        """The neighbour is known, so that the first packet goes out at once."""
        self.eth0.neighbours.add_static(parse_ip(address), lladdr, self.now)


def segment(payload: bytes, protocol: int = UDP, df: bool = False) -> Packet:
    """What a transport hands to send()."""
    packet = new_packet(len(payload))
    packet.buf[packet.head :] = payload
    packet.tail = len(packet.buf)
    packet.l4 = packet.head
    packet.protocol = protocol
    packet.df = df
    return packet


def see(frame: bytes) -> Seen:
    """Read a frame back, checking what any receiver checks."""
    assert frame[12:14] == b"\x08\x00"
    header = Ipv4Header()
    assert header.parse(frame, 14, len(frame)) == HEADER_OK
    assert header.total_length == len(frame) - 14
    src, dst = (".".join(map(str, frame[at : at + 4])) for at in (26, 30))
    return Seen(frame[:6], src, dst, header.protocol, frame[14 + header.hlen :], header)


def ipv4(
    src: str,
    dst: str,
    payload: bytes = b"",
    *,
    protocol: int = UDP,
    ttl: int = 64,
    tos: int = 0,
    ident: int = 0,
    df: bool = False,
    mf: bool = False,
    offset: int = 0,
    options: bytes = b"",
) -> bytes:
    """A datagram of a peer's, options padded to whole words."""
    options += bytes(-len(options) % 4)
    out = bytearray(20) + options + payload
    out[0] = 0x45 + len(options) // 4
    out[1] = tos
    out[2:4] = len(out).to_bytes(2, "big")
    out[4:6] = ident.to_bytes(2, "big")
    out[6:8] = ((offset >> 3) | (IP_DF if df else 0) | (IP_MF if mf else 0)).to_bytes(2, "big")
    out[8] = ttl
    out[9] = protocol
    out[12:20] = parse_ip(src) + parse_ip(dst)
    fix_checksum(out, 0)
    return bytes(out)


def icmp(kind: int, code: int = 0, rest: int = 0, body: bytes = b"") -> bytes:
    return bytes(IcmpMessage(kind, code, rest).emit(body))


def arp(op: int, sha: bytes, spa: str, tpa: str, tha: bytes = bytes(6)) -> ArpMessage:
    return ArpMessage(op, sha, parse_ip(spa), tha, parse_ip(tpa))
