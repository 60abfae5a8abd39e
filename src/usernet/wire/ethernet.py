"""Ethernet II frames (IEEE 802.3, RFC 894) and how IPv4 multicast maps onto them (RFC 1112 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ip_const import ETH_HLEN

if TYPE_CHECKING:
    import cython


def parse_ethernet(buf: bytes | bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The EtherType of the frame at buf[at:end], -1 when it is too short to be one.

    The destination stands at buf[at], the source at buf[at + 6].
    """
    p: cython.p_const_uchar = buf
    kind: cython.int
    if end - at < ETH_HLEN:
        return -1
    kind = (p[at + 12] << 8) | p[at + 13]
    return kind


def emit_ethernet(destination: bytes, source: bytes, ether_type: int) -> bytes:
    """A frame's header."""
    return destination + source + ether_type.to_bytes(2, "big")


def is_group(address: bytes) -> bool:
    """True for a hardware address that means several stations (the I/G bit)."""
    return bool(address[0] & 1)


def multicast_ethernet(group: bytes) -> bytes:
    """The hardware address of an IPv4 multicast group: its low 23 bits behind 01:00:5e."""
    return bytes([0x01, 0x00, 0x5E, group[1] & 0x7F, group[2], group[3]])
