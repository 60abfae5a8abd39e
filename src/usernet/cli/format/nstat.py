"""Counters as iproute2's ``nstat`` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase


def select(
    counters: Mapping[str, int], patterns: Iterable[str], history: Mapping[str, int], *, zeros: bool
) -> dict[str, int]:
    """What to show: increments over history, names matching a shell pattern (any case), zeros only when asked for."""
    wanted = [pattern.lower() for pattern in patterns]
    shown = {}
    for name, value in counters.items():
        if wanted and not any(fnmatchcase(name.lower(), pattern) for pattern in wanted):
            continue
        # A gauge such as TcpCurrEstab may have fallen: nstat then shows the value itself.
        before = history.get(name, 0)
        grown = value - before if value >= before else value
        if grown or zeros:
            shown[name] = grown
    return shown


def render(counters: Mapping[str, int]) -> str:
    """The table under its ``#kernel`` heading; the last column is the rate, which only a daemon would know."""
    return "#kernel\n" + "".join(f"{name:<32}{value:<16}{0.0:6.1f}\n" for name, value in counters.items())
