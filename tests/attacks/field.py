"""A connection under attack, and what the attack costs: steps of our code, records, octets; never wall time."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

import usernet.tcp.segment_arrives as engine
from usernet.core.entropy import Entropy
from usernet.tcp.tcb import Tcb
from usernet.testing.peer import Peer, Scene

INTERPRETED = (engine.__file__ or "").endswith(".py")


def opened(scene: Scene | None = None, **options: Any) -> tuple[Scene, Peer, Tcb]:
    """A passive open by a peer at 192.0.2.1:40000."""
    scene = scene or Scene()
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), **options)
    peer.drain()
    return scene, peer, tcb


def steps(call: Callable[[], object]) -> int:
    """Lines of usernet that a call runs. Only the interpreted build can be counted."""
    if not INTERPRETED:
        pytest.skip("the compiled build has no lines to count")
    count = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        if "usernet" not in frame.f_code.co_filename:
            return None
        if event == "line":
            count += 1
        return trace

    before = sys.gettrace()
    # What else is collected meanwhile is not the call's.
    gc.disable()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


def guesses(seed: bytes, count: int) -> list[int]:
    """Sequence numbers of an attacker who knows nothing."""
    entropy = Entropy(seed)
    return [entropy.u32() for _ in range(count)]
