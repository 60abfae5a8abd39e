"""Forwarding (RFC 1812 5.2, 5.3), as Linux's ip_forward: TTL, MTU, next hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import checksum_adjust
from ..core.const import CSUM_PARTIAL
from ..core.context import Context
from ..core.counters import Counters
from ..core.packet import Packet
from ..link.gso import find_tcp, segment
from ..wire.ip_const import (
    ICMP_DEST_UNREACH,
    ICMP_EXC_TTL,
    ICMP_FRAG_NEEDED,
    ICMP_NET_UNREACH,
    ICMP_TIME_EXCEEDED,
)
from ..wire.ipv4 import Ipv4Header
from .interface import Interface
from .ipv4_out import Ipv4Output
from .path import IpPath
from .paths import Paths

if TYPE_CHECKING:
    import cython

    from .icmp import Icmp


class Forwarder:
    """Sends on what came in for somebody else."""

    __slots__ = ("_counters", "_icmp", "_output", "_paths")

    def __init__(self, context: Context, paths: Paths, icmp: Icmp) -> None:
        self._counters: Counters = context.counters
        self._paths: Paths = paths
        self._output: Ipv4Output = paths.output
        self._icmp: Icmp = icmp

    def forward(self, interface: Interface, packet: Packet, header: Ipv4Header, now: cython.longlong) -> None:
        """One valid packet for a unicast address that is not ours, head at its IP header."""
        path: IpPath
        if not offload_holds(packet):
            self._counters.drop("ip_bad_offload")
            return
        if packet.ttl <= 1:
            self._counters.ip.InHdrErrors += 1
            self._counters.drop("ip_ttl_exceeded")
            self._icmp.send_error(packet, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0, False, now)
            return
        try:
            path = self._paths.find(header.dst.to_bytes(4, "big"), None, 0)
        except OSError:
            self._counters.ip_ext.InNoRoutes += 1
            self._counters.drop("ip_no_route")
            self._icmp.send_error(packet, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0, False, now)
            return
        if packet.df and wire_size(packet) > path.mtu:
            self._counters.ip.FragFails += 1
            self._counters.drop("ip_too_big_to_forward")
            self._icmp.send_error(packet, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, path.mtu, False, now)
            return
        decrement_ttl(packet)
        self._counters.ip.ForwDatagrams += 1
        self._put(path, packet, now)

    def _put(self, path: IpPath, packet: Packet, now: cython.longlong) -> None:
        if wire_size(packet) <= path.mtu:
            self._output.transmit(path, packet, now)
        elif packet.gso_size:
            pieces = segment(packet, 0)
            if not pieces:
                self._counters.drop("ip_bad_offload")  # the data offset lies
            for piece in pieces:
                self._output.fragment(path, piece, now)
        else:
            self._output.fragment(path, packet, now)


def offload_holds(packet: Packet) -> cython.bint:
    """True when what is left to do can be done: a device or guest may have written any state beside the frame."""
    if packet.gso_size and find_tcp(packet.buf, packet.l3, packet.tail) < 0:
        return False
    return packet.csum != CSUM_PARTIAL or packet.l4 <= packet.csum_start <= packet.tail - packet.csum_offset - 2


def wire_size(packet: Packet) -> cython.Py_ssize_t:
    """Octets of the IP packet, or of the largest a super-segment, known to be TCP, stands for."""
    p: cython.p_const_uchar = packet.buf
    words: cython.Py_ssize_t
    if packet.gso_size:
        words = p[packet.l4 + 12] >> 4
        return packet.l4 - packet.l3 + words * 4 + packet.gso_size
    return packet.length()


def decrement_ttl(packet: Packet) -> None:
    """One hop less, and the header checksum with it (RFC 1624)."""
    p: cython.p_uchar = packet.buf
    at: cython.Py_ssize_t = packet.l3
    word: cython.uint = (p[at + 8] << 8) | p[at + 9]
    check: cython.uint = (p[at + 10] << 8) | p[at + 11]
    check = checksum_adjust(check, word, word - 0x100)
    p[at + 8] = p[at + 8] - 1
    p[at + 10] = check >> 8
    p[at + 11] = check & 0xFF
