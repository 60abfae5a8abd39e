"""Timers against a model that sorts."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from usernet.core.const import NEVER
from usernet.core.timers import Alarm, Timer, TimerOwner, Timers

COUNT = 8


class Recorder(TimerOwner):
    def __init__(self) -> None:
        self.expired: list[tuple[int, int]] = []

    def timer_expired(self, kind: int, now: int) -> None:
        self.expired.append((kind, now))


class TimersMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.timers = Timers()
        self.owner = Recorder()
        self.all = [Timer(self.timers, self.owner, kind) for kind in range(COUNT)]
        self.deadlines: dict[int, int] = {}
        self.dead: set[int] = set()

    @rule(kind=st.integers(0, COUNT - 1), ahead=st.integers(-5, 50))
    def arm(self, kind: int, ahead: int) -> None:
        if kind not in self.dead:
            self.all[kind].arm(self.now + ahead)
            self.deadlines[kind] = self.now + ahead

    @rule(kind=st.integers(0, COUNT - 1))
    def cancel(self, kind: int) -> None:
        self.all[kind].cancel()
        self.deadlines.pop(kind, None)

    @rule(kind=st.integers(0, COUNT - 1))
    def destroy(self, kind: int) -> None:
        self.all[kind].destroy()
        self.deadlines.pop(kind, None)
        self.dead.add(kind)
        assert self.all[kind].owner is None

    @rule(ahead=st.integers(0, 60))
    def run(self, ahead: int) -> None:
        self.now += ahead
        due = {kind: at for kind, at in self.deadlines.items() if at <= self.now}
        self.owner.expired.clear()
        assert self.timers.run(self.now) == len(due)
        assert sorted(kind for kind, _ in self.owner.expired) == sorted(due)
        order = [due[kind] for kind, _ in self.owner.expired]
        assert order == sorted(order)
        assert all(now == self.now for _, now in self.owner.expired)
        for kind in due:
            del self.deadlines[kind]

    @precondition(lambda self: self.deadlines)
    @rule()
    def run_to_the_next(self) -> None:
        self.run(max(0, min(self.deadlines.values()) - self.now))

    @invariant()
    def next_is_the_earliest(self) -> None:
        assert self.timers.next_at() == min(self.deadlines.values(), default=NEVER)

    @invariant()
    def armed_is_told(self) -> None:
        for kind, timer in enumerate(self.all):
            assert timer.is_armed() == (kind in self.deadlines)
            assert timer.expires_at == self.deadlines.get(kind, NEVER)

    @invariant()
    def each_timer_stands_in_the_heap_once_at_its_index(self) -> None:
        assert len(self.timers) <= COUNT
        for index, timer in enumerate(self.timers.heap):
            assert timer.index == index
            above = self.timers.heap[(index - 1) >> 1] if index else timer
            assert (above.key, above.order) <= (timer.key, timer.order)


TestTimers = TimersMachine.TestCase
TestTimers.settings = settings(max_examples=80, stateful_step_count=50)


def test_equal_deadlines_expire_in_the_order_they_were_armed() -> None:
    timers, owner = Timers(), Recorder()
    made = [Timer(timers, owner, kind) for kind in range(20)]
    for timer in reversed(made):
        timer.arm(100)
    timers.run(100)
    assert [kind for kind, _ in owner.expired] == list(reversed(range(20)))


class Rearmer(TimerOwner):
    def __init__(self, timers: Timers) -> None:
        self.timer = Timer(timers, self, 0)
        self.count = 0

    def timer_expired(self, kind: int, now: int) -> None:
        assert not self.timer.is_armed()
        self.count += 1
        if self.count < 5:
            self.timer.arm(now)


def test_a_timer_may_arm_itself_while_it_expires() -> None:
    timers = Timers()
    owner = Rearmer(timers)
    owner.timer.arm(7)
    assert timers.run(7) == 5
    assert len(timers) == 0


class Killer(TimerOwner):
    def __init__(self, victim: Timer) -> None:
        self.victim = victim

    def timer_expired(self, kind: int, now: int) -> None:
        self.victim.destroy()


def test_a_timer_destroyed_by_one_due_before_it_does_not_expire() -> None:
    timers, owner = Timers(), Recorder()
    victim = Timer(timers, owner, 1)
    killer = Timer(timers, Killer(victim), 0)
    killer.arm(5)
    victim.arm(6)
    assert timers.run(10) == 1
    assert owner.expired == []
    assert len(timers) == 0


def test_moving_later_does_not_touch_the_heap_until_the_old_key_comes_up() -> None:
    timers, owner = Timers(), Recorder()
    timer = Timer(timers, owner, 0)
    timer.arm(10)
    timer.arm(20)
    assert timer.key == 10
    assert timers.run(10) == 0
    assert timers.run(20) == 1


class Bell(Alarm):
    def __init__(self) -> None:
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1


def test_a_sleeper_is_woken_once_and_only_for_an_earlier_deadline() -> None:
    timers, bell = Timers(), Bell()
    timers.alarm = bell
    timers.slept_until = 100
    made = [Timer(timers, Recorder(), kind) for kind in range(3)]
    made[0].arm(100)
    assert bell.rung == 0
    made[1].arm(50)
    made[2].arm(40)
    assert bell.rung == 1


def test_nobody_asleep_nobody_woken() -> None:
    timers, bell = Timers(), Bell()
    timers.alarm = bell
    Timer(timers, Recorder(), 0).arm(1)
    assert bell.rung == 0
