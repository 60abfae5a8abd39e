"""The ring in which frames wait."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from usernet.core.ring import Ring


@given(st.lists(st.booleans(), max_size=200))
def test_it_gives_what_a_deque_would(steps: list[bool]) -> None:
    ring, model = Ring(), deque[int]()
    for number, fills in enumerate(steps):
        if fills:
            ring.append(number)
            model.append(number)
        elif model:
            assert ring.pop() == model.popleft()
        assert len(ring) == ring.length == len(model)
    assert [ring.pop() for _ in range(len(ring))] == list(model)


def test_it_grows_wherever_its_front_stands() -> None:
    ring = Ring()
    for number in range(11):
        ring.append(number)
    for number in range(11):
        assert ring.pop() == number
    for number in range(40):
        ring.append(number)
    assert [ring.pop() for _ in range(40)] == list(range(40))


def test_what_is_taken_or_dropped_is_let_go_of() -> None:
    gone: list[int] = []

    class Frame:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            gone.append(self.number)

    ring = Ring()
    for number in range(3):
        ring.append(Frame(number))
    ring.pop()
    assert gone == [0]
    ring.clear()
    assert gone == [0, 1, 2]
    assert len(ring) == 0
