"""Random legal and illegal segments and calls in every state; fuzz/states.py holds the model they are judged by."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from states import EARLY, ILLEGAL, LEGAL, run

from usernet.tcp.const import CLOSED
from usernet.tcp.state import NAMES


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_no_octet_is_lost_or_twice_whatever_happens(octets: bytes) -> None:
    run(octets, 120)


def test_every_state_meets_every_action() -> None:
    met: set[tuple[int, str]] = set()
    for seed in range(800):
        met |= run(Random(seed), 60).met
    early = {"LISTEN", "SYN_SENT", "SYN_RECEIVED"}
    for state, name in NAMES.items():
        wanted = set(EARLY) if name in early else set(LEGAL) | set(ILLEGAL)
        missing = wanted - {action for where, action in met if where == state}
        # CLOSING is short: a walk seldom stays there for long.
        assert state == CLOSED or len(missing) <= (6 if name == "CLOSING" else 1), f"{name}: {sorted(missing)}"
