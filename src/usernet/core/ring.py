"""A queue of objects in a ring, for frames that wait: a deque is called by name from C, at ten times the price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython

LEAST = 16


class Ring:
    """First in, first out. It grows as it must and never shrinks; whoever fills it sets the bound."""

    __slots__ = ("_first", "_slots", "length")

    def __init__(self) -> None:
        # As many as a power of two, so that positions wrap by a mask.
        self._slots: list[Any] = [None] * LEAST
        self._first = 0
        self.length = 0

    def __len__(self) -> int:
        return self.length

    def append(self, item: object) -> None:
        """Queue an object behind the others."""
        slots: list[Any] = self._slots
        size: cython.Py_ssize_t = len(slots)
        if self.length == size:
            self._slots = slots = slots[self._first :] + slots[: self._first] + [None] * size
            self._first = 0
            size *= 2
        slots[(self._first + self.length) & (size - 1)] = item
        self.length += 1

    def pop(self) -> Any:
        """Take the oldest; there must be one."""
        slots: list[Any] = self._slots
        item = slots[self._first]
        slots[self._first] = None
        self._first = (self._first + 1) & (len(slots) - 1)
        self.length -= 1
        return item

    def first(self) -> Any:
        """The oldest, which stays; there must be one."""
        return self._slots[self._first]

    def clear(self) -> None:
        """Drop everything."""
        while self.length > 0:
            self.pop()
