"""Timers: deadlines in a heap, re-armed in O(1).

Moving a deadline later, the common case for every retransmission timer, only writes a number; the heap is put
right when the old key comes up. Moving it earlier, or arming, costs O(log n). A timer stands in the heap at most
once, so the heap is no larger than the number of timers alive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import NEVER

if TYPE_CHECKING:
    import cython


class TimerOwner:
    """Base of everything that has timers: one virtual call when one expires."""

    __slots__ = ()

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The timer this owner armed with this kind has reached its deadline, and is no longer armed."""
        raise NotImplementedError


class Timer:
    """One deadline of one owner. ``expires_at`` is NEVER while it is not armed."""

    __slots__ = ("expires_at", "index", "key", "kind", "order", "owner", "timers")

    def __init__(self, timers: Timers, owner: TimerOwner, kind: cython.int) -> None:
        self.timers = timers
        self.owner: TimerOwner | None = owner
        self.kind = kind
        self.expires_at = NEVER
        self.key = NEVER
        self.order = 0
        self.index = -1

    def arm(self, at: cython.longlong) -> None:
        """Expire at this instant instead of whatever was set before."""
        self.expires_at = at
        if self.index < 0:
            self.timers.insert(self)
        elif at < self.key:
            self.timers.move_earlier(self)

    def cancel(self) -> None:
        """Do not expire. The heap forgets this timer when its old key comes up."""
        self.expires_at = NEVER

    def is_armed(self) -> cython.bint:
        """True while a deadline is set."""
        return self.expires_at != NEVER

    def destroy(self) -> None:
        """Leave the heap now and drop the owner, so that a dead connection is freed at once."""
        self.expires_at = NEVER
        if self.index >= 0:
            self.timers.remove(self)
        self.owner = None


class Alarm:
    """Base of whoever sleeps until the next deadline and must hear of an earlier one."""

    __slots__ = ()

    def ring(self) -> None:
        """A timer was armed for an instant before the one slept for."""
        raise NotImplementedError


class Timers:
    """The heap. Equal deadlines expire in the order they were armed, so a run is reproducible.

    ``slept_until`` is the instant somebody sleeps for without the lock (-1: nobody); arming an earlier timer
    then rings ``alarm``, once.
    """

    __slots__ = ("alarm", "heap", "next_order", "slept_until")

    def __init__(self) -> None:
        self.heap: list[Timer] = []
        self.next_order = 0
        self.alarm: Alarm | None = None
        self.slept_until = -1

    def __len__(self) -> int:
        return len(self.heap)

    def next_at(self) -> cython.longlong:
        """When run() will next have something to do; NEVER when no timer is armed."""
        top: Timer
        while self.heap:
            top = self.heap[0]
            if top.expires_at == top.key:
                return top.key
            self._settle(top)
        return NEVER

    def run(self, now: cython.longlong) -> cython.int:
        """Expire everything due at or before now; returns how many."""
        top: Timer
        owner: TimerOwner | None
        count: cython.int = 0
        while self.heap:
            top = self.heap[0]
            if top.key > now:
                break
            if top.expires_at > top.key:
                self._settle(top)
                continue
            self.remove(top)
            top.expires_at = NEVER
            owner = top.owner
            if owner is not None:
                owner.timer_expired(top.kind, now)
                count += 1
        return count

    def insert(self, timer: Timer) -> None:
        """Put a timer that is not in the heap where its deadline belongs."""
        timer.key = timer.expires_at
        timer.order = self.next_order
        self.next_order += 1
        timer.index = len(self.heap)
        self.heap.append(timer)
        self._sift_up(timer.index)
        if timer.key < self.slept_until:
            self._wake_sleeper()

    def move_earlier(self, timer: Timer) -> None:
        """Bring a timer in the heap forward to its new deadline."""
        timer.key = timer.expires_at
        timer.order = self.next_order
        self.next_order += 1
        self._sift_up(timer.index)
        if timer.key < self.slept_until:
            self._wake_sleeper()

    def remove(self, timer: Timer) -> None:
        """Take a timer out of the heap."""
        index: cython.Py_ssize_t = timer.index
        last: Timer = self.heap.pop()
        timer.index = -1
        if last is timer:
            return
        last.index = index
        self.heap[index] = last
        self._sift_up(index)
        self._sift_down(last.index)

    def _wake_sleeper(self) -> None:
        self.slept_until = -1
        if self.alarm is not None:
            self.alarm.ring()

    def _settle(self, top: Timer) -> None:
        # The top's key is older than its deadline: it was moved later, or cancelled.
        if top.expires_at == NEVER:
            self.remove(top)
            return
        top.key = top.expires_at
        top.order = self.next_order
        self.next_order += 1
        self._sift_down(0)

    def _sift_up(self, index: cython.Py_ssize_t) -> None:
        heap: list[Timer] = self.heap
        timer: Timer = heap[index]
        above: Timer
        parent: cython.Py_ssize_t
        while index > 0:
            parent = (index - 1) >> 1
            above = heap[parent]
            if not _before(timer, above):
                break
            heap[index] = above
            above.index = index
            index = parent
        heap[index] = timer
        timer.index = index

    def _sift_down(self, index: cython.Py_ssize_t) -> None:
        heap: list[Timer] = self.heap
        size: cython.Py_ssize_t = len(heap)
        timer: Timer = heap[index]
        below: Timer
        right: Timer
        child: cython.Py_ssize_t = 2 * index + 1
        while child < size:
            below = heap[child]
            if child + 1 < size:
                right = heap[child + 1]
                if _before(right, below):
                    below = right
                    child += 1
            if not _before(below, timer):
                break
            heap[index] = below
            below.index = index
            index = child
            child = 2 * index + 1
        heap[index] = timer
        timer.index = index


def _before(a: Timer, b: Timer) -> cython.bint:
    return a.key < b.key or (a.key == b.key and a.order < b.order)
