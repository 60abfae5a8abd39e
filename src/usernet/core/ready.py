"""Readiness: who has something, and who wants to know.

A :class:`Pollable` is anything with a level (an open file description); a :class:`Watcher` is anything that wants
to hear of a change (a blocked thread, an epoll instance, a splice). Watchers are told under the host's lock, while
a batch of packets is being run, and therefore only take a note: they never call back into the stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class Watcher:
    """Base of everything that waits."""

    __slots__ = ()

    def notify(self, source: Pollable, events: cython.uint) -> None:
        """Source has had these POLL events happen (an edge; ask ``source.poll()`` for the level)."""
        raise NotImplementedError


class Pollable:
    """Base of everything that can be waited for."""

    __slots__ = ("watchers",)

    def __init__(self) -> None:
        self.watchers: list[Watcher] | None = None

    def poll(self) -> cython.uint:
        """The level: POLL bits that hold now."""
        raise NotImplementedError

    def watch(self, watcher: Watcher) -> None:
        """Tell this watcher of every edge from now on."""
        if self.watchers is None:
            self.watchers = [watcher]
        else:
            self.watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Stop telling it; one that was not watching is ignored."""
        if self.watchers is not None and watcher in self.watchers:
            self.watchers.remove(watcher)

    def wake(self, events: cython.uint) -> None:
        """Something happened: tell every watcher."""
        watchers: list[Watcher] | None = self.watchers
        watcher: Watcher
        if watchers is not None:
            for item in watchers:
                watcher = item
                watcher.notify(self, events)


class Nothing(Pollable):
    """A condition that never holds: waiting for it only passes time."""

    __slots__ = ()

    def poll(self) -> cython.uint:
        """Never ready."""
        return 0
