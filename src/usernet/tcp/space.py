"""The receive buffer's variables, and what is known of it before anything was received; window.py works with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import RCVBUF_LOCK
from .settings import Settings, buffer_locks
from .sysctls import Sysctls

if TYPE_CHECKING:
    import cython

# What Linux pays for a packet: room before and behind the octets, its descriptor, and how much goes in one piece.
PACKET_ROOM = 384
PACKET_OVERHEAD = 256
LINEAR_MAX = 3712
# Up to so many octets, a packet comes from a pool whose pieces have one size.
SMALL_MAX = 192
SMALL_COST = 832
PAGE = 4096
HALF_RATIO = 128


class ReceiveSpace:
    """The receive buffer's state.

    ``held`` is what queued segments cost, ``ratio`` the 256ths of it that are text, ``clamp`` the largest window,
    ``ssthresh`` the largest offered for now, ``max_edge`` the rightmost edge ever promised. ``rtt`` is the round trip
    as a receiver sees it (0: not known), ``copied`` what the reader took since ``copied_at``, ``target`` what
    it took in the round trip before.
    """

    __slots__ = (
        "clamp",
        "copied",
        "copied_at",
        "held",
        "last_seg_size",
        "last_tsecr",
        "max_edge",
        "ratio",
        "rtt",
        "rtt_at",
        "rtt_seq",
        "ssthresh",
        "target",
    )

    def __init__(self) -> None:
        self.clamp = self.ssthresh = self.max_edge = 0
        self.ratio = HALF_RATIO
        self.held = 0
        self.last_seg_size = 0
        self.copied = self.copied_at = self.target = 0
        self.rtt = self.rtt_at = 0
        self.rtt_seq = self.last_tsecr = 0

    def window_of(self, octets: cython.longlong) -> cython.longlong:
        """How much text so many octets of buffer can carry."""
        return (octets * self.ratio) >> 8

    def buffer_for(self, window: cython.longlong) -> cython.longlong:
        """How many octets of buffer so much text may cost."""
        return (window << 8) // self.ratio


def packet_cost(octets: cython.longlong) -> cython.longlong:
    """What a packet of so many octets, headers included, costs a buffer (Linux's truesize)."""
    size: cython.longlong = 512
    if octets <= SMALL_MAX:
        return SMALL_COST
    if octets <= LINEAR_MAX:
        octets += PACKET_ROOM
        while size < octets:
            size <<= 1
        return size + PACKET_OVERHEAD
    octets -= LINEAR_MAX
    return PAGE + PACKET_OVERHEAD + ((octets + PAGE - 1) & -PAGE)


def first_window(settings: Settings, sysctls: Sysctls, mss: cython.uint, initrwnd: cython.uint) -> cython.longlong:
    """The first window, before a SYN cuts it to 16 bits: half the buffer, whole segments where it can be.

    ``initrwnd`` is how many the route allows, 0 for any.
    """
    space: cython.longlong = _first_space(settings, sysctls)
    most: cython.longlong = initrwnd
    most *= mss
    if 0 < most < space:
        return most
    return space - space % mss if space > mss else space


def window_scale(settings: Settings, sysctls: Sysctls) -> cython.uint:
    """RFC 7323 2.3: enough for the largest buffer a connection may get."""
    space: cython.longlong = _first_space(settings, sysctls)
    clamp: cython.longlong = settings.window_clamp
    shift: cython.uint = 0
    if not buffer_locks(settings) & RCVBUF_LOCK and sysctls.rmem_max > space:
        space = sysctls.rmem_max
        if 0 < clamp < space:
            space = clamp
    while space > 0xFFFF and shift < 14:
        space >>= 1
        shift += 1
    return shift


def _first_space(settings: Settings, sysctls: Sysctls) -> cython.longlong:
    # What half the buffer gives, and TCP_WINDOW_CLAMP allows, before anything was received.
    space: cython.longlong = (settings.rcvbuf if settings.rcvbuf > 0 else sysctls.rmem_default) * HALF_RATIO >> 8
    return settings.window_clamp if 0 < settings.window_clamp < space else space
