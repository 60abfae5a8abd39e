"""RACK: loss is what was not delivered although something sent later was (RFC 8985 5 to 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_lt
from .const import R_EVER_RETRANS, RACK_PERSIST
from .record import SendOrder, SentRecord

if TYPE_CHECKING:
    import cython

MAX_STEPS = 255


class Rack:
    """One connection's RACK variables, with RFC 8985's meanings.

    ``nth`` and ``end`` are of the newest record delivered (for RACK.xmit_ts, RACK.end_seq), ``rtt`` is the latest round
    trip (RACK.rtt); ``advanced``: an ACK brought news since losses were last looked for. The window for reordering is
    ``steps`` (RACK.reo_wnd_mult) quarters of the least round trip; ``srtt`` is SRTT as cumulative ACKs left it, for its
    bound: what jumps ahead shortens SRTT just when time is needed. ``reord_seen`` counts reorderings seen.
    """

    __slots__ = (
        "advanced",
        "delivered_at_step",
        "dsack_seen",
        "end",
        "nth",
        "persist",
        "reord_seen",
        "rtt",
        "srtt",
        "steps",
    )

    def __init__(self) -> None:
        self.nth = self.rtt = self.srtt = 0
        self.end = 0
        self.advanced = False
        self.dsack_seen = False
        self.steps = 1
        self.persist = 0
        self.delivered_at_step = 0
        self.reord_seen = 0

    def sent_before(self, record: SentRecord) -> cython.bint:
        """True for a record sent before the newest one delivered, or whose turn came before that."""
        if record.turn != self.nth:
            return record.turn < self.nth
        return seq_lt(record.end, self.end)

    def advance(self, record: SentRecord, order: SendOrder, min_rtt: cython.longlong, now: cython.longlong) -> None:
        """RFC 8985 6.2 step 2: a record was delivered, and may still stand in the order."""
        rtt: cython.longlong = now - record.sent_at
        if rtt < min_rtt and record.flags & R_EVER_RETRANS:
            # Faster than the path: it was the original that arrived, sent who knows when.
            return
        self.advanced = True
        self.rtt = rtt
        if record.nth < self.nth or (record.nth == self.nth and not seq_lt(self.end, record.end)):
            return
        self.nth = record.nth
        self.end = record.end
        self.look_on(order)

    def look_on(self, order: SendOrder) -> None:
        """Move the order's suspect up. Each record is passed once, for only its removal moves the suspect back."""
        suspect: SentRecord | None = order.oldest if order.suspect is None else order.suspect.later
        while suspect is not None and self.sent_before(suspect):
            order.suspect = suspect
            suspect = suspect.later

    def adapt(self, delivered: cython.ulonglong, prior_delivered: cython.ulonglong) -> None:
        """RFC 8985 6.2 step 4, once an ACK: a D-SACK widens the window for reordering, at most once a round trip.

        ``prior_delivered`` is what had been delivered when the newest record delivered by this ACK was sent.
        """
        if prior_delivered < self.delivered_at_step:
            self.dsack_seen = False
        if self.dsack_seen:
            if self.steps < MAX_STEPS:
                self.steps += 1
            self.dsack_seen = False
            self.delivered_at_step = delivered
            self.persist = RACK_PERSIST
        elif self.persist == 0:
            self.steps = 1

    def widen(self, late: cython.longlong, min_rtt: cython.longlong) -> None:
        """Something given up as lost was late by so much: the window shall hold it the next time."""
        quarter: cython.longlong = min_rtt >> 2
        steps: cython.longlong = MAX_STEPS
        if late <= 0:
            # A peer may echo what was never sent.
            return
        if quarter > 0 and late // steps < quarter:
            steps = (late + quarter - 1) // quarter
        if steps > self.steps:
            self.steps = steps
        self.persist = RACK_PERSIST
