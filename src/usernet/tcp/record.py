"""One segment or super-segment that was sent and is not yet acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class SentRecord:
    """Sequence numbers [start, end) as they were sent together, ``segs`` segments on the wire.

    What stands below ``sent_at`` is the sender's state when it was last sent, for rate samples (rate.py): segments
    ``delivered`` and ``lost`` of the connection until then, ``delivered_ce`` of them marked, segments in flight with
    this one.
    """

    __slots__ = (
        "delivered",
        "delivered_at",
        "delivered_ce",
        "end",
        "first_sent_at",
        "flags",
        "in_flight",
        "is_app_limited",
        "lost",
        "retransmits",
        "segs",
        "sent_at",
        "start",
    )  # fmt: skip

    def __init__(self) -> None:
        self.start = self.end = self.segs = 0
        self.flags = 0
        self.retransmits = 0
        self.sent_at = 0
        self.delivered = self.delivered_ce = self.lost = 0
        self.delivered_at = self.first_sent_at = 0
        self.in_flight = 0
        self.is_app_limited = False


def make_record(start: cython.uint, end: cython.uint, segs: cython.uint, sent_at: cython.longlong) -> SentRecord:
    """A record of what is being sent; a constructor with arguments would box them in C."""
    record: SentRecord = SentRecord()
    record.start = start
    record.end = end
    record.segs = segs
    record.sent_at = sent_at
    return record


def copy_delivery(record: SentRecord, rest: SentRecord) -> None:
    """Give the second half of a record that is split the sender's state of the first."""
    rest.delivered = record.delivered
    rest.delivered_ce = record.delivered_ce
    rest.lost = record.lost
    rest.delivered_at = record.delivered_at
    rest.first_sent_at = record.first_sent_at
    rest.in_flight = record.in_flight
    rest.is_app_limited = record.is_app_limited
