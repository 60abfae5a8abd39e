"""TCP_DEFER_ACCEPT's arithmetic: seconds as timeouts of the SYN,ACK, which double up to two minutes (Linux)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


def deferred_retries(seconds: cython.int) -> cython.int:
    """How many SYN,ACK timeouts TCP_DEFER_ACCEPT's seconds make (Linux's secs_to_retrans)."""
    count: cython.int = 1
    span: cython.int = 1
    step: cython.int = 1
    if seconds <= 0:
        return 0
    while seconds > span and count < 255:
        count += 1
        step = step * 2 if step < 60 else 120
        span += step
    return count


def deferred_seconds(count: cython.int) -> cython.int:
    """The seconds that many SYN,ACK timeouts take; of :func:`deferred_retries` the inverse, rounded up."""
    span: cython.int = 0
    step: cython.int = 1
    while count > 0:
        span += step
        step = step * 2 if step < 60 else 120
        count -= 1
    return span
