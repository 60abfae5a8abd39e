"""Out-of-order segments, kept by sequence number until the gap before them closes (RFC 9293 3.10.7.4, SHLD-31)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.bytequeue import ByteQueue
from ..core.const import MASK32
from ..core.packet import Packet, View, make_packet
from ..core.seq import seq_le, seq_lt
from .const import HELD_BUFFER, HELD_HEADERS, HELD_OVERHEAD

if TYPE_CHECKING:
    import cython


class Held:
    """Octets [start, end) of the stream: those of packet from buf offset ``data``, ``skip`` left out."""

    __slots__ = ("data", "end", "packet", "skip", "start")

    def __init__(
        self, packet: Packet, data: cython.Py_ssize_t, skip: cython.Py_ssize_t, start: cython.uint, end: cython.uint
    ) -> None:
        self.packet = packet
        self.data = data
        self.skip = skip
        self.start = start
        self.end = end


class Reassembly:
    """Held segments in order, none overlapping. ``memory`` is what they are charged with."""

    __slots__ = ("held", "memory", "twice_left", "twice_right")

    def __init__(self) -> None:
        self.held: list[Held] = []
        self.memory = 0
        self.twice_left = self.twice_right = 0

    def insert(self, packet: Packet, data: cython.Py_ssize_t, start: cython.uint, end: cython.uint) -> Held | None:
        """Hold a segment's text; what is held already wins. Returns the piece held, None if nothing of it was new.

        The packet is kept, unless that would keep much more memory than is charged: then the text is copied.
        ``twice_left`` to ``twice_right`` is what of it was there already, as after drain().
        """
        at: cython.Py_ssize_t = self._after(start)
        after: cython.Py_ssize_t
        n: cython.Py_ssize_t
        skip: cython.Py_ssize_t
        first: cython.uint = start
        near: Held
        piece: Held
        self.twice_left = self.twice_right = 0
        if at > 0:
            near = self.held[at - 1]
            if seq_le(end, near.end):
                return None
            if seq_lt(start, near.end):
                self._came_twice(start, near.end)
                start = near.end
        after = at
        while after < len(self.held):
            near = self.held[after]
            if seq_le(end, near.start):
                break
            if seq_lt(end, near.end):
                self._came_twice(near.start, end)
                end = near.start
                break
            self._came_twice(near.start, near.end)
            # The new one covers it whole; Linux too keeps the larger.
            self.memory -= ((near.end - near.start) & MASK32) + HELD_OVERHEAD
            after += 1
        if after > at:
            # At once: a flood of small pieces must not make one large piece costly.
            del self.held[at:after]
        if start == end:
            return None
        n = (end - start) & MASK32
        skip = (start - first) & MASK32
        if _pinned(packet) > n + (n >> 2) + HELD_HEADERS:
            packet = _copied(packet, data, skip, n)
            data = skip = 0
        piece = Held(packet, data, skip, start, end)
        self.held.insert(at, piece)
        self.memory += n + HELD_OVERHEAD
        return piece

    def drain(self, rcv_nxt: cython.uint, into: ByteQueue) -> cython.uint:
        """Move what no longer has a gap before it to the queue; returns the octets moved.

        ``twice_left`` to ``twice_right`` is what of it was there already, the first stretch if there are more.
        """
        near: Held
        n: cython.uint
        behind: cython.uint
        start: cython.uint = rcv_nxt
        count: cython.Py_ssize_t = 0
        self.twice_left = self.twice_right = 0
        while count < len(self.held):
            near = self.held[count]
            if seq_lt(rcv_nxt, near.start):
                break
            if seq_lt(near.start, start):
                self._came_twice(near.start, near.end if seq_lt(near.end, start) else start)
            count += 1
            n = (near.end - near.start) & MASK32
            self.memory -= n + HELD_OVERHEAD
            if seq_lt(rcv_nxt, near.end):
                behind = (rcv_nxt - near.start) & MASK32
                into.append_slice(near.packet, near.data, near.skip + behind, n - behind)
                rcv_nxt = near.end
        if count > 0:
            del self.held[:count]
        return (rcv_nxt - start) & MASK32

    def drop_last(self) -> cython.longlong:
        """Drop what lies farthest from the gap, and say what it was charged with; something must be held."""
        last: Held = self.held.pop()
        cost: cython.longlong = ((last.end - last.start) & MASK32) + HELD_OVERHEAD
        self.memory -= cost
        return cost

    def end(self) -> cython.uint:
        """The number after the last octet held; something must be."""
        last: Held = self.held[len(self.held) - 1]
        return last.end

    def clear(self) -> None:
        """Drop everything."""
        self.held.clear()
        self.memory = 0

    def _came_twice(self, left: cython.uint, right: cython.uint) -> None:
        # A stretch that touches the one before makes it longer; one D-SACK tells of one stretch (RFC 2883 4).
        if self.twice_left == self.twice_right:
            self.twice_left = left
            self.twice_right = right
        elif left == self.twice_right:
            self.twice_right = right

    def _after(self, start: cython.uint) -> cython.Py_ssize_t:
        # Index of the first held segment that begins after start; new ones nearly always go last.
        low: cython.Py_ssize_t = 0
        high: cython.Py_ssize_t = len(self.held)
        middle: cython.Py_ssize_t
        near: Held
        if high > 0:
            near = self.held[high - 1]
            if seq_le(near.start, start):
                return high
        while low < high:
            middle = (low + high) >> 1
            near = self.held[middle]
            if seq_lt(start, near.start):
                high = middle
            else:
                low = middle + 1
        return low


def _pinned(packet: Packet) -> cython.Py_ssize_t:
    # The memory of the buffers it refers to.
    size: cython.Py_ssize_t = len(packet.buf) + packet.frags_len
    if packet.frags is not None:
        size += HELD_BUFFER * len(packet.frags)
    return size


def _copied(packet: Packet, start: cython.Py_ssize_t, skip: cython.Py_ssize_t, n: cython.Py_ssize_t) -> Packet:
    # A packet of nothing but n octets of the payload that begins at buf offset start, its first skip left out.
    view: View
    size: cython.Py_ssize_t = packet.tail - start
    octets: bytearray = bytearray()
    if skip < size:
        octets = packet.buf[start + skip : min(start + skip + n, packet.tail)]
    skip = max(skip - size, 0)
    if packet.frags is not None:
        for item in packet.frags:
            view = item
            size = view.end - view.start
            if skip < size and len(octets) < n:
                octets += view.memory()[skip : skip + n - len(octets)]
            skip = max(skip - size, 0)
    return make_packet(octets, 0, n)
