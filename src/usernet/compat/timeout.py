"""Timeouts as CPython takes them: seconds as a number, rounded up to a nanosecond, or None."""

from __future__ import annotations

from math import ceil, isnan
from typing import Any

# A C timeval and poll()'s milliseconds bound what the real module takes.
MAX_NS = 0x7FFFFFFF * 1_000_000


def parse_timeout(value: Any) -> int:
    """Nanoseconds; -1 for None. Raises TypeError, ValueError or OverflowError as ``socket.settimeout``."""
    if value is None:
        return -1
    if isinstance(value, float):
        if isnan(value):
            raise ValueError("Invalid value NaN (not a number)")
        if abs(value) > 1e10:
            raise OverflowError("timestamp out of range for platform time_t")
        timeout = ceil(value * 1e9)
    elif hasattr(value, "__index__"):
        timeout = value.__index__() * 1_000_000_000
    else:
        raise TypeError(f"{type(value).__name__!r} object cannot be interpreted as an integer")
    if value < 0:
        raise ValueError("Timeout value out of range")
    if timeout > MAX_NS:
        raise OverflowError("timeout doesn't fit into C timeval")
    return timeout


def parse_span(value: Any, complaint: str, unit_ns: int = 1_000_000_000) -> int:
    """Nanoseconds of a timeout in units, rounded up; -1 for None and negative. Raises TypeError, OverflowError."""
    if value is None:
        return -1
    if isinstance(value, float):
        if isnan(value):
            raise ValueError("Invalid value NaN (not a number)")
        if abs(value) > 1e10:
            raise OverflowError("timestamp out of range for platform time_t")
        return ceil(value * unit_ns) if value >= 0 else -1
    if not hasattr(value, "__index__"):
        raise TypeError(complaint)
    span: int = value.__index__() * unit_ns
    if abs(span) > 0x7FFFFFFFFFFFFFFF:
        raise OverflowError("timestamp out of range for platform time_t")
    return span if span >= 0 else -1
