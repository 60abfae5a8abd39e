"""Byte queues by reference: payload is queued as views and copied once, when the reader takes it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .packet import Packet, View, make_view

if TYPE_CHECKING:
    import cython

# Bytes smaller than this are joined with their neighbour: a View costs as much as copying a few hundred octets.
COALESCE = 512
# Where joining received pieces starts a new buffer.
JOINED_MAX = 4096


class ByteQueue:
    """Octets that came, in order, waiting for a reader."""

    __slots__ = ("_joined", "_views", "length")

    def __init__(self) -> None:
        self._views: deque[View] = deque()
        self._joined: bytearray | None = None
        self.length = 0

    def __len__(self) -> int:
        return self.length

    def append(self, view: View) -> None:
        """Queue a view; its buffer must not change any more."""
        self._views.append(view)
        self.length += view.end - view.start

    def append_payload(self, packet: Packet, start: cython.Py_ssize_t) -> None:
        """Queue a packet's octets from buf offset start to its end, by-reference payload included."""
        if packet.tail > start:
            self.append(make_view(packet.buf, start, packet.tail))
        if packet.frags is not None:
            for view in packet.frags:
                self.append(view)

    def append_slice(
        self, packet: Packet, start: cython.Py_ssize_t, skip: cython.Py_ssize_t, n: cython.Py_ssize_t
    ) -> None:
        """Queue n octets of the payload that begins at buf offset start, leaving out its first skip octets.

        Short pieces behind others are copied together: a flood of them must not pin a packet buffer each. Nor must
        what is new in a long segment that mostly repeats.
        """
        view: View
        size: cython.Py_ssize_t = packet.tail - start
        if skip < size:
            start += skip
            size -= skip
            if size > n:
                size = n
            if size <= COALESCE and self.length > 0:
                self._join(packet.buf, start, size)
            elif len(packet.buf) > 4 * size + JOINED_MAX:
                self._copy(packet.buf, start, size)
            else:
                self.append(make_view(packet.buf, start, start + size))
            n -= size
            skip = 0
        else:
            skip -= size
        if n > 0 and packet.frags is not None:
            for item in packet.frags:
                view = item
                size = view.end - view.start - skip
                if size <= 0:
                    skip = -size
                    continue
                if size > n:
                    size = n
                self.append(make_view(view.base, view.start + skip, view.start + skip + size))
                skip = 0
                n -= size
                if n == 0:
                    break

    def _join(self, buf: bytearray, start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> None:
        joined: bytearray | None = self._joined
        last: View = self._views[-1]
        if joined is not None and last.base is joined and len(joined) <= JOINED_MAX:
            joined += memoryview(buf)[start : start + size]
            last.end += size
            self.length += size
        else:
            self._joined = joined = bytearray(memoryview(buf)[start : start + size])
            self.append(make_view(joined, 0, size))

    def _copy(self, buf: bytearray, start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> None:
        self.append(make_view(buf[start : start + size], 0, size))

    def read(self, n: cython.Py_ssize_t, peek: cython.bint) -> bytes:
        """Up to n octets as one bytes object; with peek they stay queued."""
        view: View
        size: cython.Py_ssize_t
        if n > self.length:
            n = self.length
        if n <= 0:
            return b""
        view = self._views[0]
        size = view.end - view.start
        if n <= size:
            octets = bytes(memoryview(view.base)[view.start : view.start + n])
            if not peek:
                self.discard(n)
            return octets
        into = bytearray(n)
        self.read_into(memoryview(into), peek)
        return bytes(into)

    def read_into(self, into: memoryview, peek: cython.bint) -> cython.Py_ssize_t:
        """Fill a writable byte memoryview from the front; returns the octets copied."""
        view: View
        size: cython.Py_ssize_t
        done: cython.Py_ssize_t = 0
        room: cython.Py_ssize_t = len(into)
        for item in self._views:
            view = item
            size = view.end - view.start
            if size > room - done:
                size = room - done
            into[done : done + size] = memoryview(view.base)[view.start : view.start + size]
            done += size
            if done == room:
                break
        if not peek:
            self.discard(done)
        return done

    def discard(self, n: cython.Py_ssize_t) -> None:
        """Drop n octets from the front, n at most len(self)."""
        view: View
        size: cython.Py_ssize_t
        views: deque[View] = self._views
        self.length -= n
        while n > 0:
            view = views[0]
            size = view.end - view.start
            if size > n:
                # A view may be shared with its sender, so the trimmed one is new.
                views[0] = make_view(view.base, view.start + n, view.end)
                return
            views.popleft()
            n -= size

    def clear(self) -> None:
        """Drop everything."""
        self._views.clear()
        self._joined = None
        self.length = 0


class Chunk:
    """A node of a SendQueue: octets, where they stand in the stream, and the next node."""

    __slots__ = ("base", "end", "next", "start")

    def __init__(self, base: bytes, start: cython.ulonglong) -> None:
        self.base: bytes = base
        self.start = start
        self.end = start + len(base)
        self.next: Chunk | None = None


class SendQueue:
    """Octets sent or to be sent, kept until they are acknowledged.

    Positions are offsets in the stream from 0, never wrapping. ``base`` is the oldest octet kept, ``end`` one past
    the newest. ``gather`` is O(1) at the position where it last stopped, which is where new data is sent; and where a
    caller goes back to by the node it noted.
    """

    __slots__ = ("_cursor", "_found", "_head", "_tail", "base", "end")

    def __init__(self) -> None:
        self._head: Chunk | None = None
        self._tail: Chunk | None = None
        self._cursor: Chunk | None = None
        self._found: Chunk | None = None
        self.base = 0
        self.end = 0

    def __len__(self) -> int:
        return self.end - self.base

    def append(self, octets: bytes) -> None:
        """Queue octets by reference; short ones are joined with a short predecessor."""
        chunk: Chunk
        tail: Chunk | None = self._tail
        if tail is not None and tail.end == tail.start + len(tail.base) and len(tail.base) + len(octets) <= COALESCE:
            tail.base = tail.base + octets
            tail.end += len(octets)
        else:
            chunk = Chunk(octets, self.end)
            if tail is None:
                self._head = chunk
            else:
                tail.next = chunk
            self._tail = chunk
        self.end += len(octets)

    def append_part(self, octets: bytes, start: cython.Py_ssize_t, n: cython.Py_ssize_t) -> None:
        """Queue octets[start:start + n] by reference; what stood before them in the same object is queued already."""
        chunk: Chunk
        tail: Chunk | None = self._tail
        if tail is not None and start > 0 and tail.base is octets:
            tail.end += n
        elif start == 0 and n == len(octets):
            self.append(octets)
            return
        else:
            chunk = Chunk(octets, self.end - start)
            chunk.end = self.end + n
            if tail is None:
                self._head = chunk
            else:
                tail.next = chunk
            self._tail = chunk
        self.end += n

    def gather(self, packet: Packet, at: cython.ulonglong, n: cython.Py_ssize_t) -> None:
        """Add octets [at, at + n) to packet as by-reference payload; they must be queued."""
        skip: cython.Py_ssize_t
        size: cython.Py_ssize_t
        chunk: Chunk | None = self._cursor
        if chunk is None or at < chunk.start:
            chunk = self._head
        while chunk is not None and at >= chunk.end:
            chunk = chunk.next
        self._found = chunk
        while n > 0 and chunk is not None:
            skip = at - chunk.start
            size = chunk.end - at
            if size > n:
                size = n
            packet.add_frag(make_view(chunk.base, skip, skip + size))
            at += size
            n -= size
            self._cursor = chunk
            if n > 0:
                chunk = chunk.next

    def found(self) -> Chunk | None:
        """The node where what was last gathered begins."""
        return self._found

    def look_at(self, chunk: Chunk | None) -> Chunk | None:
        """Let the next gather() begin at a node that found() gave; returns where it would have begun."""
        before: Chunk | None = self._cursor
        self._cursor = chunk
        return before

    def release(self, upto: cython.ulonglong) -> None:
        """Drop octets before this position."""
        head: Chunk | None = self._head
        self.base = upto
        while head is not None and head.end <= upto:
            if head is self._cursor:
                self._cursor = None
            if head is self._found:
                self._found = None
            head = head.next
        self._head = head
        if head is None:
            self._tail = None

    def clear(self) -> None:
        """Drop everything."""
        self._head = self._tail = self._cursor = self._found = None
        self.base = self.end
