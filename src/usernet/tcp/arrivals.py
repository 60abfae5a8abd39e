"""When the text that waits for its reader came: SO_TIMESTAMP, and SO_TIMESTAMPING of what is received.

Positions count octets in order from the first that was received; a connection that nobody asked has none of this.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython

# Shorter text shares the instant of what follows it, as Linux's buffers are joined; that bounds the entries.
SHARED = 512
BEHIND = itemgetter(1)


class Arrivals:
    """``entries`` are (first position, position behind the last, instant), oldest first."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: deque[tuple[int, int, int]] = deque()

    def came(self, read: cython.longlong, start: cython.longlong, end: cython.longlong, now: cython.longlong) -> None:
        """Octets from ``start`` to ``end`` are in order now; those before ``read`` are the reader's."""
        entries = self.entries
        self.were_read(read)
        if entries:
            first, behind, at = entries[-1]
            if read < behind == start and (at == now or behind - first <= SHARED):
                entries[-1] = (first, end, now)
                return
        entries.append((start, end, now))

    def were_read(self, read: cython.longlong) -> None:
        """Octets before ``read`` are the reader's. Of the last of them it may still be asked."""
        entries = self.entries
        while entries and entries[0][1] < read:
            entries.popleft()

    def of(self, position: cython.longlong) -> cython.longlong:
        """The instant when this octet had come, 0 when that was before anybody asked."""
        entries = self.entries
        i: cython.Py_ssize_t = bisect_right(entries, position, key=BEHIND)
        if i == len(entries):
            return 0
        first, _, at = entries[i]
        return at if position >= first else 0
