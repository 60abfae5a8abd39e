"""SipHash-2-4 (Aumasson and Bernstein, 2012): a short-input keyed hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import MASK64

if TYPE_CHECKING:
    import cython


# "somepseudorandomlygeneratedbytes", in names, for a literal as long as that is a Python object in C.
INIT_0 = 0x736F6D6570736575
INIT_1 = 0x646F72616E646F6D
INIT_2 = 0x6C7967656E657261
INIT_3 = 0x7465646279746573


class _State:
    __slots__ = ("v0", "v1", "v2", "v3")

    v0: int
    v1: int
    v2: int
    v3: int

    def rounds(self, n: cython.int) -> None:
        v0: cython.ulonglong = self.v0
        v1: cython.ulonglong = self.v1
        v2: cython.ulonglong = self.v2
        v3: cython.ulonglong = self.v3
        i: cython.int = 0
        while i < n:
            v0 = (v0 + v1) & MASK64
            v1 = (((v1 << 13) & MASK64) | (v1 >> 51)) ^ v0
            v0 = ((v0 << 32) & MASK64) | (v0 >> 32)
            v2 = (v2 + v3) & MASK64
            v3 = (((v3 << 16) & MASK64) | (v3 >> 48)) ^ v2
            v0 = (v0 + v3) & MASK64
            v3 = (((v3 << 21) & MASK64) | (v3 >> 43)) ^ v0
            v2 = (v2 + v1) & MASK64
            v1 = (((v1 << 17) & MASK64) | (v1 >> 47)) ^ v2
            v2 = ((v2 << 32) & MASK64) | (v2 >> 32)
            i += 1
        self.v0 = v0
        self.v1 = v1
        self.v2 = v2
        self.v3 = v3


def _keyed(k0: cython.ulonglong, k1: cython.ulonglong) -> _State:
    # A constructor would box the keys.
    state: _State = _State.__new__(_State)
    state.v0 = k0 ^ INIT_0
    state.v1 = k1 ^ INIT_1
    state.v2 = k0 ^ INIT_2
    state.v3 = k1 ^ INIT_3
    return state


def siphash(k0: cython.ulonglong, k1: cython.ulonglong, octets: bytes) -> cython.ulonglong:
    """64 pseudo-random bits of octets under the key (k0, k1)."""
    p: cython.p_const_uchar = octets
    n: cython.Py_ssize_t = len(octets)
    at: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    word: cython.ulonglong
    octet: cython.ulonglong
    state: _State = _keyed(k0, k1)
    while True:
        word = 0
        i = 0
        while i < 8 and at + i < n:
            octet = p[at + i]
            word |= octet << (8 * i)
            i += 1
        if i < 8:
            octet = n & 0xFF
            word |= octet << 56
        state.v3 ^= word
        state.rounds(2)
        state.v0 ^= word
        if i < 8:
            break
        at += 8
    state.v2 ^= 0xFF
    state.rounds(4)
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
