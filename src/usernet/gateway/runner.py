"""Runner: work that packets, readiness and timers asked for, done outside of packet processing.

A watcher may only take a note while a batch of packets runs (core.ready). The note here is a place in the runner's
list; a timer that is already due runs the list as soon as the batch is over. A task does a bounded piece of work per
turn and goes to the end of the list when there is more, so that no connection starves another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS
from ..core.ready import Pollable
from ..core.scheduler import FdWatcher
from ..core.timers import Timer, TimerOwner, Timers

if TYPE_CHECKING:
    import cython

RUN = 0
RETRY = 1
# How long a task stands back from an exhausted memory pool or descriptor table.
RETRY_NS = 10 * MS


class Task(TimerOwner):
    """Something that gets turns. ``events`` collects the kernel's POLL bits until the next one."""

    __slots__ = ("events", "queued")

    def __init__(self) -> None:
        self.queued = False
        self.events = 0

    def turn(self, now: cython.longlong) -> cython.bint:
        """Do a bounded piece of work; True when there is more to do at once."""
        raise NotImplementedError


class Relay(Task):
    """Base of what carries, or will carry, a TCP connection."""

    __slots__ = ()

    def abort(self, now: cython.longlong) -> None:
        """End it now, with a RST to who is there."""
        raise NotImplementedError

    def has_unsent(self) -> bool:
        """True while something the guest sent has yet to be handed to the kernel."""
        return False

    def finish(self, now: cython.longlong) -> None:
        """The network goes down: hand over what is already here, then end."""
        self.abort(now)


class Runner(TimerOwner):
    """The list of tasks that want a turn, and those that stand back a little."""

    __slots__ = ("_ready", "_retry", "_running", "_stalled", "_timer")

    def __init__(self, timers: Timers) -> None:
        self._ready: list[Task] = []
        self._stalled: list[Task] = []
        self._running = False
        self._timer = Timer(timers, self, RUN)
        self._retry = Timer(timers, self, RETRY)

    def soon(self, task: Task) -> None:
        """Give this task a turn when the batch of packets now being run is over."""
        if task.queued:
            return
        task.queued = True
        self._ready.append(task)
        if not self._running and len(self._ready) == 1:
            self._timer.arm(0)

    def later(self, task: Task, now: cython.longlong) -> None:
        """Give this task a turn in RETRY_NS."""
        self._stalled.append(task)
        if not self._retry.is_armed():
            self._retry.arm(now + RETRY_NS)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Run the list once."""
        task: Task
        if kind == RETRY:
            stalled, self._stalled = self._stalled, []
            for item in stalled:
                self.soon(item)
            return
        ready: list[Task] = self._ready
        done: cython.Py_ssize_t = 0
        self._ready = []
        self._running = True
        try:
            for item in ready:
                task = item
                task.queued = False
                done += 1
                if task.turn(now):
                    self.soon(task)
        finally:
            self._running = False
            # A turn that raises costs nobody else theirs.
            self._ready = ready[done:] + self._ready
            if self._ready:
                # Not due yet at this instant: the devices get their turn first.
                self._timer.arm(now + 1)

    def stop(self) -> None:
        """Run nothing any more."""
        self._timer.destroy()
        self._retry.destroy()
        self._ready.clear()
        self._stalled.clear()


class GuestEnd(Pollable):
    """The owner of a gateway-side Tcb: every edge of it is a turn for its task."""

    __slots__ = ("runner", "task")

    def __init__(self, runner: Runner, task: Task) -> None:
        super().__init__()
        self.runner = runner
        self.task = task

    def poll(self) -> cython.uint:
        """Nobody waits for this end; its task asks the Tcb."""
        return 0

    def wake(self, events: cython.uint) -> None:
        """Take the note."""
        self.runner.soon(self.task)


class KernelEnd(FdWatcher):
    """The watcher of a kernel socket: readiness is a turn for its task."""

    __slots__ = ("runner", "task")

    def __init__(self, runner: Runner, task: Task) -> None:
        self.runner = runner
        self.task = task

    def fd_ready(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        """Take the note."""
        task: Task = self.task
        task.events |= events
        self.runner.soon(task)
