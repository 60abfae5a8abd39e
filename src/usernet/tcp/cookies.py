"""SYN cookies (RFC 4987 3.6): an initial sequence number that remembers the SYN in the listener's place.

The number is D. J. Bernstein's sum: a keyed hash of the connection, plus the peer's ISN, so that it grows as an ISN
must; plus the minute in its top octet; plus, behind a second hash that changes with the minute, which MSS was offered.
What else the SYN said travels in the low bits of our timestamp, which the peer echoes: the window scale, SACK, ECN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, SECOND
from ..core.entropy import Entropy
from ..core.siphash import siphash
from .const import COOKIE_AGE, MSS4, MSS6, STAMP_ECN, STAMP_SACK, STAMP_WSCALE

if TYPE_CHECKING:
    import cython

MINUTE = 60 * SECOND
INDEX_MASK = 0xFFFFFF
# How many low bits of a timestamp tell the options.
STAMP_BITS = 6


class SynCookies:
    """The secrets of one stack and what is made with them."""

    __slots__ = ("_k0", "_k1", "_k2", "_k3")

    def __init__(self, entropy: Entropy) -> None:
        key = entropy.octets(32)
        self._k0 = int.from_bytes(key[:8], "little")
        self._k1 = int.from_bytes(key[8:16], "little")
        self._k2 = int.from_bytes(key[16:24], "little")
        self._k3 = int.from_bytes(key[24:], "little")

    def sequence(self, key: bytes, irs: cython.uint, mss: cython.uint, now: cython.longlong) -> cython.uint:
        """The ISN to answer a SYN with. ``mss`` is what the SYN offered; the next smaller of four is kept."""
        minute: cython.longlong = now // MINUTE
        index: cython.int = 3
        sizes: tuple[int, ...] = MSS4 if len(key) == 12 else MSS6
        size: cython.uint = sizes[index]
        while index > 0 and mss < size:
            index -= 1
            size = sizes[index]
        return self._mix(key, irs, minute, (self._mask(key, minute) + index) & INDEX_MASK)

    def mss_of(self, key: bytes, irs: cython.uint, cookie: cython.uint, now: cython.longlong) -> cython.uint:
        """The MSS that a cookie stands for; 0 when it is none of ours, or too old."""
        minute: cython.longlong = now // MINUTE
        base: cython.uint = (cookie - self._mix(key, irs, 0, 0)) & MASK32
        age: cython.longlong = (minute - (base >> 24)) & 0xFF
        index: cython.uint
        if age >= COOKIE_AGE:
            return 0
        index = (base - self._mask(key, minute - age)) & INDEX_MASK
        if index > 3:
            return 0
        return MSS4[index] if len(key) == 12 else MSS6[index]

    def _mix(self, key: bytes, irs: cython.uint, minute: cython.longlong, low: cython.uint) -> cython.uint:
        mark: cython.ulonglong = siphash(self._k0, self._k1, key)
        return (mark + irs + ((minute & 0xFF) << 24) + low) & MASK32

    def _mask(self, key: bytes, minute: cython.longlong) -> cython.uint:
        epoch: cython.ulonglong = minute
        mark: cython.ulonglong = siphash(self._k2 ^ epoch, self._k3, key)
        return mark & INDEX_MASK


def stamp_with_options(
    ticks: cython.longlong, wscale: cython.int, sack: cython.bint, ecn: cython.bint
) -> cython.longlong:
    """The latest timestamp, not later than ``ticks``, whose low bits tell the options; ``wscale`` -1 for none."""
    bits: cython.longlong = STAMP_WSCALE if wscale < 0 else wscale
    stamp: cython.longlong
    if sack:
        bits |= STAMP_SACK
    if ecn:
        bits |= STAMP_ECN
    stamp = (ticks >> STAMP_BITS << STAMP_BITS) | bits
    return stamp if stamp <= ticks else stamp - (1 << STAMP_BITS)
