"""Internet checksum (RFC 1071, RFC 1624).

Sums are 16-bit one's complement numbers in network order. ``acc`` carries a sum from the piece before;
each piece starts at an even offset of the whole unless it goes through :func:`swap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


# The word loop is the fast one in C, the big integer the fast one in the interpreter.
COMPILED = not __file__.endswith(".py")


def sum16(buf: bytes | bytearray, start: cython.Py_ssize_t, end: cython.Py_ssize_t, acc: cython.uint) -> cython.uint:
    """Sum of buf[start:end] on top of acc, folded to 16 bits, not complemented."""
    if COMPILED:
        p: cython.p_const_uchar = buf
        acc += sum64(p, start, end)  # type: ignore[name-defined]  # noqa: F821  the C loop of the .pxd
        acc = (acc & 0xFFFF) + (acc >> 16)
        return (acc & 0xFFFF) + (acc >> 16)
    return _sum_bigint(buf[start:end], acc)


def checksum(buf: bytes | bytearray, start: cython.Py_ssize_t, end: cython.Py_ssize_t, acc: cython.uint) -> cython.uint:
    """Checksum of buf[start:end] on top of acc; 0 when the sum already in the bytes verifies."""
    return sum16(buf, start, end, acc) ^ 0xFFFF


def swap(acc: cython.uint) -> cython.uint:
    """The sum of the same octets shifted by one place (RFC 1071 section 2B)."""
    return ((acc & 0xFF) << 8) | (acc >> 8)


def pseudo_sum(
    buf: bytes | bytearray,
    addr_off: cython.Py_ssize_t,
    addr_len: cython.Py_ssize_t,
    protocol: cython.uint,
    length: cython.uint,
) -> cython.uint:
    """Sum of a pseudo-header whose source and destination lie side by side in buf (RFC 9293 3.1, RFC 8200 8.1)."""
    return sum16(buf, addr_off, addr_off + 2 * addr_len, protocol + (length & 0xFFFF) + (length >> 16))


def checksum_adjust(check: cython.uint, old: cython.uint, new: cython.uint) -> cython.uint:
    """Checksum after one 16-bit word changed from old to new (RFC 1624 equation 3)."""
    acc: cython.uint = (check ^ 0xFFFF) + (old ^ 0xFFFF) + new
    acc = (acc & 0xFFFF) + (acc >> 16)
    return ((acc & 0xFFFF) + (acc >> 16)) ^ 0xFFFF


def _sum_bigint(octets: bytes | bytearray, acc: int) -> int:
    # A one's complement sum is the value modulo 2**16 - 1.
    total = (int.from_bytes(octets, "big") << 8 * (len(octets) & 1)) + acc
    return total % 0xFFFF or (0xFFFF if total else 0)
