"""Turns: who asks for one gets one, outside of packet processing, and nobody starves another."""

from __future__ import annotations

import pytest

from usernet.core.timers import Timers
from usernet.gateway.runner import RETRY_NS, GuestEnd, KernelEnd, Runner, Task


class Counted(Task):
    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns
        self.had: list[int] = []

    def turn(self, now: int) -> bool:
        self.had.append(now)
        self.turns -= 1
        return self.turns > 0


def test_a_turn_is_due_at_once_and_given_once() -> None:
    timers = Timers()
    runner = Runner(timers)
    task = Counted(1)
    runner.soon(task)
    GuestEnd(runner, task).wake(1)
    assert task.had == []
    assert timers.next_at() <= 5
    timers.run(5)
    timers.run(6)
    assert task.had == [5]


def test_a_task_with_more_to_do_lets_the_devices_go_first() -> None:
    timers = Timers()
    runner = Runner(timers)
    busy, other = Counted(3), Counted(1)
    runner.soon(busy)
    runner.soon(other)
    timers.run(100)
    assert (busy.had, other.had) == ([100], [100])
    assert timers.next_at() == 101
    timers.run(101)
    timers.run(102)
    timers.run(103)
    assert busy.had == [100, 101, 102]


def test_a_stalled_task_comes_back_a_little_later() -> None:
    timers = Timers()
    runner = Runner(timers)
    task = Counted(1)
    runner.later(task, 1000)
    timers.run(1000 + RETRY_NS - 1)
    assert task.had == []
    timers.run(1000 + RETRY_NS)
    timers.run(1000 + RETRY_NS)
    assert task.had == [1000 + RETRY_NS]


def test_kernel_events_are_kept_until_the_turn() -> None:
    timers = Timers()
    runner = Runner(timers)
    task = Counted(1)
    end = KernelEnd(runner, task)
    end.fd_ready(5, 1, 0)
    end.fd_ready(5, 8, 0)
    assert task.events == 9


def test_a_stopped_runner_runs_nothing() -> None:
    timers = Timers()
    runner = Runner(timers)
    task = Counted(1)
    runner.soon(task)
    runner.later(task, 0)
    runner.stop()
    timers.run(10 * RETRY_NS)
    assert task.had == []


class Broken(Task):
    def turn(self, now: int) -> bool:
        raise ZeroDivisionError


def test_a_turn_that_raises_costs_nobody_else_theirs() -> None:
    timers = Timers()
    runner = Runner(timers)
    task = Counted(1)
    runner.soon(Broken())
    runner.soon(task)
    with pytest.raises(ZeroDivisionError):
        timers.run(5)
    timers.run(6)
    assert task.had == [6]
