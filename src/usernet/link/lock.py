"""The lock of a host. threading.RLock is called by name from C, and that was a tenth of a round trip."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..core.scheduler import Lock

if TYPE_CHECKING:
    import cython

COMPILED = not __file__.endswith(".py")


class HostLock(Lock):
    """What threading.RLock is; interpreted, that it is."""

    __slots__ = ("_depth", "_lock", "_owner")

    def __init__(self) -> None:
        self._owner = 0
        self._depth = 0
        self._lock: Any = new_lock() if COMPILED else threading.RLock()  # type: ignore[name-defined]  # noqa: F821

    def acquire(self) -> None:
        """Take it, waiting if need be; a signal's handler runs meanwhile, and what it raises ends the wait."""
        self._take(True)

    def try_acquire(self) -> cython.bint:
        """Take it unless another thread has it."""
        return self._take(False)

    def _take(self, waiting: cython.bint) -> cython.bint:
        if not COMPILED:
            taken: bool = self._lock.acquire(waiting)
            return taken
        if self.is_owned():
            self._depth += 1
            return True
        if not take(self._lock, waiting):  # type: ignore[name-defined]  # noqa: F821
            return False
        self._owner = this_thread()  # type: ignore[name-defined]  # noqa: F821
        self._depth = 1
        return True

    def release(self) -> None:
        """Give it back, once for each time that it was taken."""
        if not COMPILED:
            self._lock.release()
            return
        if not self.is_owned():
            raise RuntimeError("a lock is given back by a thread that has it not")
        self._depth -= 1
        if self._depth == 0:
            self._owner = 0
            give(self._lock)  # type: ignore[name-defined]  # noqa: F821

    def is_owned(self) -> cython.bint:
        """This thread has it."""
        if not COMPILED:
            owned: bool = self._lock._is_owned()
            return owned
        # Others write these two too, but none of them this thread's name.
        return self._depth > 0 and self._owner == this_thread()  # type: ignore[name-defined]  # noqa: F821
