"""Sequence-number arithmetic modulo 2**32 (RFC 9293 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import MASK32

if TYPE_CHECKING:
    import cython


def seq_lt(a: cython.uint, b: cython.uint) -> cython.bint:
    """True when a comes before b on the 32-bit circle."""
    return (((a - b) >> 31) & 1) != 0


def seq_le(a: cython.uint, b: cython.uint) -> cython.bint:
    """True when a comes before b or is b."""
    return (((b - a) >> 31) & 1) == 0


def seq_add(a: cython.uint, n: cython.uint) -> cython.uint:
    """The number n octets after a."""
    return (a + n) & MASK32


def seq_in(x: cython.uint, start: cython.uint, end: cython.uint) -> cython.bint:
    """True when x lies in [start, end)."""
    return ((x - start) & MASK32) < ((end - start) & MASK32)
