"""The ECN field of an IP header, as a router sees it (RFC 3168 5; RFC 2474 3 for IPv6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ipv4 import fix_checksum

if TYPE_CHECKING:
    import cython

NOT_ECT = 0
CE = 3


def ecn_of(buf: bytearray, at: cython.Py_ssize_t) -> cython.uint:
    """The codepoint of the IPv4 or IPv6 header at buf[at], which is whole; 0 for another protocol."""
    p: cython.p_const_uchar = buf
    version: cython.uint = p[at] >> 4
    word: cython.uint = p[at + 1]
    if version == 4:
        return word & CE
    return (word >> 4) & CE if version == 6 else NOT_ECT


def set_ce(buf: bytearray, at: cython.Py_ssize_t) -> cython.bint:
    """Mark the packet whose IP header is at buf[at]. False: it is not ECN-capable, and is to be dropped instead."""
    p: cython.p_uchar = buf
    if len(buf) < at + 20 or ecn_of(buf, at) == NOT_ECT:
        return False
    if p[at] >> 4 == 4:
        p[at + 1] |= CE
        fix_checksum(buf, at)
    else:
        p[at + 1] |= CE << 4
    return True
