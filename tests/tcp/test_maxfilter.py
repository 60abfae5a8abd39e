"""The windowed maximum of BBR's bandwidth and of pipeACK, value by value."""

import pytest

from usernet.tcp.congestion.maxfilter import MaxFilter

SPAN = 10


def after(*values):
    found = MaxFilter()
    found.reset(float(values[0][0]), values[0][1])
    for value, at in values[1:]:
        found.update(float(value), at, SPAN)
    return found


@pytest.mark.parametrize(
    ("values", "best"),
    (
        (((100, 0), (1, 10)), 100),  # the span's last tick still counts
        (((100, 0), (2, 10), (1, 11)), 2),
        (((100, 0), (80, 3), (70, 6), (10, 11)), 80),
        (((100, 0), (80, 3), (70, 6), (10, 11), (5, 14)), 70),
        (((100, 0), (80, 3), (70, 6), (10, 11), (5, 14), (1, 17)), 10),
        (((100, 0), (80, 3), (70, 6), (1, 14)), 70),  # two grew old at once
        (((100, 0), (80, 3), (70, 6), (1, 16)), 70),
        (((100, 0), (80, 3), (70, 6), (1, 17)), 1),  # all three did
        (((100, 0), (80, 3), (90, 4), (1, 11)), 90),  # a better second is the second
        (((100, 0), (100, 5), (1, 15)), 100),  # the same again is as new
        (((50, 0), (60, 5), (1, 15)), 60),
    ),
)
def test_the_best_of_the_span(values, best):
    assert after(*values).best == best


def test_a_second_choice_is_taken_after_a_quarter_of_the_span_and_a_third_after_half():
    assert after((100, 0), (80, 2)).second == 100
    found = after((100, 0), (80, 3))
    assert (found.second, found.second_at, found.third, found.third_at) == (80, 3, 80, 3)
    assert after((100, 0), (80, 3), (70, 5)).third_at == 3
    found = after((100, 0), (80, 3), (70, 6))
    assert (found.second, found.third, found.third_at) == (80, 70, 6)


def test_a_better_third_is_the_third_and_the_same_again_is_as_new():
    found = after((100, 0), (80, 3), (70, 6), (75, 7))
    assert (found.second, found.second_at, found.third, found.third_at) == (80, 3, 75, 7)
    assert after((100, 0), (80, 3), (70, 6), (70, 8)).third_at == 8
    found = after((100, 0), (80, 3), (70, 6), (80, 8))
    assert (found.second_at, found.third_at) == (8, 8)
