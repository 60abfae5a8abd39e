"""SipHash-2-4 (Aumasson and Bernstein, 2012): a short-input keyed hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import MASK64

if TYPE_CHECKING:
    import cython

COMPILED = not __file__.endswith(".py")

# "somepseudorandomlygeneratedbytes", in names; in C they stand in siphash.pxd.
INIT_0 = 0x736F6D6570736575
INIT_1 = 0x646F72616E646F6D
INIT_2 = 0x6C7967656E657261
INIT_3 = 0x7465646279746573


def siphash(k0: cython.ulonglong, k1: cython.ulonglong, octets: bytes, n: cython.Py_ssize_t = -1) -> cython.ulonglong:
    """64 pseudo-random bits of octets, or of the first n of them, under the key (k0, k1)."""
    if n < 0 or n > len(octets):
        n = len(octets)
    if COMPILED:
        return mixed(k0, k1, octets, n)  # type: ignore[name-defined,no-any-return]  # noqa: F821
    return _interpreted(k0, k1, octets, n)


def _interpreted(k0: cython.ulonglong, k1: cython.ulonglong, octets: bytes, n: cython.Py_ssize_t) -> cython.ulonglong:
    v = [k0 ^ INIT_0, k1 ^ INIT_1, k0 ^ INIT_2, k1 ^ INIT_3]
    padded = octets[:n] + bytes(7 - n % 8) + bytes((n & 0xFF,))
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        _mix(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _mix(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _mix(v: list[int], rounds: int) -> None:
    # The rounds as the paper draws them; siphash.pxd has them in C, where the bits that fall out need no mask.
    v0, v1, v2, v3 = v
    for _ in range(rounds):
        v0 = (v0 + v1) & MASK64
        v1 = _rotated(v1, 13) ^ v0
        v0 = _rotated(v0, 32)
        v2 = (v2 + v3) & MASK64
        v3 = _rotated(v3, 16) ^ v2
        v0 = (v0 + v3) & MASK64
        v3 = _rotated(v3, 21) ^ v0
        v2 = (v2 + v1) & MASK64
        v1 = _rotated(v1, 17) ^ v2
        v2 = _rotated(v2, 32)
    v[:] = v0, v1, v2, v3


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) & MASK64) | (word >> (64 - bits))
