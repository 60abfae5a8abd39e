"""Byte queues by reference: payload is queued as views and copied once, when the reader takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .chunk import Chunk, make_chunk
from .packet import Packet, View, make_view

if TYPE_CHECKING:
    import cython

# Bytes smaller than this are joined with their neighbour: a View costs as much as copying a few hundred octets.
COALESCE = 512
# Where joining received pieces starts a new buffer.
JOINED_MAX = 4096
# Views that were read are cut off the front of the list in lots.
SLACK = 16
COMPILED = not __file__.endswith(".py")
# Stands where a view was read, so that its buffer is let go of at once.
READ = View(b"", 0, 0)


class ByteQueue:
    """Octets that came, in order, waiting for a reader."""

    __slots__ = ("_first", "_joined", "_views", "length")

    def __init__(self) -> None:
        self._views: list[View] = []
        self._first = 0
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

        Short pieces behind others are copied together: a flood of them must not pin a packet buffer each, though it
        come as one coalesced packet. Nor must what is new in a long segment that mostly repeats.
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
                if size <= COALESCE and self.length > 0:
                    self._join(view.base, view.start + skip, size)
                else:
                    self.append(make_view(view.base, view.start + skip, view.start + skip + size))
                skip = 0
                n -= size
                if n == 0:
                    break

    def _join(self, buf: bytes | bytearray, start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> None:
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
        octets: bytes
        if n > self.length:
            n = self.length
        if n <= 0:
            return b""
        octets = self._copy_out(n)
        if not peek:
            self.discard(n)
        return octets

    def _copy_out(self, n: cython.Py_ssize_t) -> bytes:
        view: View = self._views[self._first]
        if n > view.end - view.start:
            return b"".join(self._pieces(0, n))
        if COMPILED:
            # Three objects less than by way of a memoryview.
            return copied(view.base, view.start, n)  # type: ignore[name-defined,no-any-return]  # noqa: F821
        return bytes(memoryview(view.base)[view.start : view.start + n])

    def look(self, skip: cython.Py_ssize_t, n: cython.Py_ssize_t) -> bytes:
        """Up to n octets behind the first ``skip``; all stay queued, and no others are copied."""
        if n > self.length - skip:
            n = self.length - skip
        return b"".join(self._pieces(skip, n))

    def _pieces(self, skip: cython.Py_ssize_t, n: cython.Py_ssize_t) -> list[memoryview]:
        # Joined by their reader they are copied once, into a buffer that is made once.
        view: View
        size: cython.Py_ssize_t
        pieces: list[memoryview] = []
        i: cython.Py_ssize_t = self._first
        while n > 0:
            view = self._views[i]
            size = view.end - view.start - skip
            i += 1
            if size <= 0:
                skip = -size
                continue
            if size > n:
                size = n
            pieces.append(memoryview(view.base)[view.start + skip : view.start + skip + size])
            skip = 0
            n -= size
        return pieces

    def read_into(self, into: memoryview, peek: cython.bint) -> cython.Py_ssize_t:
        """Fill a writable byte memoryview from the front; returns the octets copied."""
        view: View
        size: cython.Py_ssize_t
        done: cython.Py_ssize_t = 0
        room: cython.Py_ssize_t = len(into)
        i: cython.Py_ssize_t = self._first
        while done < room and i < len(self._views):
            view = self._views[i]
            size = view.end - view.start
            if size > room - done:
                size = room - done
            if not COMPILED or not fill(into, done, view.base, view.start, size):  # type: ignore[name-defined]  # noqa: F821
                into[done : done + size] = memoryview(view.base)[view.start : view.start + size]
            done += size
            i += 1
        if not peek:
            self.discard(done)
        return done

    def discard(self, n: cython.Py_ssize_t) -> None:
        """Drop n octets from the front, n at most len(self)."""
        view: View
        size: cython.Py_ssize_t
        views: list[View] = self._views
        i: cython.Py_ssize_t = self._first
        self.length -= n
        while n > 0:
            view = views[i]
            size = view.end - view.start
            if size > n:
                # A view may be shared with its sender, so the trimmed one is new.
                views[i] = make_view(view.base, view.start + n, view.end)
                break
            views[i] = READ
            i += 1
            n -= size
        if i > SLACK and i * 2 > len(views):
            del views[:i]
            i = 0
        self._first = i

    def clear(self) -> None:
        """Drop everything."""
        self._views.clear()
        self._first = 0
        self._joined = None
        self.length = 0


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
            chunk = make_chunk(octets, self.end, self.end + len(octets))
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
            chunk = make_chunk(octets, self.end - start, self.end + n)
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
        if chunk is not None and chunk.end <= self.base:
            # Released meanwhile: what is left begins at the head.
            chunk = None
        self._cursor = chunk
        return before

    def release(self, upto: cython.ulonglong) -> None:
        """Drop octets before this position."""
        head: Chunk | None = self._head
        following: Chunk | None
        self.base = upto
        while head is not None and head.end <= upto:
            if head is self._cursor:
                self._cursor = None
            if head is self._found:
                self._found = None
            # Whoever noted this node keeps only this one; and as in clear(), none takes the next with it.
            following = head.next
            head.next = None
            head = following
        self._head = head
        if head is None:
            self._tail = None

    def clear(self) -> None:
        """Drop everything."""
        chunk: Chunk | None = self._head
        following: Chunk | None
        self._head = self._tail = self._cursor = self._found = None
        self.base = self.end
        # One by one: a node that took the next with it would go as deep as the queue is long.
        while chunk is not None:
            following = chunk.next
            chunk.next = None
            chunk = following

    def __del__(self) -> None:
        self.clear()
