"""A connection's events as they happen: a bounded ring of them, off unless asked for.

``trace = sock.start_trace(256)``; later ``for line in trace.lines(): ...`` gives JSON, oldest first. A connection
without one pays the test of a pointer where an event is noted. What the events are is in docs/sockets.md.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.const import MASK32, US
from ..core.packet import Packet
from ..wire.tcp import Segment, flag_letters
from .const import ACK, SYN
from .state import NAMES

if TYPE_CHECKING:
    import cython


# Of the segment of an event; sequence numbers relative to the initial ones, here and below.
SEGMENT = ("flags", "seg_seq", "seg_ack", "seg_len")
# What is noted with each event.
FIELDS = (
    "snd_una", "snd_nxt", "snd_wnd", "rcv_nxt", "rcv_wnd", "cwnd", "ssthresh", "in_flight", "lost", "ca_state",
    "srtt_us", "rto_us",
)  # fmt: skip
# The congestion states, by which the events are named that enter them.
CA_EVENTS = ("open", "disorder", "cwr", "recovery", "loss")


def values(tcb: Any) -> tuple[int, ...]:
    """The variables of FIELDS now."""
    return (
        (tcb.snd_una - tcb.iss) & MASK32, (tcb.snd_nxt - tcb.iss) & MASK32, tcb.snd_wnd,
        (tcb.rcv_nxt - tcb.irs) & MASK32, tcb.rcv_wnd, tcb.cc.cwnd, tcb.cc.ssthresh, tcb.board.in_flight(),
        tcb.board.lost_out, tcb.ca_state, tcb.rtt.srtt // US, tcb.rtt.rto // US,
    )  # fmt: skip


class Trace:
    """The last ``limit`` events of one connection; ``dropped`` counts older ones that made room."""

    __slots__ = ("dropped", "events", "leaving", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.events: deque[tuple[int, str, int, tuple[int, ...], tuple[int, ...]]] = deque(maxlen=limit)
        self.dropped = 0
        self.leaving = Segment()

    def note(self, tcb: Any, name: str, now: cython.longlong) -> None:
        """Something happened; the variables are those of this instant."""
        self._add(tcb, name, (), now)

    def entered(self, tcb: Any, ca_state: cython.int, now: cython.longlong) -> None:
        """A congestion state was entered."""
        self._add(tcb, CA_EVENTS[ca_state], (), now)

    def arrived(self, tcb: Any, seg: Segment, now: cython.longlong) -> None:
        """A segment came in, and nothing was done about it yet."""
        # Before its SYN is accepted the peer's first number is not known.
        irs = seg.seq if seg.flags & SYN else tcb.irs
        self._segment(tcb, "arrived", seg, irs, tcb.iss, now)

    def sent(self, tcb: Any, packet: Packet, now: cython.longlong) -> None:
        """A segment, or a super-segment, goes down; SND.NXT is still what it was before."""
        self.leaving.parse(packet)
        self._segment(tcb, "sent", self.leaving, tcb.iss, tcb.irs, now)

    def _segment(self, tcb: Any, name: str, seg: Segment, seq_from: int, ack_from: int, now: cython.longlong) -> None:
        ack = (seg.ack - ack_from) & MASK32 if seg.flags & ACK else 0
        self._add(tcb, name, (seg.flags, (seg.seq - seq_from) & MASK32, ack, seg.length), now)

    def _add(self, tcb: Any, name: str, segment: tuple[int, ...], now: int) -> None:
        if len(self.events) == self.limit:
            self.dropped += 1
        self.events.append((now, name, tcb.state, segment, values(tcb)))

    def dicts(self) -> Iterator[dict[str, int | str]]:
        """The events as dictionaries: ``at`` in nanoseconds, ``event``, ``state``, the segment's, the variables."""
        for at, name, state, segment, noted in self.events:
            event: dict[str, int | str] = {"at": at, "event": name, "state": NAMES[state]}
            if segment:
                event.update(zip(SEGMENT, (flag_letters(segment[0]), *segment[1:]), strict=True))
            event.update(zip(FIELDS, noted, strict=True))
            yield event

    def lines(self) -> Iterator[str]:
        """The events as lines of JSON."""
        for event in self.dicts():
            yield json.dumps(event)
