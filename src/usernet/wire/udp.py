"""UDP header (RFC 768; RFC 8200 8.1 for IPv6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import pseudo_sum
from ..core.const import CSUM_NONE, IPPROTO_UDP
from ..core.packet import Packet
from .ip_const import UDP_HLEN

if TYPE_CHECKING:
    import cython


class UdpHeader:
    """The fields of one UDP header; ``check`` 0 means the sender computed none (IPv4 only)."""

    __slots__ = ("check", "dport", "length", "sport")

    def __init__(self) -> None:
        self.sport = self.dport = self.length = self.check = 0

    def parse(
        self, buf: bytes | bytearray, at: cython.Py_ssize_t, tail: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.bint:
        """Read the header at buf[at:tail]; ``end`` is where the IP payload ends, by-reference payload included.

        False when it is truncated or its length field disagrees with what came.
        """
        p: cython.p_const_uchar = buf
        if at + UDP_HLEN > tail:
            return False
        self.sport = (p[at] << 8) | p[at + 1]
        self.dport = (p[at + 2] << 8) | p[at + 3]
        self.length = (p[at + 4] << 8) | p[at + 5]
        self.check = (p[at + 6] << 8) | p[at + 7]
        return UDP_HLEN <= self.length <= end - at

    def emit(self, buf: bytearray, at: cython.Py_ssize_t) -> None:
        """Write the header to buf[at:at + 8]."""
        p: cython.p_uchar = buf
        p[at] = self.sport >> 8
        p[at + 1] = self.sport & 0xFF
        p[at + 2] = self.dport >> 8
        p[at + 3] = self.dport & 0xFF
        p[at + 4] = self.length >> 8
        p[at + 5] = self.length & 0xFF
        p[at + 6] = self.check >> 8
        p[at + 7] = self.check & 0xFF


def pseudo_check(pseudo: cython.uint, length: cython.uint) -> cython.uint:
    """What the checksum field holds while the checksum is partial, given the sum of both addresses."""
    acc: cython.uint = pseudo + IPPROTO_UDP + length
    acc = (acc & 0xFFFF) + (acc >> 16)
    return (acc & 0xFFFF) + (acc >> 16)


def trim(packet: Packet, length: cython.Py_ssize_t) -> None:
    """Cut what follows a datagram of this length (RFC 768 lets the IP payload be longer)."""
    if packet.length() - (packet.l4 - packet.head) > length:
        packet.linearize()
        packet.tail = packet.l4 + length


def verify(packet: Packet, header: UdpHeader) -> cython.bint:
    """True when the checksum of a received datagram holds, or needs none."""
    acc: cython.uint
    if packet.csum != CSUM_NONE:
        return True  # verified by the device, or it never left this process
    if header.check == 0:
        return packet.addr_len == 4  # RFC 8200 8.1: not optional over IPv6
    acc = pseudo_sum(packet.buf, packet.addr_off, packet.addr_len, IPPROTO_UDP, header.length)
    return packet.sum_from(packet.l4, acc) == 0xFFFF
