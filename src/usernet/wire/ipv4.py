"""IPv4 header and its options (RFC 791 3.1, RFC 2474 and RFC 3168 for the TOS octet)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import sum16
from .ip_const import (
    HEADER_BAD_CHECKSUM,
    HEADER_MALFORMED,
    HEADER_OK,
    HEADER_TRUNCATED,
    IP_DF,
    IP_MF,
    IP_OFFSET,
    IPOPT_COPY,
    IPOPT_END,
    IPOPT_LSRR,
    IPOPT_NOP,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TIMESTAMP,
    IPV4_HLEN,
    OPTIONS_PLAIN,
    OPTIONS_SOURCE_ROUTE,
)

if TYPE_CHECKING:
    import cython


class Ipv4Header:
    """The fields of a header. ``hlen`` and ``offset``, the fragment offset, are in octets; addresses are numbers."""

    __slots__ = ("df", "dst", "hlen", "ident", "mf", "offset", "protocol", "src", "tos", "total_length", "ttl")

    def __init__(self) -> None:
        self.hlen = IPV4_HLEN
        self.tos = self.total_length = self.ident = self.offset = 0
        self.ttl = self.protocol = self.src = self.dst = 0
        self.df = self.mf = False

    def parse(self, buf: bytes | bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """Read and verify the header at buf[at:end]; one of the HEADER_ numbers.

        Whether total_length octets are really there is for the caller to check.
        """
        found: cython.int = self.parse_quoted(buf, at, end)
        if found != HEADER_OK:
            return found
        if sum16(buf, at, at + self.hlen, 0) != 0xFFFF:
            return HEADER_BAD_CHECKSUM
        if self.total_length < self.hlen:
            return HEADER_MALFORMED
        return HEADER_OK

    def parse_quoted(self, buf: bytes | bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """Read a header an ICMP error quotes: routers leave its checksum, TTL and length as they happen to be."""
        p: cython.p_const_uchar = buf
        hlen: cython.Py_ssize_t
        word: cython.uint
        if end - at < IPV4_HLEN:
            return HEADER_TRUNCATED
        hlen = (p[at] & 0x0F) * 4
        if p[at] >> 4 != 4 or hlen < IPV4_HLEN:
            return HEADER_MALFORMED
        if end - at < hlen:
            return HEADER_TRUNCATED
        self.hlen = hlen
        self.tos = p[at + 1]
        self.total_length = (p[at + 2] << 8) | p[at + 3]
        self.ident = (p[at + 4] << 8) | p[at + 5]
        word = (p[at + 6] << 8) | p[at + 7]
        self.df = (word & IP_DF) != 0
        self.mf = (word & IP_MF) != 0
        self.offset = (word & IP_OFFSET) * 8
        self.ttl = p[at + 8]
        self.protocol = p[at + 9]
        self.src = (p[at + 12] << 24) | (p[at + 13] << 16) | (p[at + 14] << 8) | p[at + 15]
        self.dst = (p[at + 16] << 24) | (p[at + 17] << 16) | (p[at + 18] << 8) | p[at + 19]
        return HEADER_OK

    def emit(self, buf: bytearray, at: cython.Py_ssize_t) -> None:
        """Write the fields as a header of 20 octets, checksum included, at buf[at]."""
        flags: cython.uint = (self.offset >> 3) & IP_OFFSET
        if self.df:
            flags |= IP_DF
        if self.mf:
            flags |= IP_MF
        emit_ipv4(
            buf, at, self.tos, self.total_length, self.ident, flags, self.ttl, self.protocol, self.src, self.dst
        )  # fmt: skip


def emit_ipv4(
    buf: bytearray,
    at: cython.Py_ssize_t,
    tos: cython.uint,
    total_length: cython.uint,
    ident: cython.uint,
    flags: cython.uint,
    ttl: cython.uint,
    protocol: cython.uint,
    src: cython.uint,
    dst: cython.uint,
) -> None:
    """Write a header of 20 octets at buf[at]; ``flags`` is the whole word of flags and fragment offset."""
    p: cython.p_uchar = buf
    acc: cython.uint = 0x4500 + tos + total_length + ident + flags + ((ttl << 8) | protocol)
    acc += (src >> 16) + (src & 0xFFFF) + (dst >> 16) + (dst & 0xFFFF)
    acc = (acc & 0xFFFF) + (acc >> 16)
    acc = ((acc & 0xFFFF) + (acc >> 16)) ^ 0xFFFF
    p[at] = 0x45
    p[at + 1] = tos
    p[at + 2] = total_length >> 8
    p[at + 3] = total_length & 0xFF
    p[at + 4] = ident >> 8
    p[at + 5] = ident & 0xFF
    p[at + 6] = flags >> 8
    p[at + 7] = flags & 0xFF
    p[at + 8] = ttl
    p[at + 9] = protocol
    p[at + 10] = acc >> 8
    p[at + 11] = acc & 0xFF
    p[at + 12] = src >> 24
    p[at + 13] = (src >> 16) & 0xFF
    p[at + 14] = (src >> 8) & 0xFF
    p[at + 15] = src & 0xFF
    p[at + 16] = dst >> 24
    p[at + 17] = (dst >> 16) & 0xFF
    p[at + 18] = (dst >> 8) & 0xFF
    p[at + 19] = dst & 0xFF


def fix_checksum(buf: bytearray, at: cython.Py_ssize_t) -> None:
    """Compute the checksum of the header at buf[at] anew, its length taken from its first octet."""
    p: cython.p_uchar = buf
    check: cython.uint
    p[at + 10] = 0
    p[at + 11] = 0
    check = sum16(buf, at, at + (p[at] & 0x0F) * 4, 0) ^ 0xFFFF
    p[at + 10] = check >> 8
    p[at + 11] = check & 0xFF


def scan_options(buf: bytes | bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """What the options at buf[at:end] ask for.

    OPTIONS_PLAIN: nothing an end host must do. OPTIONS_SOURCE_ROUTE: loose or strict source route. A positive
    number: malformed, the offset from ``at`` of the octet a parameter problem points to (RFC 1122 3.2.1.8).
    """
    p: cython.p_const_uchar = buf
    i: cython.Py_ssize_t = at
    kind: cython.uint
    size: cython.Py_ssize_t
    found: cython.int = OPTIONS_PLAIN
    while i < end:
        kind = p[i]
        if kind == IPOPT_END:
            break
        if kind == IPOPT_NOP:
            i += 1
            continue
        # Offset 0 would read as plain; an option cut off behind its type points at its missing length.
        if i + 1 >= end or p[i + 1] < 2 or i + p[i + 1] > end:
            return i + 1 - at
        size = p[i + 1]
        if kind in (IPOPT_LSRR, IPOPT_SSRR, IPOPT_RR, IPOPT_TIMESTAMP):
            # A pointer is needed, and never points into the option's own head.
            if size < 3 or p[i + 2] < 4:
                return min(i + 2, end - 1) - at
            if kind in (IPOPT_LSRR, IPOPT_SSRR):
                found = OPTIONS_SOURCE_ROUTE
        i += size
    return found


def copied_options(options: bytes) -> bytes:
    """The options that go into every fragment (RFC 791 3.1, the copied flag), padded to whole words."""
    out = b""
    i = 0
    while i < len(options) and options[i] != IPOPT_END:
        size = 1 if options[i] == IPOPT_NOP else options[i + 1]
        if options[i] & IPOPT_COPY:
            out += options[i : i + size]
        i += size
    return out + bytes(-len(out) & 3)
