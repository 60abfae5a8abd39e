"""One segment or super-segment that was sent and is not yet acknowledged, and the order in which they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.chunk import Chunk
from ..core.seq import seq_lt

if TYPE_CHECKING:
    import cython


class SentRecord:
    """Sequence numbers [start, end) as they were sent together, ``segs`` segments of ``mss`` octets on the wire.

    ``chunk`` is where its octets begin in the send queue; ``earlier`` and ``later`` are its neighbours by the time it
    was last sent, while ``is_out``: not delivered, and not given up as lost. ``nth`` counts transmissions: of two at
    the same instant it knows the first. ``turn`` is its place among what is out: nth, or a later one if it was given up
    and an undo gave it more time.

    What stands below ``sent_at`` is the sender's state when it was last sent, for rate samples (rate.py): segments
    ``delivered`` and ``lost`` of the connection until then, ``delivered_ce`` of them marked, segments in flight with
    this one.
    """

    __slots__ = (
        "chunk",
        "delivered",
        "delivered_at",
        "delivered_ce",
        "earlier",
        "end",
        "first_sent_at",
        "flags",
        "in_flight",
        "is_app_limited",
        "is_out",
        "later",
        "lost",
        "mss",
        "nth",
        "segs",
        "sent_at",
        "start",
        "turn",
    )  # fmt: skip

    start: int
    end: int
    segs: int
    mss: int
    sent_at: int
    flags: int
    chunk: Chunk | None
    earlier: SentRecord | None
    later: SentRecord | None
    is_out: bool
    nth: int
    turn: int
    delivered: int
    delivered_ce: int
    lost: int
    delivered_at: int
    first_sent_at: int
    in_flight: int
    is_app_limited: bool


def make_record(
    start: cython.uint, end: cython.uint, segs: cython.uint, mss: cython.uint, sent_at: cython.longlong
) -> SentRecord:
    """A record of what is being sent; a constructor would box its arguments in C."""
    record: SentRecord = SentRecord.__new__(SentRecord)
    record.start = start
    record.end = end
    record.segs = segs
    record.mss = mss
    record.sent_at = sent_at
    record.flags = 0
    record.chunk = record.earlier = record.later = None
    record.is_out = record.is_app_limited = False
    record.nth = record.turn = record.delivered = record.delivered_ce = record.lost = 0
    record.delivered_at = record.first_sent_at = -1
    record.in_flight = 0
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


def _turn(record: SentRecord) -> int:
    return record.turn


class SendOrder:
    """The records still out, by the time of their last transmission: what RFC 8985 walks over.

    ``suspect`` is the newest of them sent before the newest one delivered, kept so that nobody has to look for it.
    """

    __slots__ = ("newest", "oldest", "sent", "suspect")

    def __init__(self) -> None:
        self.sent = 0
        self.oldest: SentRecord | None = None
        self.newest: SentRecord | None = None
        self.suspect: SentRecord | None = None

    def append(self, record: SentRecord) -> None:
        """A record was sent just now."""
        self.put_last(record)
        record.nth = record.turn

    def put_last(self, record: SentRecord) -> None:
        """A record is judged as if sent just now, though it was not: by what is sent from now on."""
        newest: SentRecord | None = self.newest
        record.earlier = newest
        record.later = None
        if newest is None:
            self.oldest = record
        else:
            newest.later = record
        self.newest = record
        record.is_out = True
        self.sent += 1
        record.turn = self.sent

    def put_back(self, records: list[SentRecord]) -> None:
        """Records that a timeout gave up stand again where they stood: a walk over everything, for the rare undo."""
        place: SentRecord | None = self.oldest
        record: SentRecord
        records.sort(key=_turn)
        for record in records:
            while place is not None and (
                place.turn < record.turn or (place.turn == record.turn and seq_lt(place.end, record.end))
            ):
                place = place.later
            self._insert_before(place, record)
        self.suspect = None

    def _insert_before(self, later: SentRecord | None, record: SentRecord) -> None:
        earlier: SentRecord | None = self.newest if later is None else later.earlier
        record.earlier = earlier
        record.later = later
        if earlier is None:
            self.oldest = record
        else:
            earlier.later = record
        if later is None:
            self.newest = record
        else:
            later.earlier = record
        record.is_out = True

    def insert_after(self, record: SentRecord, rest: SentRecord) -> None:
        """A record was split: its second half was sent at the same time."""
        later: SentRecord | None = record.later
        rest.earlier = record
        rest.later = later
        if later is None:
            self.newest = rest
        else:
            later.earlier = rest
        record.later = rest
        rest.is_out = True
        if self.suspect is record:
            self.suspect = rest

    def remove(self, record: SentRecord) -> None:
        """A record was delivered, given up, or is about to be sent again."""
        earlier: SentRecord | None = record.earlier
        later: SentRecord | None = record.later
        if self.suspect is record:
            self.suspect = earlier
        if earlier is None:
            self.oldest = later
        else:
            earlier.later = later
        if later is None:
            self.newest = earlier
        else:
            later.earlier = earlier
        record.earlier = record.later = None
        record.is_out = False

    def clear(self) -> None:
        """Forget everything; the links are cut, so that nothing is left in a circle."""
        record: SentRecord | None = self.oldest
        later: SentRecord | None
        while record is not None:
            later = record.later
            record.earlier = record.later = None
            record.is_out = False
            record = later
        self.oldest = self.newest = self.suspect = None
