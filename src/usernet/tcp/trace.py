"""A connection's events as they happen: a bounded ring of names, instants and variables, off unless asked for.

``trace = sock.start_trace(256)``; later ``for line in trace.lines(): ...`` gives JSON, oldest first. A connection
without one pays the test of a pointer where an event is noted.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.const import MASK32, US
from .state import NAMES

if TYPE_CHECKING:
    import cython


# What is noted with each event; sequence numbers relative to the initial ones.
FIELDS = (
    "snd_una", "snd_nxt", "snd_wnd", "rcv_nxt", "rcv_wnd", "cwnd", "ssthresh", "in_flight", "lost", "ca_state",
    "srtt_us", "rto_us",
)  # fmt: skip


def values(tcb: Any) -> tuple[int, ...]:
    """The variables of FIELDS now."""
    return (
        (tcb.snd_una - tcb.iss) & MASK32, (tcb.snd_nxt - tcb.iss) & MASK32, tcb.snd_wnd,
        (tcb.rcv_nxt - tcb.irs) & MASK32, tcb.rcv_wnd, tcb.cc.cwnd, tcb.cc.ssthresh, tcb.board.in_flight(),
        tcb.board.lost_out, tcb.ca_state, tcb.rtt.srtt // US, tcb.rtt.rto // US,
    )  # fmt: skip


class Trace:
    """The last ``limit`` events of one connection; ``dropped`` counts older ones that made room."""

    __slots__ = ("dropped", "events", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.events: deque[tuple[int, str, int, tuple[int, ...]]] = deque(maxlen=limit)
        self.dropped = 0

    def note(self, tcb: Any, name: str, now: cython.longlong) -> None:
        """An event happened; the variables are those of this instant."""
        if len(self.events) == self.limit:
            self.dropped += 1
        self.events.append((now, name, tcb.state, values(tcb)))

    def dicts(self) -> Iterator[dict[str, int | str]]:
        """The events as dictionaries: ``at`` in nanoseconds, ``event``, ``state`` and the variables."""
        for at, name, state, noted in self.events:
            event: dict[str, int | str] = {"at": at, "event": name, "state": NAMES[state]}
            event.update(zip(FIELDS, noted, strict=True))
            yield event

    def lines(self) -> Iterator[str]:
        """The events as lines of JSON."""
        for event in self.dicts():
            yield json.dumps(event)
