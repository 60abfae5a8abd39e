"""Packets as they are on the wire of a run: read from what the stack sends, and made for it to receive."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ...core.checksum import checksum, pseudo_sum
from ...core.const import CSUM_NONE, CSUM_PARTIAL, GSO_TCPV4, HEADROOM, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from ...core.packet import Packet
from .script import TcpOption

IPV4 = 20
TTL = 255


@dataclass(slots=True)
class Live:
    """One packet: IP fields, then those of TCP, ICMP or UDP by ``protocol``. ``at`` is its instant in nanoseconds.

    ``options`` are None where they are malformed; ``faults`` says what is wrong with the packet itself.
    """

    at: int
    protocol: int
    src: bytes
    dst: bytes
    sport: int = 0
    dport: int = 0
    tos: int = 0
    ttl: int = TTL
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    urgent: int = 0
    options: list[TcpOption] | None = field(default_factory=list)
    kind: int = 0
    code: int = 0
    rest: int = 0
    payload: bytes = b""
    faults: tuple[str, ...] = ()
    gso_size: int = 0

    def option(self, kind: int) -> TcpOption | None:
        """The first TCP option of a kind."""
        return next((option for option in self.options or () if option.kind == kind), None)

    def timestamps(self) -> tuple[int, int] | None:
        """Value and echo of the timestamp option."""
        option = self.option(8)
        if option is None or len(option.body) != 8:
            return None
        value, echo = struct.unpack("!II", option.body)
        return value, echo


def read(packet: Packet, at: int) -> Live:
    """What the stack sent: an IPv4 datagram, perhaps a super-segment, its checksums verified."""
    faults: list[str] = []
    if packet.csum == CSUM_PARTIAL:
        packet.complete_checksum()
    octets = packet.tobytes()
    if len(octets) < IPV4 or octets[0] >> 4 != 4:
        return Live(at, -1, b"", b"", faults=("is no IPv4 datagram",))
    size = (octets[0] & 15) * 4
    total = int.from_bytes(octets[2:4], "big")
    if checksum(octets, 0, size, 0):
        faults.append("has a bad IP checksum")
    if size != IPV4:
        faults.append(f"has {size - IPV4} octets of IP options")
    if total != len(octets):
        faults.append(f"says {total} octets in its IP header and has {len(octets)}")
    live = Live(at, octets[9], octets[12:16], octets[16:20], tos=octets[1], ttl=octets[8], gso_size=packet.gso_size)
    body = octets[size:]
    if live.protocol == IPPROTO_TCP:
        _read_tcp(live, body, faults)
    elif live.protocol == IPPROTO_UDP and len(body) >= 8:
        live.sport, live.dport = struct.unpack_from("!HH", body)
        live.payload = body[8:]
        if body[6:8] != bytes(2) and _is_damaged(live, body):
            faults.append("has a bad UDP checksum")
    elif live.protocol == IPPROTO_ICMP and len(body) >= 8:
        live.kind, live.code = body[0], body[1]
        live.rest = int.from_bytes(body[4:8], "big")
        live.payload = body[8:]
        if checksum(body, 0, len(body), 0):
            faults.append("has a bad ICMP checksum")
    live.faults = tuple(faults)
    return live


def _is_damaged(live: Live, body: bytes) -> bool:
    return bool(checksum(body, 0, len(body), pseudo_sum(live.src + live.dst, 0, 4, live.protocol, len(body))))


def _read_tcp(live: Live, body: bytes, faults: list[str]) -> None:
    if len(body) < 20 or not 20 <= (body[12] >> 4) * 4 <= len(body):
        faults.append("has a TCP header that does not fit")
        live.protocol = -1
        return
    size = (body[12] >> 4) * 4
    live.sport, live.dport, live.seq, live.ack = struct.unpack_from("!HHII", body)
    live.flags = int.from_bytes(body[12:14], "big") & 0x1FF
    live.window, _, live.urgent = struct.unpack_from("!HHH", body, 14)
    live.options = parse_options(body[20:size])
    live.payload = body[size:]
    if _is_damaged(live, body):
        faults.append("has a bad TCP checksum")
    if body[12] & 0x0E:
        faults.append("has reserved bits of the TCP header set")
    if live.options is None:
        faults.append("has malformed TCP options")


def parse_options(octets: bytes) -> list[TcpOption] | None:
    """TCP options one by one, EOL and its padding included; None when a length does not fit."""
    found: list[TcpOption] = []
    at = 0
    while at < len(octets):
        kind = octets[at]
        if kind < 2:
            found.append(TcpOption(kind))
            at += 1
            continue
        size = octets[at + 1] if at + 1 < len(octets) else 0
        if size < 2 or at + size > len(octets):
            return None
        found.append(TcpOption(kind, octets[at + 2 : at + size]))
        at += size
    return found


def write(live: Live) -> Packet:
    """The datagram a Live stands for, with checksums, as a device delivers it."""
    if live.protocol == IPPROTO_TCP:
        body = _tcp_octets(live)
    elif live.protocol == IPPROTO_UDP:
        body = struct.pack("!HHHH", live.sport, live.dport, 8 + len(live.payload), 0) + live.payload
        acc = pseudo_sum(live.src + live.dst, 0, 4, IPPROTO_UDP, len(body))
        body = body[:6] + (checksum(body, 0, len(body), acc) or 0xFFFF).to_bytes(2, "big") + body[8:]
    else:
        body = struct.pack("!BBHI", live.kind, live.code, 0, live.rest) + live.payload
        body = body[:2] + checksum(body, 0, len(body), 0).to_bytes(2, "big") + body[4:]
    octets = ipv4_header(live, len(body)) + body
    packet = Packet(bytearray(HEADROOM) + octets, HEADROOM, HEADROOM + len(octets))
    packet.csum = CSUM_NONE
    if live.gso_size:
        packet.gso_size, packet.gso_type = live.gso_size, GSO_TCPV4
    return packet


def ipv4_header(live: Live, length: int) -> bytes:
    """The IPv4 header in front of so many octets."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, live.tos, IPV4 + length, 0, 0, live.ttl, live.protocol, 0, live.src, live.dst
    )
    return header[:10] + checksum(header, 0, IPV4, 0).to_bytes(2, "big") + header[12:]


def _tcp_octets(live: Live) -> bytes:
    options = b"".join(option.octets() for option in live.options or ())
    size = 20 + len(options)
    header = struct.pack(
        "!HHIIHHHH", live.sport, live.dport, live.seq, live.ack, (size // 4) << 12 | live.flags, live.window, 0,
        live.urgent,
    )  # fmt: skip
    body = header + options + live.payload
    acc = pseudo_sum(live.src + live.dst, 0, 4, IPPROTO_TCP, len(body))
    return body[:16] + checksum(body, 0, len(body), acc).to_bytes(2, "big") + body[18:]
