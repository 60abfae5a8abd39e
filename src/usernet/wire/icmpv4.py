"""ICMP for IPv4 (RFC 792, RFC 1122 3.2.2, RFC 1191 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import checksum
from .ip_const import ICMP_HLEN

if TYPE_CHECKING:
    import cython


class IcmpMessage:
    """The fixed part of a message. ``rest`` is the second word: identifier and sequence, next-hop MTU, or pointer."""

    __slots__ = ("code", "kind", "rest")

    def __init__(self, kind: cython.uint = 0, code: cython.uint = 0, rest: cython.uint = 0) -> None:
        self.kind = kind
        self.code = code
        self.rest = rest

    def parse(self, buf: bytes | bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Read the message at buf[at:end]; False when it is cut short. The checksum is the caller's to verify."""
        p: cython.p_const_uchar = buf
        if end - at < ICMP_HLEN:
            return False
        self.kind = p[at]
        self.code = p[at + 1]
        self.rest = (p[at + 4] << 24) | (p[at + 5] << 16) | (p[at + 6] << 8) | p[at + 7]
        return True

    def emit(self, body: bytes | bytearray) -> bytearray:
        """The whole message around a body, checksum included."""
        out = bytearray(bytes((self.kind, self.code, 0, 0)) + self.rest.to_bytes(4, "big") + body)
        out[2:4] = checksum(out, 0, len(out), 0).to_bytes(2, "big")
        return out
