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


def siphash(k0: cython.ulonglong, k1: cython.ulonglong, octets: bytes) -> cython.ulonglong:
    """64 pseudo-random bits of octets under the key (k0, k1)."""
    p: cython.p_const_uchar = octets
    n: cython.Py_ssize_t = len(octets)
    at: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    shift: cython.int
    i: cython.int
    rounds: cython.int = 2
    word: cython.ulonglong
    octet: cython.ulonglong
    v0: cython.ulonglong = k0 ^ INIT_0
    v1: cython.ulonglong = k1 ^ INIT_1
    v2: cython.ulonglong = k0 ^ INIT_2
    v3: cython.ulonglong = k1 ^ INIT_3
    # Whole words, one that ends in the length, and the finalization, which is a word of 0 with twice the rounds.
    while True:
        word = 0
        if at > n:
            v2 ^= 0xFF
            rounds = 4
        else:
            end = at + 8
            if end > n:
                end = n
                octet = n & 0xFF
                word = octet << 56
            shift = 0
            while at < end:
                octet = p[at]
                word |= octet << shift
                shift += 8
                at += 1
            if shift < 64:
                at = n + 1
        v3 ^= word
        i = 0
        while i < rounds:
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
        v0 ^= word
        if rounds == 4:
            return v0 ^ v1 ^ v2 ^ v3
