"""The largest of recent values, in three numbers (Kathleen Nichols' windowed maximum, as in Linux's lib/minmax.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class MaxFilter:
    """Best, second and third best of the values of the last ``span`` ticks of whatever clock the caller counts.

    The second is the best since the first came, the third since the second; as the first grows old they move up.
    """

    __slots__ = ("best", "best_at", "second", "second_at", "third", "third_at")

    def __init__(self) -> None:
        self.best = self.second = self.third = 0.0
        self.best_at = self.second_at = self.third_at = 0

    def reset(self, value: cython.double, at: cython.longlong) -> None:
        """Forget everything but this value."""
        self.best = self.second = self.third = value
        self.best_at = self.second_at = self.third_at = at

    def update(self, value: cython.double, at: cython.longlong, span: cython.longlong) -> None:
        """A value was measured at this tick."""
        if value >= self.best or at - self.third_at > span:
            self.reset(value, at)
            return
        if value >= self.second:
            self.second = self.third = value
            self.second_at = self.third_at = at
        elif value >= self.third:
            self.third = value
            self.third_at = at
        self._age(value, at, span)

    def _age(self, value: cython.double, at: cython.longlong, span: cython.longlong) -> None:
        passed: cython.longlong = at - self.best_at
        if passed > span:
            self._move_up(value, at)
            if at - self.best_at > span:
                self._move_up(value, at)
        elif self.second_at == self.best_at and passed > span >> 2:
            # A quarter of the window without a second choice: take what came since.
            self.second = self.third = value
            self.second_at = self.third_at = at
        elif self.third_at == self.second_at and passed > span >> 1:
            self.third = value
            self.third_at = at

    def _move_up(self, value: cython.double, at: cython.longlong) -> None:
        self.best = self.second
        self.best_at = self.second_at
        self.second = self.third
        self.second_at = self.third_at
        self.third = value
        self.third_at = at
