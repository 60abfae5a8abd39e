"""Frames made and taken apart by hand, with nothing of the code under test."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from usernet.core.const import CSUM_PARTIAL, GSO_TCPV4, GSO_TCPV6
from usernet.core.packet import Packet, View
from usernet.link.device import Device, ReadySink, Upper

FIN, PSH, ACK, CWR = 0x01, 0x08, 0x10, 0x80
V4 = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
V6 = (bytes([0xFD]) + bytes(14) + b"\x01", bytes([0xFD]) + bytes(14) + b"\x02")
MACS = bytes.fromhex("020000000002020000000001")
OPTIONS = bytes.fromhex("0101080a0000000100000002")


def ones_sum(octets: bytes) -> int:
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo(addresses: bytes, protocol: int, length: int) -> int:
    return ones_sum(addresses + struct.pack("!II", length, protocol))


def tcp_header(seq: int, flags: int, check: int = 0, options: bytes = OPTIONS) -> bytes:
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", 80, 40000, seq, 0x01020304, offset, flags, 500, check, 0) + options


def ipv4_header(length: int, ident: int, protocol: int = 6, options: bytes = b"") -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, length, ident, 0x4000, 64, protocol, 0)
    head += b"".join(V4) + options
    return head[:10] + struct.pack("!H", ones_sum(head) ^ 0xFFFF) + head[12:]


def super_segment(
    payload: bytes,
    *,
    mss: int = 1448,
    family: int = 4,
    seq: int = 0xFFFFFF00,
    ident: int = 0xFFFE,
    flags: int = ACK | PSH,
    ip_options: bytes = b"",
    extension: bytes = b"",
    ethernet: bool = True,
    inline: int = 0,
    chunk: int = 5000,
) -> Packet:
    """A CSUM_PARTIAL super-segment: headers and `inline` octets in buf, the rest by reference in chunks."""
    length = 20 + len(OPTIONS) + len(payload)
    if family == 4:
        tcp = tcp_header(seq, flags, pseudo(b"".join(V4), 6, length))
        ip = ipv4_header(20 + len(ip_options) + length, ident, options=ip_options)
        link = MACS + b"\x08\x00"
    else:
        tcp = tcp_header(seq, flags, pseudo(b"".join(V6), 6, length))
        ip = (
            struct.pack("!IHBB", 6 << 28, len(extension) + length, 0 if extension else 6, 64) + b"".join(V6) + extension
        )
        link = MACS + b"\x86\xdd"
    if not ethernet:
        link = b""
    room = 37
    packet = Packet(bytearray(room) + link + ip + tcp + payload[:inline], room, 0)
    packet.tail = len(packet.buf)
    packet.l3 = room + len(link)
    packet.l4 = packet.l3 + len(ip)
    for at in range(inline, len(payload), chunk):
        packet.add_frag(View(payload, at, min(at + chunk, len(payload))))
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, packet.l4, 16
    packet.gso_type, packet.gso_size = (GSO_TCPV4 if family == 4 else GSO_TCPV6), mss
    return packet


@dataclass
class Piece:
    """A TCP packet as its octets say it is; making one asserts that lengths and checksums hold."""

    ident: int
    seq: int
    flags: int
    payload: bytes
    options: bytes


def take_apart(octets: bytes, *, link: int = 14, extension: int = 0) -> Piece:
    ip = octets[link:]
    if ip[0] >> 4 == 4:
        header_len = (ip[0] & 15) * 4
        assert ones_sum(ip[:header_len]) == 0xFFFF
        assert struct.unpack("!H", ip[2:4])[0] == len(ip)
        ident, addresses = struct.unpack("!H", ip[4:6])[0], ip[12:20]
    else:
        header_len = 40 + extension
        assert struct.unpack("!H", ip[4:6])[0] == len(ip) - 40
        ident, addresses = 0, ip[8:40]
    tcp = ip[header_len:]
    assert ones_sum(struct.pack("!HH", pseudo(addresses, 6, len(tcp)), 0) + tcp) == 0xFFFF
    offset = (tcp[12] >> 4) * 4
    return Piece(ident, struct.unpack("!I", tcp[4:8])[0], tcp[13], tcp[offset:], tcp[20:offset])


def plain(octets: bytes) -> Packet:
    return Packet(bytearray(octets), 0, len(octets))


class Recorder(Upper):
    """A stack that only writes down what came and when."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.times: list[int] = []

    def receive_frame(self, device: Device, packet: Packet, now: int) -> None:
        self.packets.append(packet)
        self.times.append(now)

    @property
    def octets(self) -> list[bytes]:
        return [packet.tobytes() for packet in self.packets]


class Sink(ReadySink):
    def __init__(self) -> None:
        self.ready: list[Device] = []

    def device_ready(self, device: Device) -> None:
        self.ready.append(device)
