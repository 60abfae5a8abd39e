"""Entropy: every random choice of a stack, from one seed.

A live host seeds it from the operating system, a simulation from a number; the same seed gives the same run.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from .const import MASK64
from .siphash import siphash

if TYPE_CHECKING:
    import cython

_BLOCK = 64


class Entropy:
    """A stream of random octets: BLAKE2b of the seed in counter mode."""

    __slots__ = ("_block", "_counter", "_key", "_position")

    def __init__(self, seed: bytes) -> None:
        self._key: bytes = blake2b(seed, digest_size=32, person=b"usernet entropy").digest()
        self._counter = 0
        self._block: bytes = b""
        self._position = _BLOCK

    def u32(self) -> cython.uint:
        """A uniform number in 0..2**32-1."""
        if self._position > _BLOCK - 4:
            self._refill()
        p: cython.p_const_uchar = self._block
        at: cython.Py_ssize_t = self._position
        word: cython.uint = (p[at] << 24) | (p[at + 1] << 16) | (p[at + 2] << 8) | p[at + 3]
        self._position = at + 4
        return word

    def below(self, n: cython.uint) -> cython.uint:
        """A uniform number in 0..n-1, n at least 1 (multiply-shift; the bias is under n / 2**32)."""
        wide: cython.ulonglong = self.u32()
        return (wide * n) >> 32

    def unit(self) -> cython.double:
        """A uniform number in [0, 1)."""
        return self.u32() / 4294967296.0

    def octets(self, n: int) -> bytes:
        """n random octets, for keys and cookies."""
        out = b""
        while len(out) < n:
            self._refill()
            out += self._block
        return out[:n]

    def fork(self, label: str) -> Entropy:
        """An independent stream for one part (a link's impairment, a stack), steady when others draw more or less."""
        return Entropy(self._key + label.encode())

    def _refill(self) -> None:
        self._block = blake2b(self._counter.to_bytes(8, "big"), key=self._key).digest()
        self._counter += 1
        self._position = 0


class KeyedHash:
    """A keyed pseudo-random function of some octets: SipHash-2-4, for ISNs, ports and cookies."""

    __slots__ = ("_k0", "_k1")

    def __init__(self, key: bytes) -> None:
        self._k0 = int.from_bytes(key[:8], "little") & MASK64
        self._k1 = int.from_bytes(key[8:16], "little") & MASK64

    def of(self, octets: bytes, n: cython.Py_ssize_t = -1) -> cython.ulonglong:
        """64 pseudo-random bits of octets, or of the first n of them."""
        return siphash(self._k0, self._k1, octets, n)
