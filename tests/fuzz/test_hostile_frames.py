"""Whatever comes in: counted drops, never an exception, memory bounded, and others served as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile import ACTIONS, Target, ethernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

instructions = st.builds(
    lambda action, argument: bytes([action, len(argument)]) + argument,
    st.integers(0, len(ACTIONS) - 1),
    st.binary(max_size=80),
)


@settings(max_examples=60)
@given(st.lists(instructions, max_size=25))
def test_any_mix_of_hostile_frames_is_survived(parts: list[bytes]) -> None:
    with Target() as target:
        target.attack(b"".join(parts))
        target.still_works()


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target
        target.still_works()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_random_frames_are_dropped_and_counted(target: Target, frame: bytes) -> None:
    target.inject(frame)
    target.check()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from([0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8]), st.binary(max_size=120))
def test_random_bodies_of_known_ethertypes_are_dropped_and_counted(target: Target, kind: int, body: bytes) -> None:
    target.inject(ethernet(body, kind))
    target.check()
