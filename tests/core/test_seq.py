"""Sequence arithmetic on the 32-bit circle (RFC 9293 3.4, RFC 1982 for what is undefined)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.core.seq import seq_add, seq_in, seq_le, seq_lt

numbers = st.integers(0, 0xFFFFFFFF)
HALF = 1 << 31


@given(numbers, st.integers(1, HALF - 1))
def test_later_within_half_the_circle_is_later(a: int, ahead: int) -> None:
    b = seq_add(a, ahead)
    assert seq_lt(a, b) and seq_le(a, b)
    assert not seq_lt(b, a) and not seq_le(b, a)


@given(numbers)
def test_a_number_is_not_before_itself(a: int) -> None:
    assert not seq_lt(a, a)
    assert seq_le(a, a)


@given(numbers, numbers, numbers)
def test_in_is_distance_from_the_start_below_the_width(x: int, start: int, end: int) -> None:
    assert seq_in(x, start, end) == ((x - start) % 2**32 < (end - start) % 2**32)


@pytest.mark.parametrize(
    ("x", "inside"),
    [(0xFFFFFEFF, False), (0xFFFFFF00, True), (0xFFFFFFFF, True), (0, True), (0xFF, True), (0x100, False)],
)
def test_a_window_across_the_wrap(x: int, inside: bool) -> None:
    assert seq_in(x, 0xFFFFFF00, 0x100) == inside


def test_an_empty_window_holds_nothing() -> None:
    assert not seq_in(7, 7, 7)
