"""What one acknowledgment changed in the scoreboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS
from ..core.seq import seq_lt
from .const import R_EVER_RETRANS
from .record import SentRecord

if TYPE_CHECKING:
    import cython


class Acked:
    """Filled while an ACK is digested. Instants are -1 where there is none.

    Of records delivered that were never retransmitted: ``first_sent_at`` and ``last_sent_at`` by cumulative ACK,
    ``first_sack_sent_at`` and ``last_sack_sent_at`` by SACK. ``reord`` is the lowest sequence number delivered after
    a higher one; ``newest`` of the records delivered the one sent last, from which the delivery rate is taken. ``did``
    are A_ flags. ``high_seq``, ``min_rtt`` and the echoed timestamp in ``echo``, milliseconds of our clock, are given.
    """

    __slots__ = (
        "did",
        "echo",
        "first_sack_sent_at",
        "first_sent_at",
        "has_echo",
        "high_seq",
        "last_sack_sent_at",
        "last_sent_at",
        "min_rtt",
        "newest",
        "now",
        "octets_delivered",
        "reord",
        "segs_acked",
        "segs_delivered",
    )

    def __init__(self) -> None:
        self.begin(0, 0, 0, 0)

    def begin(
        self, high_seq: cython.uint, snd_nxt: cython.uint, min_rtt: cython.longlong, now: cython.longlong
    ) -> None:
        """An ACK arrives: nothing yet."""
        self.did = 0
        self.high_seq = high_seq
        self.reord = snd_nxt
        self.min_rtt = min_rtt
        self.now = now
        self.has_echo = False
        self.echo = 0
        self.segs_acked = self.segs_delivered = self.octets_delivered = 0
        self.first_sent_at = self.last_sent_at = -1
        self.first_sack_sent_at = self.last_sack_sent_at = -1
        self.newest: SentRecord | None = None

    def note_delivered(self, record: SentRecord) -> None:
        """A record was delivered, by ACK or SACK, that was not before."""
        newest: SentRecord | None = self.newest
        if newest is None or newest.nth < record.nth or (newest.nth == record.nth and seq_lt(newest.end, record.end)):
            self.newest = record

    def echo_precedes(self, sent_at: cython.longlong) -> cython.bint:
        """RFC 3522 3.2: True when the timestamp echoed is older than this instant."""
        ticks: cython.longlong = sent_at // MS
        return self.has_echo and seq_lt(self.echo, ticks & MASK32)

    def flight(self) -> cython.longlong:
        """How long ago the timestamp echoed was sent, a tick more at most."""
        ticks: cython.longlong = self.now // MS
        ticks = (ticks - self.echo + 1) & MASK32
        return ticks * MS

    def is_original(self, record: SentRecord) -> cython.bint:
        """True when the timestamp echoed shows that of a retransmitted record an earlier copy arrived."""
        return (record.flags & R_EVER_RETRANS) != 0 and self.echo_precedes(record.sent_at)
