"""What was sent and is not yet acknowledged, and what is known of it (RFC 6675 3 and 4, counted as Linux counts).

A record is one segment or super-segment. Records stand in the order of sequence in an array, so that a SACK block finds
its place by bisection; neighbours that are both SACKed melt into one, so that a block never walks over old news; and
``lost_hint`` and ``retransmit_hint`` remember where marking and retransmitting stopped. Every record is therefore
sent, SACKed, marked, retransmitted and removed once, whatever the peer acknowledges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_le, seq_lt
from .congestion.base import CongestionControl
from .const import R_EVER_RETRANS, R_FIN, R_LOST, R_RETRANS, R_SACKED
from .rate import DeliveryRate
from .record import SentRecord, copy_delivery, make_record

if TYPE_CHECKING:
    import cython

# SACK blocks split no more records than this. A peer with a tiny MSS could make as many as there are segments.
MAX_RECORDS = 16384
# Acknowledged records are cut off the front of the array in lots.
SLACK = 64


class Acked:
    """What one acknowledgment changed in the scoreboard. Instants are -1 where there is none.

    ``newest`` is of the records delivered the one sent last, from which the delivery rate is taken.
    """

    __slots__ = (
        "first_sent_at", "last_sent_at", "newest", "octets_delivered", "orig_delivered", "retrans_delivered",
        "sacked_sent_at", "segs_acked", "segs_delivered",
    )  # fmt: skip

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing yet."""
        self.segs_acked = self.segs_delivered = self.octets_delivered = 0
        self.first_sent_at = self.last_sent_at = self.sacked_sent_at = -1
        self.orig_delivered = self.retrans_delivered = False
        self.newest: SentRecord | None = None

    def note_delivered(self, record: SentRecord) -> None:
        """A record was delivered, by ACK or SACK, that was not before."""
        newest: SentRecord | None = self.newest
        if (
            newest is None
            or newest.sent_at < record.sent_at
            or (newest.sent_at == record.sent_at and seq_lt(newest.end, record.end))
        ):
            self.newest = record


class Scoreboard:
    """The retransmission queue. Counts are segments, with Linux's names.

    ``control`` is the congestion control where it wants to hear of each record lost.
    """

    __slots__ = (
        "_first",
        "_records",
        "control",
        "highest_sacked",
        "lost_hint",
        "lost_hint_sacked",
        "lost_out",
        "packets_out",
        "rate",
        "retrans_out",
        "retransmit_hint",
        "sacked_out",
    )

    def __init__(self, rate: DeliveryRate) -> None:
        self.rate: DeliveryRate = rate
        self.control: CongestionControl | None = None
        self._records: list[SentRecord] = []
        self._first = 0
        self.packets_out = self.sacked_out = self.lost_out = self.retrans_out = 0
        # Everything before lost_hint has been judged; lost_hint_sacked segments before it are SACKed.
        self.lost_hint = self.lost_hint_sacked = 0
        self.retransmit_hint = 0
        self.highest_sacked = 0

    def count(self) -> cython.Py_ssize_t:
        """Records held."""
        return len(self._records) - self._first

    def record(self, i: cython.Py_ssize_t) -> SentRecord:
        """The i-th record from the oldest."""
        return self._records[self._first + i]

    def in_flight(self) -> cython.int:
        """RFC 6675's pipe, in segments."""
        return self.packets_out - self.sacked_out - self.lost_out + self.retrans_out

    def add(self, record: SentRecord) -> None:
        """New data was sent."""
        if self.packets_out == 0:
            self.lost_hint = self.retransmit_hint = self.highest_sacked = record.start
            self.lost_hint_sacked = 0
        self._records.append(record)
        self.packets_out += record.segs

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._first = 0
        self.packets_out = self.sacked_out = self.lost_out = self.retrans_out = 0
        self.lost_hint_sacked = 0

    def acknowledge(self, una: cython.uint, mss: cython.uint, reno: cython.bint, acked: Acked) -> None:
        """Remove what lies before una; a record acknowledged in part is trimmed.

        Without SACK ``sacked_out`` counts duplicate ACKs and belongs to no record.
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        whole: cython.bint
        segs: cython.uint
        rest: cython.uint
        first: cython.Py_ssize_t = self._first
        size: cython.Py_ssize_t = len(records)
        while first < size:
            record = records[first]
            if seq_le(una, record.start):
                break
            whole = seq_le(record.end, una)
            if whole:
                segs = record.segs
                first += 1
            else:
                rest = _segments(record.end - una, mss)
                segs = record.segs - rest if rest < record.segs else 0
            self._note_delivered(record, segs, acked)
            self._uncount(record, segs)
            if not reno and record.flags & R_SACKED and seq_lt(record.start, self.lost_hint):
                self.lost_hint_sacked -= segs
            acked.segs_acked += segs
            if not reno and not record.flags & R_SACKED:
                acked.segs_delivered += segs
            if not record.flags & R_SACKED:
                acked.octets_delivered += ((record.end if whole else una) - record.start) & MASK32
            if not whole:
                record.start = una
                record.segs -= segs
                break
        self._first = first
        if first == size:
            records.clear()
            self._first = 0
        elif first > SLACK and first * 2 > size:
            del records[:first]
            self._first = 0
        if seq_lt(self.lost_hint, una):
            self.lost_hint = una
            self.lost_hint_sacked = 0
        if seq_lt(self.retransmit_hint, una):
            self.retransmit_hint = una

    def sack(self, left: cython.uint, right: cython.uint, mss: cython.uint, acked: Acked) -> None:
        """A SACK block within [snd_una, snd_nxt]: mark what it covers, splitting records at its edges."""
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t = self.find(left)
        size: cython.Py_ssize_t = len(records)
        while i < size:
            record = records[i]
            if seq_le(right, record.start):
                break
            if record.flags & R_SACKED:
                i += 1
                continue
            if seq_lt(record.start, left):
                # Only whole segments count as received: cut inside the record at the next segment's edge.
                if not self._cut(i, left, mss, True):
                    i += 1
                    size = len(records)
                    continue
                i += 1
                size = len(records)
                record = records[i]
                if seq_le(right, record.start):
                    break
            if seq_lt(right, record.end):
                if not self._cut(i, right, mss, False):
                    break
                size = len(records)
                record = records[i]
            self._mark_sacked(record, acked)
            i = self._melt(i)
            size = len(records)

    def mark_lost_above(self, dup_thresh: cython.int) -> cython.int:
        """RFC 6675 IsLost: whatever has at least dup_thresh SACKed segments above it. Returns the segments marked."""
        records: list[SentRecord] = self._records
        record: SentRecord
        marked: cython.int = 0
        i: cython.Py_ssize_t
        size: cython.Py_ssize_t = len(records)
        if self.sacked_out < dup_thresh:
            return 0
        i = self.find(self.lost_hint)
        while i < size:
            record = records[i]
            if self.sacked_out - self.lost_hint_sacked < dup_thresh:
                break
            if record.flags & R_SACKED:
                self.lost_hint_sacked += record.segs
            else:
                marked += self.mark_lost(record)
            self.lost_hint = record.end
            i += 1
        return marked

    def mark_lost(self, record: SentRecord) -> cython.int:
        """Count a record as lost, unless it is already, or is SACKed, or is being retransmitted."""
        if record.flags & (R_LOST | R_SACKED | R_RETRANS):
            return 0
        record.flags |= R_LOST
        self.lost_out += record.segs
        if seq_lt(record.start, self.retransmit_hint):
            self.retransmit_hint = record.start
        self._count_lost(record)
        return record.segs

    def mark_head_lost(self, mss: cython.uint) -> cython.int:
        """NewReno: the first segment outstanding is lost (RFC 6582 3.2)."""
        record: SentRecord
        if self._first >= len(self._records):
            return 0
        record = self._records[self._first]
        if record.segs > 1:
            self.split(self._first, (record.start + mss) & MASK32, mss)
            record = self._records[self._first]
        return self.mark_lost(record)

    def mark_too_long(self, mss: cython.uint, sent_mss: cython.uint) -> cython.int:
        """What was sent in segments longer than mss will not arrive (RFC 1191 6.5); ``sent_mss`` is what they were cut
        to. As rare as a change of the path MTU. Returns the segments marked.
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t = self._first
        marked: cython.int = 0
        while i < len(records):
            record = records[i]
            if (((record.end - record.start) & MASK32) if record.segs == 1 else sent_mss) > mss:
                if record.flags & R_RETRANS:
                    record.flags &= ~R_RETRANS
                    self.retrans_out -= record.segs
                marked += self.mark_lost(record)
            i += 1
        return marked

    def mark_all_lost(self, forget_sacks: cython.bint) -> cython.int:
        """After a timeout everything not SACKed is lost, retransmissions too (RFC 5681 3.1, RFC 6675 5.1).

        A timeout is rare enough to walk over everything. ``forget_sacks``: the peer reneged (RFC 2018 8).
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t = self._first
        marked: cython.int = 0
        self.lost_out = self.retrans_out = 0
        if forget_sacks:
            self.sacked_out = 0
        while i < len(records):
            record = records[i]
            record.flags &= ~R_RETRANS
            if forget_sacks:
                record.flags &= ~R_SACKED
            if not record.flags & R_SACKED:
                self.lost_out += record.segs
                if not record.flags & R_LOST:
                    marked += record.segs
                    record.flags |= R_LOST
                    self._count_lost(record)
            i += 1
        if self._first < len(records):
            record = records[self._first]
            self.retransmit_hint = record.start
            self.lost_hint = record.start
            self.lost_hint_sacked = 0
        return marked

    def _count_lost(self, record: SentRecord) -> None:
        self.rate.lost += record.segs
        if self.control is not None:
            self.control.on_segment_lost(record)

    def next_lost(self) -> cython.Py_ssize_t:
        """Index for :meth:`at` of the first lost record not yet retransmitted, -1 if there is none."""
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t
        if self.lost_out == 0:
            return -1
        i = self.find(self.retransmit_hint)
        while i < len(records):
            record = records[i]
            if record.flags & (R_LOST | R_SACKED | R_RETRANS) == R_LOST:
                self.retransmit_hint = record.start
                return i
            self.retransmit_hint = record.end
            i += 1
        return -1

    def at(self, i: cython.Py_ssize_t) -> SentRecord:
        """The record at an index that find() or next_lost() gave."""
        return self._records[i]

    def retransmitted(self, record: SentRecord, now: cython.longlong) -> None:
        """A record was sent again."""
        if not record.flags & R_RETRANS:
            self.retrans_out += record.segs
        record.flags |= R_RETRANS | R_EVER_RETRANS
        record.retransmits += 1
        record.sent_at = now
        if not seq_lt(record.end, self.retransmit_hint):
            self.retransmit_hint = record.end

    def find(self, seq: cython.uint) -> cython.Py_ssize_t:
        """Index of the record that holds seq, or else of the first one after it."""
        records: list[SentRecord] = self._records
        low: cython.Py_ssize_t = self._first
        high: cython.Py_ssize_t = len(records)
        middle: cython.Py_ssize_t
        record: SentRecord
        while low < high:
            middle = (low + high) >> 1
            record = records[middle]
            if seq_le(record.end, seq):
                low = middle + 1
            else:
                high = middle
        return low

    def split(self, i: cython.Py_ssize_t, at: cython.uint, mss: cython.uint) -> None:
        """Make two records of one; ``at`` lies inside it. Segments are counted anew in both."""
        record: SentRecord = self._records[i]
        segs: cython.uint = record.segs
        rest: SentRecord = make_record(at, record.end, _segments(record.end - at, mss), record.sent_at)
        self._uncount(record, segs)
        rest.flags = record.flags
        rest.retransmits = record.retransmits
        copy_delivery(record, rest)
        record.flags &= ~R_FIN
        record.end = at
        record.segs = _segments(at - record.start, mss)
        self._count(record)
        self._count(rest)
        if record.flags & R_SACKED and seq_lt(record.start, self.lost_hint):
            self.lost_hint_sacked += record.segs + rest.segs - segs
        self._records.insert(i + 1, rest)

    def resegment(self, record: SentRecord, mss: cython.uint) -> None:
        """Count a record's segments anew, after the MSS changed."""
        self._uncount(record, record.segs)
        record.segs = _segments(record.end - record.start, mss)
        self._count(record)

    def _cut(self, i: cython.Py_ssize_t, at: cython.uint, mss: cython.uint, up: cython.bint) -> cython.bint:
        # Split a record at the segment edge at or above (up) or below ``at``. False: that edge is the record's own.
        record: SentRecord = self._records[i]
        offset: cython.uint = (at - record.start) & MASK32
        size: cython.uint = (record.end - record.start) & MASK32
        if record.segs <= 1 or self.count() >= MAX_RECORDS:
            return False
        if up:
            offset += mss - 1
        offset -= offset % mss
        if offset == 0 or offset >= size:
            return False
        self.split(i, (record.start + offset) & MASK32, mss)
        return True

    def _mark_sacked(self, record: SentRecord, acked: Acked) -> None:
        segs: cython.uint = record.segs
        if record.flags & R_LOST:
            self.lost_out -= segs
        if record.flags & R_RETRANS:
            self.retrans_out -= segs
            acked.retrans_delivered = True
        elif not record.flags & R_EVER_RETRANS:
            acked.orig_delivered = True
            acked.sacked_sent_at = record.sent_at
        acked.note_delivered(record)
        record.flags = (record.flags & ~(R_LOST | R_RETRANS)) | R_SACKED
        self.sacked_out += segs
        acked.segs_delivered += segs
        acked.octets_delivered += (record.end - record.start) & MASK32
        if seq_lt(record.start, self.lost_hint):
            self.lost_hint_sacked += segs
        if seq_lt(self.highest_sacked, record.end):
            self.highest_sacked = record.end

    def _melt(self, i: cython.Py_ssize_t) -> cython.Py_ssize_t:
        # Join a SACKed record with SACKed neighbours; returns the index after the result.
        if i + 1 < len(self._records):
            self._join(i)
        if i > self._first and self._join(i - 1):
            return i
        return i + 1

    def _join(self, i: cython.Py_ssize_t) -> cython.bint:
        records: list[SentRecord] = self._records
        record: SentRecord = records[i]
        behind: SentRecord = records[i + 1]
        if not record.flags & behind.flags & R_SACKED:
            return False
        if self.lost_hint == behind.start:
            self.lost_hint = behind.end
            self.lost_hint_sacked += behind.segs
        record.end = behind.end
        record.segs += behind.segs
        record.flags |= behind.flags
        del records[i + 1]
        return True

    def _note_delivered(self, record: SentRecord, segs: cython.uint, acked: Acked) -> None:
        if not record.flags & R_SACKED:
            acked.note_delivered(record)
        if record.flags & R_EVER_RETRANS:
            acked.retrans_delivered = True
        elif not record.flags & R_SACKED:
            acked.orig_delivered = True
            acked.last_sent_at = record.sent_at
            if acked.first_sent_at < 0:
                acked.first_sent_at = record.sent_at

    def _uncount(self, record: SentRecord, segs: cython.uint) -> None:
        self.packets_out -= segs
        if record.flags & R_SACKED:
            self.sacked_out -= segs
        if record.flags & R_LOST:
            self.lost_out -= segs
        if record.flags & R_RETRANS:
            self.retrans_out -= segs

    def _count(self, record: SentRecord) -> None:
        self.packets_out += record.segs
        if record.flags & R_SACKED:
            self.sacked_out += record.segs
        if record.flags & R_LOST:
            self.lost_out += record.segs
        if record.flags & R_RETRANS:
            self.retrans_out += record.segs


def _segments(octets: cython.uint, mss: cython.uint) -> cython.uint:
    # How many segments so many sequence numbers make; a FIN alone is one.
    octets &= MASK32
    return (octets + mss - 1) // mss if octets > mss else 1
