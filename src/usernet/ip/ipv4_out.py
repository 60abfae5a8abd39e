"""IPv4 output: header, identification, fragments and the link (RFC 791, RFC 1122 3.2.1, RFC 6864)."""

from __future__ import annotations

from errno import EMSGSIZE, ENOBUFS
from typing import TYPE_CHECKING

from ..core.const import HEADROOM, IPPROTO_ICMP, MAX_DATAGRAM
from ..core.context import Context
from ..core.counters import IcmpMib, IpExtMib, IpMib
from ..core.entropy import KeyedHash
from ..core.packet import Packet, View
from ..wire.ip_const import IP_DF, IP_MF, IP_OFFSET, IPV4_HLEN
from ..wire.ipv4 import copied_options, emit_ipv4, fix_checksum
from .const import RTN_BROADCAST, RTN_MULTICAST
from .neigh import Neighbour, send_framed
from .path import IpPath
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

# Identification counters, shared by the pairs of addresses that hash to the same one (Linux's ip_idents).
IDENTS = 2048

# Who sends an ICMP message is of no matter to its counter.
_ICMP_OUT = {
    0: "OutEchoReps", 3: "OutDestUnreachs", 4: "OutSrcQuenchs", 5: "OutRedirects", 8: "OutEchos", 11: "OutTimeExcds",
    12: "OutParmProbs", 13: "OutTimestamps", 14: "OutTimestampReps", 17: "OutAddrMasks", 18: "OutAddrMaskReps",
}  # fmt: skip


class Ipv4Output:
    """The sending half of IPv4, and where forwarded packets leave."""

    __slots__ = ("_context", "_ext", "_hash", "_icmp", "_idents", "_ip", "_settings")

    def __init__(self, context: Context, settings: IpSettings) -> None:
        self._context: Context = context
        self._ip: IpMib = context.counters.ip
        self._icmp: IcmpMib = context.counters.icmp
        self._ext: IpExtMib = context.counters.ip_ext
        self._settings: IpSettings = settings
        entropy = context.entropy.fork("ip ident")
        self._hash: KeyedHash = KeyedHash(entropy.octets(16))
        self._idents: list[int] = [entropy.below(0x10000) for _ in range(IDENTS)]

    def ident_slot(self, src: bytes, dst: bytes) -> cython.Py_ssize_t:
        """The identification counter of a pair of addresses; which one it is nobody outside can tell (RFC 7739 5)."""
        return self._hash.of(src + dst) % IDENTS

    def send(self, path: IpPath, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a transport's packet, head at its transport header; 0 or a negative errno."""
        total: cython.Py_ssize_t = packet.length() + IPV4_HLEN
        flags: cython.uint = IP_DF
        ident: cython.uint = 0
        ttl: cython.uint = packet.ttl
        at: cython.Py_ssize_t
        oversized: cython.bint = False
        if total > path.mtu and not packet.gso_size:
            oversized = True
        if total > MAX_DATAGRAM:
            self._context.counters.drop("ip_too_long")
            return -EMSGSIZE
        if not packet.df or path.mtu_locked:
            flags = 0
            ident = self._next_ident(path, packet)
        elif oversized:
            self._ip.FragFails += 1
            return -EMSGSIZE
        if ttl == 0:
            # RFC 1112 6.1: a group is not sent to beyond this link unless somebody asks for it.
            ttl = 1 if path.kind == RTN_MULTICAST else self._settings.default_ttl
        if packet.protocol == IPPROTO_ICMP:
            self._count_icmp(packet)
        at = packet.push(IPV4_HLEN)
        packet.l3 = at
        packet.l4 = at + IPV4_HLEN
        packet.addr_off = at + 12
        packet.addr_len = 4
        emit_ipv4(packet.buf, at, packet.tos, total, ident, flags, ttl, packet.protocol, path.src32, path.dst32)
        self._ip.OutRequests += 1
        if oversized:
            return self.fragment(path, packet, now)
        return self.transmit(path, packet, now)

    def transmit(self, path: IpPath, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a packet whose head is at a finished IP header, and which fits the path."""
        neighbour: Neighbour | None = path.neighbour
        self._ip.OutTransmits += 1
        self._ext.OutOctets += packet.length()
        if path.device.is_blocked:
            self._ip.OutDiscards += 1
            path.device.stats.tx_dropped += 1
            return -ENOBUFS
        if path.kind in (RTN_BROADCAST, RTN_MULTICAST):
            self._count_group(path, packet)
        if neighbour is not None and neighbour.connected:
            send_framed(path.device, neighbour.header, packet, now)
            return 0
        if path.device.header_len == 0:
            path.device.send(packet, now)
            return 0
        return self._resolve(path, packet, now)

    def fragment(self, path: IpPath, packet: Packet, now: cython.longlong) -> cython.int:
        """Cut a packet whose head is at its IP header, and which may be cut, to the path's MTU (RFC 791 3.2)."""
        result: cython.int = 0
        packet.complete_checksum()
        packet.linearize()
        pieces = cut(packet, path.mtu)
        if not pieces:
            self._ip.FragFails += 1
            return -EMSGSIZE
        self._ip.FragOKs += 1
        for piece in pieces:
            self._ip.FragCreates += 1
            result = self.transmit(path, piece, now)
            if result != 0:
                break
        return result

    def _resolve(self, path: IpPath, packet: Packet, now: cython.longlong) -> cython.int:
        neighbour: Neighbour | None = path.neighbour
        if neighbour is None or neighbour.dead:
            neighbour = path.interface.neighbours.lookup(path.next_hop, now)
            path.neighbour = neighbour
            if neighbour is None:
                self._ip.OutDiscards += 1
                return -ENOBUFS
        if neighbour.connected:
            send_framed(path.device, neighbour.header, packet, now)
            return 0
        return path.interface.neighbours.send(neighbour, packet, now)

    def _next_ident(self, path: IpPath, packet: Packet) -> cython.uint:
        # RFC 6864 4.1: only what may be fragmented needs one, and atomic datagrams carry 0 as in Linux.
        slot: cython.Py_ssize_t = path.ident_slot
        ident: cython.uint = self._idents[slot]
        used: cython.uint = 1
        if packet.gso_size:
            used = (packet.length() + packet.gso_size - 1) // packet.gso_size
        self._idents[slot] = (ident + used) & 0xFFFF
        return ident

    def _count_icmp(self, packet: Packet) -> None:
        self._icmp.OutMsgs += 1
        name = _ICMP_OUT.get(packet.buf[packet.head]) if packet.tail > packet.head else None
        if name is not None:
            setattr(self._icmp, name, getattr(self._icmp, name) + 1)

    def _count_group(self, path: IpPath, packet: Packet) -> None:
        if path.kind == RTN_BROADCAST:
            self._ext.OutBcastPkts += 1
            self._ext.OutBcastOctets += packet.length()
        else:
            self._ext.OutMcastPkts += 1
            self._ext.OutMcastOctets += packet.length()


def cut(packet: Packet, mtu: int) -> list[Packet]:
    """The fragments of a linear packet whose head is at its IP header, payload by reference.

    Only the first carries all options (RFC 791 3.1). A packet that is a fragment itself is cut further; an MTU
    without room for eight octets of payload gives an empty list.
    """
    buf = packet.buf
    at = packet.head
    hlen = (buf[at] & 0x0F) * 4
    word = (buf[at + 6] << 8) | buf[at + 7]
    start = at + hlen
    base = (word & IP_OFFSET) * 8 - start
    pieces: list[Packet] = []
    header = bytes(buf[at:start])
    while start < packet.tail:
        room = (mtu - len(header)) & ~7
        if room < 8:
            return []
        end = min(start + room, packet.tail)
        more = word & IP_MF if end == packet.tail else IP_MF
        pieces.append(_fragment(packet, header, ((base + start) >> 3) | more, start, end))
        start = end
        if len(pieces) == 1:
            options = copied_options(header[20:])
            header = bytes([0x45 + len(options) // 4]) + header[1:20] + options
    return pieces


def _fragment(packet: Packet, header: bytes, word: int, start: int, end: int) -> Packet:
    room = bytearray(HEADROOM) + header
    total = len(header) + end - start
    room[HEADROOM + 2 : HEADROOM + 4] = total.to_bytes(2, "big")
    room[HEADROOM + 6 : HEADROOM + 8] = word.to_bytes(2, "big")
    fix_checksum(room, HEADROOM)
    piece = Packet(room, HEADROOM, len(room))
    piece.add_frag(View(packet.buf, start, end))
    piece.l3 = HEADROOM
    piece.l4 = len(room)
    piece.addr_off = HEADROOM + 12
    piece.addr_len = 4
    piece.protocol = packet.protocol
    piece.tos = packet.tos
    piece.ttl = packet.ttl
    piece.mark = packet.mark
    piece.csum = packet.csum
    # Whose packet it was: what fails later is reported to its sender.
    piece.device = packet.device
    return piece
