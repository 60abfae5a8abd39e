"""Readiness: watchers hear of every edge while they watch."""

from __future__ import annotations

from usernet.core.const import POLLIN, POLLOUT
from usernet.core.ready import Pollable, Watcher


class Listener(Watcher):
    def __init__(self) -> None:
        self.heard: list[tuple[Pollable, int]] = []

    def notify(self, source: Pollable, events: int) -> None:
        self.heard.append((source, events))


def test_watchers_hear_edges_in_the_order_they_came() -> None:
    source, first, second = Pollable(), Listener(), Listener()
    source.wake(POLLIN)
    source.watch(first)
    source.watch(second)
    source.wake(POLLIN)
    source.unwatch(first)
    source.wake(POLLOUT)
    assert first.heard == [(source, POLLIN)]
    assert second.heard == [(source, POLLIN), (source, POLLOUT)]


def test_ending_a_watch_that_never_was_is_ignored() -> None:
    source = Pollable()
    source.unwatch(Listener())
    source.watch(Listener())
    source.unwatch(Listener())
