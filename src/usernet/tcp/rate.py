"""How fast data is delivered (draft-cheng-iccrg-delivery-rate-estimation): what an ACK tells a congestion control.

A record remembers how much had been delivered when it was sent. When it is delivered itself, what was delivered in
between, over the longer of the time it took to send and the time it took to be acknowledged, is the rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import SentRecord

if TYPE_CHECKING:
    import cython


class AckSample:
    """What one acknowledgment told. Counts are segments, spans nanoseconds; -1 is no sample.

    ``delivered``, ``losses`` and ``ce`` are new with this ACK: by ACK or SACK, marked lost, reported CE-marked; ``ece``
    says that it told of marks. ``acked`` is what the window may grow by. The rate is ``interval_delivered`` over
    ``interval_ns``; of that interval, ``interval_lost`` and ``interval_ce`` are the segments lost and marked,
    ``prior_delivered`` what had been delivered and ``sent_in_flight`` what was in flight when the segment was sent, it
    included. ``next_at`` is when the next segment may leave, where the connection is paced.
    """

    __slots__ = (
        "acked",
        "ca_state",
        "ce",
        "delivered",
        "ece",
        "in_flight",
        "interval_ce",
        "interval_delivered",
        "interval_lost",
        "interval_ns",
        "is_ack_delayed",
        "is_app_limited",
        "losses",
        "next_at",
        "prior_delivered",
        "prior_in_flight",
        "rtt_ns",
        "sent_in_flight",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing yet."""
        self.acked = self.delivered = self.losses = self.ce = 0
        self.ca_state = 0
        self.in_flight = self.prior_in_flight = self.sent_in_flight = 0
        self.rtt_ns = -1
        self.prior_delivered = 0
        self.next_at = 0
        self.interval_ns = -1
        self.interval_delivered = self.interval_lost = self.interval_ce = 0
        self.is_app_limited = self.is_ack_delayed = self.ece = False


class DeliveryRate:
    """One connection's account of what arrived, in segments: ``delivered``, ``delivered_ce``, ``lost``.

    ``app_limited`` is 0, or the count of ``delivered`` up to which samples lack for data rather than for bandwidth.
    ``latest_*`` is the last sample worth telling (``tcpi_delivery_rate``).
    """

    __slots__ = (
        "app_limited",
        "delivered",
        "delivered_at",
        "delivered_ce",
        "first_sent_at",
        "latest_app_limited",
        "latest_delivered",
        "latest_interval_ns",
        "lost",
    )

    def __init__(self) -> None:
        self.delivered = self.delivered_ce = self.lost = 0
        self.delivered_at = self.first_sent_at = 0
        self.app_limited = 0
        self.latest_delivered = 0
        self.latest_interval_ns = 0
        self.latest_app_limited = True

    def sent(self, record: SentRecord, in_flight: cython.uint, packets_out: cython.int, now: cython.longlong) -> None:
        """A record leaves, for the first time or again; ``in_flight`` and ``packets_out`` are without it."""
        if packets_out == 0:
            # The pipe was empty: an idle time must not count as a slow one.
            self.first_sent_at = self.delivered_at = now
        record.delivered = self.delivered
        record.delivered_at = self.delivered_at
        record.delivered_ce = self.delivered_ce
        record.lost = self.lost
        record.first_sent_at = self.first_sent_at
        record.in_flight = in_flight + record.segs
        record.is_app_limited = self.app_limited != 0

    def mark_app_limited(self, in_flight: cython.uint) -> None:
        """There is nothing more to send: what is in flight now is no measure of the path."""
        self.app_limited = self.delivered + in_flight
        if self.app_limited == 0:
            self.app_limited = 1

    def generate(
        self,
        sample: AckSample,
        newest: SentRecord | None,
        reneged: cython.bint,
        min_rtt: cython.longlong,
        now: cython.longlong,
    ) -> None:
        """Complete the sample of an ACK, once its ``delivered`` and ``losses`` are counted; ``newest`` see Acked.

        ``reneged``: what was counted as delivered was dropped by the peer (RFC 2018 8), and is no measure.
        """
        send: cython.longlong
        ack: cython.longlong
        if self.app_limited != 0 and self.delivered > self.app_limited:
            self.app_limited = 0
        if sample.delivered > 0:
            self.delivered_at = now
        sample.interval_ns = -1
        sample.interval_delivered = sample.interval_lost = sample.interval_ce = 0
        if newest is None or newest.delivered_at < 0:
            return
        sample.prior_delivered = newest.delivered
        sample.is_app_limited = newest.is_app_limited
        sample.sent_in_flight = newest.in_flight
        sample.interval_delivered = self.delivered - newest.delivered
        sample.interval_lost = self.lost - newest.lost
        sample.interval_ce = self.delivered_ce - newest.delivered_ce
        send = newest.sent_at - newest.first_sent_at
        ack = now - newest.delivered_at
        self.first_sent_at = newest.sent_at
        # ACKs that come in a lump, and segments that leave in one, say nothing of the path: the longer span counts.
        if ack > send:
            send = ack
        if reneged or send < min_rtt or send <= 0:
            # Shorter than the path is long: a retransmission was taken for the original or the other way round.
            return
        sample.interval_ns = send
        self._keep(sample)

    def _keep(self, sample: AckSample) -> None:
        # A sample short of data is told only where it shows more than the one before.
        new: cython.double = sample.interval_delivered
        old: cython.double = self.latest_delivered
        if not sample.is_app_limited or new * self.latest_interval_ns >= old * sample.interval_ns:
            self.latest_delivered = sample.interval_delivered
            self.latest_interval_ns = sample.interval_ns
            self.latest_app_limited = sample.is_app_limited

    def bandwidth(self, mss: cython.uint) -> cython.longlong:
        """The latest delivery rate in octets a second, 0 while there is none."""
        octets: cython.double = self.latest_delivered
        if self.latest_interval_ns == 0:
            return 0
        return int(octets * mss * 1e9 / self.latest_interval_ns)
