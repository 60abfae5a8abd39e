"""Timeout arguments mean what they mean to CPython."""

from __future__ import annotations

import math

import pytest

from usernet.compat.timeout import parse_span, parse_timeout


@pytest.mark.parametrize(
    ("value", "ns"),
    [(None, -1), (0, 0), (0.0, 0), (1, 10**9), (2.5, 25 * 10**8), (1e-10, 1), (True, 10**9), (-0.0, 0)],
)
def test_seconds_become_nanoseconds_rounded_up(value: object, ns: int) -> None:
    assert parse_timeout(value) == ns


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, ValueError),
        (-0.001, ValueError),
        (math.nan, ValueError),
        (math.inf, OverflowError),
        (1e30, OverflowError),
        (1 << 31, OverflowError),
        ("1", TypeError),
        ([], TypeError),
    ],
)
def test_wrong_timeouts_are_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_timeout(value)


@pytest.mark.parametrize(("value", "ns"), [(None, -1), (-3, -1), (-0.5, -1), (0, 0), (20, 20_000_000), (0.5, 500_000)])
def test_poll_counts_milliseconds_and_waits_forever_when_negative(value: object, ns: int) -> None:
    assert parse_span(value, "", 1_000_000) == ns
