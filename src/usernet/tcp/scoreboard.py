"""What was sent and is not yet acknowledged, and what is known of it (RFC 6675 3 and 4, counted as Linux counts).

A record is one segment or super-segment. Records stand in the order of sequence in an array, so that a SACK block finds
its place by bisection; neighbours that are both SACKed melt into one, so that a block never walks over old news; and
``lost_hint`` and ``retransmit_hint`` remember where marking and retransmitting stopped. Beside it, ``order`` links
those still out by the time they were sent. Every record is therefore sent, SACKed, marked, retransmitted and removed
once for each time it crosses the network, whatever the peer acknowledges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.counters import TcpExtMib
from ..core.seq import seq_le, seq_lt
from .acked import Acked
from .congestion.base import CongestionControl
from .const import (
    A_DATA_ACKED,
    A_DATA_SACKED,
    A_ORIG_ACKED,
    A_RETRANS_ACKED,
    R_EVER_RETRANS,
    R_FIN,
    R_LOST,
    R_PUSHED,
    R_RETRANS,
    R_SACKED,
    R_TIMED_OUT,
)  # fmt: skip
from .rack import Rack
from .rate import DeliveryRate
from .record import SendOrder, SentRecord, copy_delivery, make_record

if TYPE_CHECKING:
    import cython

# SACK blocks split no more records than this. A peer with a tiny MSS could make as many as there are segments.
MAX_RECORDS = 16384
# Acknowledged records are cut off the front of the array in lots.
SLACK = 64


class Scoreboard:
    """The retransmission queue. Counts are segments, with Linux's names; ``to_send`` of the lost are to be sent again.

    ``highest_sacked`` is the end of the highest record SACKed, of use while ``sacked_out``; ``sacked_below`` of those
    SACKed lie below ``lost_hint``. ``control`` is the congestion control where it wants to hear of each record lost.
    """

    __slots__ = (
        "_first",
        "_records",
        "control",
        "ext",
        "highest_sacked",
        "lost_hint",
        "lost_out",
        "order",
        "packets_out",
        "rack",
        "rate",
        "retrans_out",
        "retransmit_hint",
        "sacked_below",
        "sacked_out",
        "to_send",
    )

    def __init__(self, rate: DeliveryRate, rack: Rack, ext: TcpExtMib) -> None:
        self.rate: DeliveryRate = rate
        self.rack: Rack = rack
        self.ext: TcpExtMib = ext
        self.order: SendOrder = SendOrder()
        self.control: CongestionControl | None = None
        self._records: list[SentRecord] = []
        self._first = 0
        self.packets_out = self.sacked_out = self.lost_out = self.retrans_out = self.to_send = 0
        self.lost_hint = self.retransmit_hint = 0
        self.sacked_below = 0
        self.highest_sacked = 0

    def count(self) -> cython.Py_ssize_t:
        """Records held."""
        return len(self._records) - self._first

    def is_full(self) -> cython.bint:
        """True while SACK blocks may split no more records."""
        return len(self._records) - self._first >= MAX_RECORDS

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
            self.sacked_below = 0
        self._records.append(record)
        self.order.append(record)
        self.packets_out += record.segs

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._first = 0
        self.order.clear()
        self.packets_out = self.sacked_out = self.lost_out = self.retrans_out = self.to_send = 0

    # Delivered.

    def acknowledge(self, una: cython.uint, reno: cython.bint, acked: Acked) -> None:
        """Remove what lies before una; a record acknowledged in part is trimmed.

        Without SACK ``sacked_out`` counts duplicate ACKs and belongs to no record.
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        segs: cython.uint
        rest: cython.uint
        first: cython.Py_ssize_t = self._first
        size: cython.Py_ssize_t = len(records)
        while first < size:
            record = records[first]
            if seq_le(una, record.start):
                break
            segs = record.segs
            if not record.flags & R_SACKED:
                acked.octets_delivered += ((una if seq_lt(una, record.end) else record.end) - record.start) & MASK32
            if seq_lt(una, record.end):
                # Octets of a segment are no segment: part of one acknowledges nothing that could be counted.
                rest = _segments(una, record.end, record.flags, record.mss)
                if rest < segs:
                    segs -= rest
                    self._acknowledged(record, segs, reno, acked)
                    record.segs -= segs
                record.start = una
                # It begins where the send queue does from here on: nothing before that may be kept.
                record.chunk = None
                break
            self._acknowledged(record, segs, reno, acked)
            if record.is_out:
                self.order.remove(record)
            # What stays in the array for a while keeps no octets, nor the queue's nodes behind them.
            record.chunk = None
            first += 1
        self._first = first
        if first == size:
            records.clear()
            self._first = 0
        elif first > SLACK and first * 2 > size:
            del records[:first]
            self._first = 0
        if seq_lt(self.lost_hint, una):
            self.lost_hint = una
        if seq_lt(self.retransmit_hint, una):
            self.retransmit_hint = una

    def sack(self, left: cython.uint, right: cython.uint, acked: Acked) -> None:
        """A SACK block within [snd_una, snd_nxt]: mark what it covers, splitting records at its edges."""
        records: list[SentRecord] = self._records
        record: SentRecord
        news: cython.bint = False
        first: cython.Py_ssize_t = self.find(left)
        i: cython.Py_ssize_t
        if first == len(records):
            return
        record = records[first]
        if not record.flags & R_SACKED and seq_lt(record.start, left):
            # Only whole segments count as received: cut inside the record at the next segment's edge.
            self._cut(first, left, True)
            first += 1
        i = first
        while i < len(records):
            record = records[i]
            if seq_le(right, record.start):
                break
            if not record.flags & R_SACKED:
                if seq_lt(right, record.end):
                    if not self._cut(i, right, False):
                        break
                    record = records[i]
                self._sacked(record, acked)
                news = True
            i += 1
        if news:
            self._melt(first, i)

    def _acknowledged(self, record: SentRecord, segs: cython.uint, reno: cython.bint, acked: Acked) -> None:
        # So many segments of a record, all or the first, are cumulatively acknowledged.
        flags: cython.uint = record.flags
        acked.did |= A_DATA_ACKED
        acked.segs_acked += segs
        if flags & R_EVER_RETRANS:
            acked.did |= A_RETRANS_ACKED
        elif not flags & R_SACKED:
            acked.last_sent_at = record.sent_at
            if acked.first_sent_at < 0:
                acked.first_sent_at = record.sent_at
            if seq_lt(record.start, acked.reord):
                acked.reord = record.start
            if seq_le(record.end, acked.high_seq):
                acked.did |= A_ORIG_ACKED
        if not flags & R_SACKED:
            acked.note_delivered(record)
            if not reno:
                acked.segs_delivered += segs
                if not acked.is_original(record):
                    self.rack.advance(record, self.order, acked.min_rtt, acked.now)
        self._count(record, -segs)

    def _sacked(self, record: SentRecord, acked: Acked) -> None:
        self.rack.advance(record, self.order, acked.min_rtt, acked.now)
        if not record.flags & R_EVER_RETRANS:
            if seq_lt(record.start, self.highest_sacked) and seq_lt(record.start, acked.reord):
                # Never sent again, and it fills a hole below something that arrived before it.
                acked.reord = record.start
            if seq_le(record.end, acked.high_seq):
                acked.did |= A_ORIG_ACKED
            acked.last_sack_sent_at = record.sent_at
            if acked.first_sack_sent_at < 0:
                acked.first_sack_sent_at = record.sent_at
        acked.did |= A_DATA_SACKED
        acked.segs_delivered += record.segs
        acked.octets_delivered += (record.end - record.start) & MASK32
        acked.note_delivered(record)
        self._mark(record, (record.flags & ~(R_LOST | R_RETRANS)) | R_SACKED)
        if record.is_out:
            self.order.remove(record)
        if seq_lt(self.highest_sacked, record.end):
            self.highest_sacked = record.end

    # Lost.

    def mark_lost(self, record: SentRecord, now: cython.longlong) -> None:
        """A record that did not arrive is given up; if a retransmission of it was out, that was lost too."""
        flags: cython.uint = record.flags
        if flags & R_SACKED or flags & (R_LOST | R_RETRANS) == R_LOST:
            return
        if flags & R_RETRANS:
            # Also where an undo had cleared it of the first loss: what is judged is the last transmission.
            flags &= ~R_RETRANS
            self.ext.TCPLostRetransmit += record.segs
        self._mark(record, (flags | R_LOST) & ~R_TIMED_OUT)
        if record.is_out:
            self.order.remove(record)
        if seq_lt(record.start, self.retransmit_hint):
            self.retransmit_hint = record.start
        self.rate.lost += record.segs
        if self.control is not None:
            self.control.on_segment_lost(record, now)

    def mark_lost_above(self, dup_thresh: cython.int, now: cython.longlong) -> None:
        """RFC 6675 IsLost: whatever has at least dup_thresh SACKed segments above it is lost."""
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t = self.find(self.lost_hint)
        while i < len(records) and self.sacked_out - self.sacked_below >= dup_thresh:
            record = records[i]
            if record.flags & R_SACKED:
                self.sacked_below += record.segs
            elif not record.flags & R_LOST:
                self.mark_lost(record, now)
            self.lost_hint = record.end
            i += 1

    def mark_head_lost(self, now: cython.longlong) -> None:
        """NewReno: the first segment outstanding is lost (RFC 6582 3.2), unless it is known to be already."""
        record: SentRecord
        if self._first >= len(self._records):
            return
        record = self._records[self._first]
        if record.flags & R_LOST:
            return
        if record.segs > 1:
            self.split(self._first, (record.start + record.mss) & MASK32)
        self.mark_lost(record, now)

    def mark_late(self, since: cython.longlong, reneged: cython.bint, now: cython.longlong) -> None:
        """After a timeout the first record is lost, and all that were sent before ``since`` (RFC 8985 8).

        ``reneged``: the peer dropped what it had SACKed (RFC 2018 8): everything is. A timeout is rare enough to walk
        over all of it.
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        was_out: cython.bint
        i: cython.Py_ssize_t = self._first
        while i < len(records):
            record = records[i]
            if reneged and record.flags & R_SACKED:
                self._mark(record, record.flags & ~R_SACKED)
            if reneged or i == self._first or record.sent_at < since:
                was_out = record.is_out
                self.mark_lost(record, now)
                if was_out:
                    record.flags |= R_TIMED_OUT
            i += 1
        self._rewind()

    def mark_longer(self, mss: cython.uint, now: cython.longlong) -> None:
        """The path takes only segments of mss octets now: longer ones did not arrive (RFC 1191 6.4)."""
        records: list[SentRecord] = self._records
        record: SentRecord
        longest: cython.uint
        i: cython.Py_ssize_t = self._first
        while i < len(records):
            record = records[i]
            longest = record.mss
            if record.segs == 1:
                longest = (record.end - record.start) & MASK32
                if record.flags & R_FIN:
                    longest -= 1
            if longest > mss:
                self.mark_lost(record, now)
            i += 1

    def unmark_lost(self) -> None:
        """Nothing was lost after all: for the rare undo, which walks over everything.

        What a timeout gave up is judged anew by when it was sent. What RACK gave up goes to the end of the order: it
        would be given up again at once, for the same reason; so it has time until something arrives that was sent from
        now on. (In Linux only the RTO finds it, if it was lost.)
        """
        records: list[SentRecord] = self._records
        record: SentRecord
        timed_out: list[SentRecord] = []
        i: cython.Py_ssize_t = self._first
        while i < len(records):
            record = records[i]
            if record.flags & R_LOST:
                self._mark(record, record.flags & ~R_LOST)
                if not record.is_out:
                    if record.flags & R_TIMED_OUT:
                        timed_out.append(record)
                    else:
                        self.order.put_last(record)
            i += 1
        self.order.put_back(timed_out)
        self.rack.look_on(self.order)
        self._rewind()

    def _rewind(self) -> None:
        record: SentRecord
        if self._first < len(self._records):
            record = self._records[self._first]
            self.retransmit_hint = self.lost_hint = record.start
            self.sacked_below = 0

    # Sent again.

    def next_lost(self) -> cython.Py_ssize_t:
        """Index for :meth:`at` of the first lost record not yet retransmitted, -1 if there is none."""
        records: list[SentRecord] = self._records
        record: SentRecord
        i: cython.Py_ssize_t
        if self.to_send == 0:
            return -1
        i = self.find(self.retransmit_hint)
        while i < len(records):
            record = records[i]
            if record.flags & (R_LOST | R_RETRANS) == R_LOST:
                self.retransmit_hint = record.start
                return i
            self.retransmit_hint = record.end
            i += 1
        return -1

    def at(self, i: cython.Py_ssize_t) -> SentRecord:
        """The record at an index that find(), next_lost() or last() gave."""
        return self._records[i]

    def last(self) -> cython.Py_ssize_t:
        """Index for :meth:`at` of the record with the highest sequence numbers; there must be one."""
        return len(self._records) - 1

    def retransmitted(self, record: SentRecord, now: cython.longlong) -> None:
        """A record was sent again, to repair a loss."""
        self._mark(record, record.flags | R_RETRANS | R_EVER_RETRANS)
        self._resent(record, now)
        if not seq_lt(record.end, self.retransmit_hint):
            self.retransmit_hint = record.end

    def probed(self, record: SentRecord, now: cython.longlong) -> None:
        """A record was sent again to elicit an ACK (RFC 8985 7.3): for all that is known the original is in flight.

        One that is known to have arrived or to be lost is judged no more for that.
        """
        record.flags |= R_EVER_RETRANS
        if record.is_out:
            self._resent(record, now)

    def _resent(self, record: SentRecord, now: cython.longlong) -> None:
        if record.is_out:
            self.order.remove(record)
        record.sent_at = now
        self.order.append(record)

    # Records.

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

    def split(self, i: cython.Py_ssize_t, at: cython.uint) -> None:
        """Make two records of one; ``at`` lies inside it. Segments are counted anew in both."""
        record: SentRecord = self._records[i]
        rest: SentRecord = make_record(at, record.end, 1, record.mss, record.sent_at)
        self._count(record, -record.segs)
        rest.flags = record.flags
        rest.segs = _segments(at, rest.end, rest.flags, rest.mss)
        rest.chunk = record.chunk
        rest.nth = record.nth
        rest.turn = record.turn
        copy_delivery(record, rest)
        record.flags &= ~(R_FIN | R_PUSHED)
        record.end = at
        record.segs = _segments(record.start, at, record.flags, record.mss)
        self._count(record, record.segs)
        self._count(rest, rest.segs)
        self._records.insert(i + 1, rest)
        if record.is_out:
            self.order.insert_after(record, rest)
            # A record acknowledged in part is no older than itself, but its first half now ends before the whole did.
            self.rack.look_on(self.order)

    def resegment(self, record: SentRecord, mss: cython.uint) -> None:
        """A record is about to be sent again in segments of mss octets: count them anew."""
        self._count(record, -record.segs)
        record.mss = mss
        record.segs = _segments(record.start, record.end, record.flags, mss)
        self._count(record, record.segs)

    def _cut(self, i: cython.Py_ssize_t, at: cython.uint, up: cython.bint) -> cython.bint:
        # Split a record at the segment edge at or above (up) or below ``at``. False: that edge is the record's own.
        record: SentRecord = self._records[i]
        offset: cython.uint = (at - record.start) & MASK32
        size: cython.uint = (record.end - record.start) & MASK32
        if record.segs <= 1:
            return False
        if up:
            offset += record.mss - 1
        offset -= offset % record.mss
        if offset == 0 or offset >= size:
            return False
        if self.is_full():
            self.ext.TCPWqueueTooBig += 1
            return False
        self.split(i, (record.start + offset) & MASK32)
        return True

    def _melt(self, first: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
        # Make one of SACKed records in a row, and of SACKed neighbours.
        records: list[SentRecord] = self._records
        record: SentRecord
        behind: SentRecord
        i: cython.Py_ssize_t
        if first > self._first:
            record = records[first - 1]
            if record.flags & R_SACKED:
                first -= 1
        if end < len(records):
            record = records[end]
            if record.flags & R_SACKED:
                end += 1
        record = records[first]
        i = first + 1
        while i < end:
            behind = records[i]
            if seq_lt(record.start, self.lost_hint) and not seq_lt(behind.start, self.lost_hint):
                # The hint stands between records: this one falls below it with the others.
                self.sacked_below += behind.segs
                self.lost_hint = behind.end
            record.end = behind.end
            record.segs += behind.segs
            record.flags |= behind.flags
            i += 1
        self.ext.TCPSackMerged += end - first - 1
        del records[first + 1 : end]

    def _mark(self, record: SentRecord, flags: cython.uint) -> None:
        self._count(record, -record.segs)
        record.flags = flags
        self._count(record, record.segs)

    def _count(self, record: SentRecord, segs: cython.int) -> None:
        # So many segments of a record more, or less.
        flags: cython.uint = record.flags
        self.packets_out += segs
        if flags & R_SACKED:
            self.sacked_out += segs
            if seq_lt(record.start, self.lost_hint):
                self.sacked_below += segs
        if flags & R_LOST:
            self.lost_out += segs
            if not flags & R_RETRANS:
                self.to_send += segs
        if flags & R_RETRANS:
            self.retrans_out += segs


def _segments(start: cython.uint, end: cython.uint, flags: cython.uint, mss: cython.uint) -> cython.uint:
    # How many segments these sequence numbers make; a FIN rides along with text, and alone is one.
    octets: cython.uint = (end - start) & MASK32
    if flags & R_FIN:
        octets -= 1
    return (octets + mss - 1) // mss if octets > mss else 1
