"""Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from .tcb import Engine

if TYPE_CHECKING:
    import cython

# RFC 6528 3: M is a clock that ticks about every 4 microseconds; Linux uses 64 ns, which outruns faster links.
TICK_NS = 64


def initial_sequence(engine: Engine, key: bytes, now: cython.longlong) -> cython.uint:
    """ISN = M + F(localip, localport, remoteip, remoteport, secretkey)."""
    ticks: cython.ulonglong = now // TICK_NS
    mark: cython.ulonglong = engine.isn_hash.of(key)
    return (ticks + mark) & MASK32


def timestamp_offset(engine: Engine, key: bytes) -> cython.uint:
    """What to add to our timestamp clock for one pair of hosts; 0 where the sysctl asks for the bare clock.

    The same for all connections between two addresses, so that RFC 6191 and PAWS can compare across them.
    """
    mark: cython.ulonglong
    if engine.sysctls.timestamps != 1:
        return 0
    # Shorter than the key of a connection, and so of another kind.
    mark = engine.isn_hash.of(key, len(key) - 4)
    return mark & MASK32
