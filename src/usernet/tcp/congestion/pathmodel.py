"""What BBR version 3 knows of its path (draft-ietf-ccwg-bbr-04 5.5), apart from the state it is in.

Bandwidths are segments a second, volumes segments. ``bw`` is the rate to use: the largest of two ProbeBW cycles,
unless losses or marks of late bound it (``bw_shortterm``). ``round_start`` and ``loss_round_start`` say that this ACK
ends a round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rate import AckSample, DeliveryRate
from .const import BETA, EXTRA_ACKED_MAX, FULL_BW_GROWTH, FULL_BW_ROUNDS, LOSS_THRESHOLD, NO_BOUND
from .maxfilter import MaxFilter

if TYPE_CHECKING:
    import cython

NO_BANDWIDTH_BOUND = 1e30
STARTUP_LOSSES = 6
EXTRA_ACKED_ROUNDS = 10
# Linux v3's response to ECN, where the round-trip time says that marks come early, as in a data centre.
ECN_GAIN = 1.0 / 16.0
ECN_FACTOR = 1.0 / 3.0
ECN_THRESHOLD = 0.5
ECN_STARTUP_ROUNDS = 2
ECN_MAX_RTT = 5_000_000


class PathModel:
    """5.5: rounds, bandwidth, aggregation, loss and marks. ``sample_bw`` is this ACK's delivery rate, 0 for none."""

    __slots__ = (
        "bw",
        "bw_before",
        "bw_latest",
        "bw_now",
        "bw_shortterm",
        "ecn_alpha",
        "ecn_ce",
        "ecn_delivered",
        "ecn_eligible",
        "ecn_in_round",
        "ecn_rounds",
        "extra_acked_at",
        "extra_acked_delivered",
        "extra_acked_filter",
        "full_bw",
        "full_bw_count",
        "full_bw_now",
        "full_bw_reached",
        "inflight_latest",
        "inflight_shortterm",
        "loss_events",
        "loss_in_round",
        "loss_round_delivered",
        "loss_round_start",
        "next_round_delivered",
        "rate",
        "round_count",
        "round_start",
        "sample_bw",
        "undo_bw_shortterm",
        "undo_inflight_shortterm",
    )

    def __init__(self) -> None:
        self.rate: DeliveryRate
        self.extra_acked_filter: MaxFilter = MaxFilter()
        self.bw_latest = self.bw_shortterm = self.undo_bw_shortterm = 0.0
        self.inflight_latest = self.inflight_shortterm = self.undo_inflight_shortterm = 0

    def start(self, rate: DeliveryRate, now: cython.longlong) -> None:
        """5.2.1."""
        self.rate = rate
        self.bw = self.bw_before = self.bw_now = self.sample_bw = 0.0
        self.extra_acked_filter.reset(0.0, 0)
        self.extra_acked_at = now
        self.extra_acked_delivered = 0.0
        self.next_round_delivered = self.loss_round_delivered = rate.delivered
        self.round_count = 0
        self.round_start = self.loss_round_start = False
        self.loss_in_round = self.ecn_in_round = False
        self.loss_events = 0
        self.full_bw_reached = False
        self.reset_full_bw(0.0)
        self.reset_latest()
        self.reset_shortterm()
        # Marks are answered in full until their share is known.
        self.ecn_alpha = 1.0
        self.ecn_eligible = False
        self.ecn_rounds = 0
        self.ecn_delivered = rate.delivered
        self.ecn_ce = rate.delivered_ce

    # Rounds and bandwidth.

    def begin_round(self) -> None:
        """BBRStartRound: the round trip ends with the ACK of something sent from now on."""
        self.next_round_delivered = self.rate.delivered

    def take(self, sample: AckSample, min_rtt: cython.longlong) -> None:
        """BBRUpdateLatestDeliverySignals and BBRUpdateMaxBw (5.5.10.3, 5.5.5)."""
        self.round_start = self.loss_round_start = False
        self.sample_bw = 0.0
        if sample.losses > 0 and self.loss_events < 15:
            self.loss_events += 1
        if sample.interval_ns <= 0 or sample.delivered == 0:
            return
        self.sample_bw = sample.interval_delivered * 1e9 / sample.interval_ns
        if self.sample_bw > self.bw_latest:
            self.bw_latest = self.sample_bw
        if sample.interval_delivered > self.inflight_latest:
            self.inflight_latest = sample.interval_delivered
        if sample.prior_delivered >= self.loss_round_delivered:
            self.loss_round_delivered = self.rate.delivered
            self.loss_round_start = True
        if sample.prior_delivered >= self.next_round_delivered:
            self.begin_round()
            self.round_count += 1
            self.round_start = True
        self.ecn_eligible = min_rtt <= ECN_MAX_RTT
        if sample.ce > 0:
            self.ecn_in_round = self.ecn_eligible
        if self.round_start:
            self._update_ecn_alpha()
        if (not sample.is_app_limited or self.sample_bw >= self.max_bw()) and self.sample_bw > self.bw_now:
            self.bw_now = self.sample_bw

    def max_bw(self) -> cython.double:
        """The largest of this ProbeBW cycle and the one before."""
        return self.bw_now if self.bw_now > self.bw_before else self.bw_before

    def advance_max_bw(self) -> None:
        """BBRAdvanceMaxBwFilter: a cycle ends. One without a sample is none."""
        if self.bw_now > 0.0:
            self.bw_before = self.bw_now
            self.bw_now = 0.0

    def advance_latest(self, sample: AckSample) -> None:
        """BBRAdvanceLatestDeliverySignals, near the end of an ACK, and BBRBoundBWForModel."""
        best: cython.double = self.max_bw()
        if self.loss_round_start:
            self.bw_latest = self.sample_bw
            self.inflight_latest = sample.interval_delivered
            self.loss_events = 0
        self.bw = best if best < self.bw_shortterm else self.bw_shortterm

    # Is the pipe full? (5.3.1.2)

    def reset_full_bw(self, baseline: cython.double) -> None:
        """BBRResetFullBW; growth is counted from ``baseline``."""
        self.full_bw = baseline
        self.full_bw_count = 0
        self.full_bw_now = False

    def check_full_bw(self, is_app_limited: cython.bint) -> None:
        """Three rounds that brought less than a quarter more: the pipe is full."""
        if self.full_bw_now or not self.round_start or is_app_limited or self.sample_bw <= 0.0:
            return
        if self.sample_bw >= self.full_bw * FULL_BW_GROWTH:
            self.reset_full_bw(self.sample_bw)
            return
        self.full_bw_count += 1
        self.full_bw_now = self.full_bw_count >= FULL_BW_ROUNDS
        if self.full_bw_now:
            self.full_bw_reached = True

    def startup_too_high(self, sample: AckSample, recovers: cython.bint) -> cython.bint:
        """BBRCheckStartupHighLoss (5.3.1.3), and marks on half of the segments for two rounds (Linux)."""
        if self.loss_round_start and recovers and self.loss_events >= STARTUP_LOSSES and self.is_too_high(sample):
            return True
        return self.ecn_rounds >= ECN_STARTUP_ROUNDS

    # Aggregation (5.5.9).

    def update_aggregation(self, delivered: cython.uint, cwnd: cython.uint, now: cython.longlong) -> None:
        """How much more than expected comes in a lump; the window must bridge the gaps between."""
        expected: cython.double = self.bw * (now - self.extra_acked_at) / 1e9
        extra: cython.double
        if self.extra_acked_delivered <= expected:
            self.extra_acked_delivered = expected = 0.0
            self.extra_acked_at = now
        self.extra_acked_delivered += delivered
        extra = self.extra_acked_delivered - expected
        if extra > cwnd:
            extra = cwnd
        self.extra_acked_filter.update(extra, self.round_count, EXTRA_ACKED_ROUNDS if self.full_bw_reached else 1)

    def extra_acked(self) -> cython.uint:
        """What the window is raised by for it."""
        extra: cython.double = self.extra_acked_filter.best
        most: cython.double = self.bw * EXTRA_ACKED_MAX
        if extra > most:
            extra = most
        return int(extra)

    # Loss and marks (5.5.10).

    def is_too_high(self, sample: AckSample) -> cython.bint:
        """IsInflightTooHigh: over a round trip more than 2% was lost, or more than half was marked."""
        if sample.interval_lost > sample.sent_in_flight * LOSS_THRESHOLD:
            return True
        return (
            self.ecn_eligible
            and sample.interval_ce > 0
            and sample.interval_ce > sample.interval_delivered * ECN_THRESHOLD
        )

    def note_loss(self) -> None:
        """BBRNoteLoss: the round that is answered begins with its first loss."""
        if not self.loss_in_round:
            self.loss_round_delivered = self.rate.delivered
            self.loss_in_round = True

    def save_bounds(self) -> None:
        """What losses may lower is kept for undo()."""
        self.undo_bw_shortterm = self.bw_shortterm
        self.undo_inflight_shortterm = self.inflight_shortterm

    def undo(self) -> None:
        """The losses were none."""
        self.loss_in_round = False
        self.reset_full_bw(0.0)
        if self.bw_shortterm < self.undo_bw_shortterm:
            self.bw_shortterm = self.undo_bw_shortterm
        if self.inflight_shortterm < self.undo_inflight_shortterm:
            self.inflight_shortterm = self.undo_inflight_shortterm

    def bound_inflight(self, cwnd: cython.uint) -> None:
        """BBRInitLowerBounds of a volume: the window there is, where nothing bounded it yet."""
        if self.inflight_shortterm >= NO_BOUND:
            self.inflight_shortterm = cwnd

    def adapt_lower_bounds(self, is_probing: cython.bint, cwnd: cython.uint) -> None:
        """At the end of a round with loss or marks, while not probing: slow down toward what was delivered of late."""
        if not is_probing and (self.loss_in_round or self.ecn_in_round):
            if self.bw_shortterm >= NO_BANDWIDTH_BOUND:
                self.bw_shortterm = self.max_bw()
            self.bound_inflight(cwnd)
            self._lower(self.loss_in_round)
        self.loss_in_round = self.ecn_in_round = False

    def _lower(self, by_loss: cython.bint) -> None:
        inflight: cython.double = self.inflight_shortterm
        marked: cython.double = inflight * (1.0 - self.ecn_alpha * ECN_FACTOR) if self.ecn_in_round else inflight
        if by_loss:
            self.bw_shortterm *= BETA
            if self.bw_shortterm < self.bw_latest:
                self.bw_shortterm = self.bw_latest
            inflight *= BETA
            if inflight < self.inflight_latest:
                inflight = self.inflight_latest
        if inflight > marked:
            inflight = marked
        self.inflight_shortterm = int(inflight)

    def reset_latest(self) -> None:
        """BBRResetCongestionSignals."""
        self.loss_in_round = self.ecn_in_round = False
        self.bw_latest = 0.0
        self.inflight_latest = 0

    def reset_shortterm(self) -> None:
        """BBRResetShortTermModel."""
        self.bw_shortterm = NO_BANDWIDTH_BOUND
        self.inflight_shortterm = NO_BOUND

    def _update_ecn_alpha(self) -> None:
        # The share of marked segments, smoothed over some sixteen round trips as DCTCP does.
        delivered: cython.double = self.rate.delivered - self.ecn_delivered
        marked: cython.double = self.rate.delivered_ce - self.ecn_ce
        share: cython.double
        if delivered <= 0.0 or not self.ecn_eligible:
            return
        share = marked / delivered
        self.ecn_alpha += ECN_GAIN * (share - self.ecn_alpha)
        self.ecn_delivered = self.rate.delivered
        self.ecn_ce = self.rate.delivered_ce
        self.ecn_rounds = self.ecn_rounds + 1 if share >= ECN_THRESHOLD else 0
