"""BBR version 1, as the Linux kernel's ``bbr`` (draft-cardwell-iccrg-bbr-congestion-control-00, Linux's tcp_bbr.c).

A model of the path, the largest delivery rate of ten round trips and the smallest round-trip time of ten seconds,
sets pacing rate and window; a loss by itself does not. Read beside it the newer bbr3.py, which mends that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..const import CA_LOSS, CA_RECOVERY
from ..rate import AckSample
from .bbr import Bbr, whole_segments
from .const import EXTRA_ACKED_MAX, FULL_BW_GROWTH, FULL_BW_ROUNDS, MIN_RTT_WINDOW, PACING_MARGIN
from .maxfilter import MaxFilter
from .policer import Policer

if TYPE_CHECKING:
    import cython

STARTUP = 0
DRAIN = 1
PROBE_BW = 2
PROBE_RTT = 3

# Linux's constants, to its 256ths. 2/ln 2 is the least gain with which the delivery rate can double each round trip.
HIGH_GAIN = 739.0 / 256.0
DRAIN_GAIN = 88.0 / 256.0
CWND_GAIN = 2.0
# ProbeBW: a phase of probing, one of draining what that queued, six of cruising.
UP_GAIN = 1.25
DOWN_GAIN = 0.75
CYCLE = 8
BW_ROUNDS = CYCLE + 2
EXTRA_ACKED_ROUNDS = 5
EPOCH_MAX = 1 << 20  # segments
GOAL_MAX = 127
GOAL_OCTETS_MAX = 65215  # of a super-segment, without its headers


class Bbr1(Bbr):
    """A bandwidth, a round trip, and a cycle of gains that asks for more of the one and drains what that queued."""

    __slots__ = (
        "bw_filter",
        "cycle_at",
        "cycle_index",
        "epoch_acked",
        "epoch_at",
        "extra_acked",
        "extra_acked_before",
        "extra_acked_rounds",
        "full_bw",
        "full_bw_reached",
        "full_bw_rounds",
        "mode",
        "next_round_delivered",
        "packet_conservation",
        "policer",
        "round_count",
        "round_start",
    )

    name = "bbr"

    def __init__(self) -> None:
        super().__init__(HIGH_GAIN * PACING_MARGIN)
        self.bw_filter: MaxFilter = MaxFilter()
        self.policer: Policer = Policer()
        self._reset()

    def _reset(self) -> None:
        self.mode = STARTUP
        self.pacing_gain = self.cwnd_gain = HIGH_GAIN
        self.next_round_delivered = 0
        self.round_count = 0
        self.round_start = False
        self.full_bw = 0.0
        self.full_bw_rounds = 0
        self.full_bw_reached = False
        self.packet_conservation = False
        self.cycle_index = 0
        self.cycle_at = 0
        self.epoch_at = 0
        self.epoch_acked = 0
        self.extra_acked = self.extra_acked_before = 0
        self.extra_acked_rounds = 0

    def start(self, now: cython.longlong) -> None:
        """Begin with what the handshake, or another algorithm, learned of the round-trip time."""
        self._begin(now)
        self._reset()
        self.bw_filter.reset(0.0, 0)
        self.epoch_at = now
        self.policer.reset(self.rate)

    def bandwidth(self) -> cython.double:
        """The bandwidth in use: a policer's, where one was found, or the largest measured."""
        return self.policer.bw if self.policer.in_use else self.bw_filter.best

    def _begin_round(self) -> None:
        self.next_round_delivered = self.rate.delivered

    def _probes_rtt(self) -> cython.bint:
        return self.mode == PROBE_RTT

    # Events.

    def control(self, sample: AckSample, now: cython.longlong) -> cython.bint:
        """An ACK: update the model, then pacing rate and window from it."""
        self._update_bandwidth(sample)
        self._update_aggregation(sample)
        if self.mode == PROBE_BW and self._is_next_phase(sample, now):
            self._next_phase()
        self._check_full_bandwidth(sample)
        self._check_drain(sample, now)
        self._update_min_rtt(sample, now)
        self._set_gains()
        self._set_pacing_rate(self.pacing_gain, self.full_bw_reached)
        self._set_cwnd(sample)
        return True

    def on_timeout(self, now: cython.longlong) -> None:
        """The path may have changed altogether: look for a full pipe anew, and let the policer see it as a loss."""
        self.prior_ca_state = CA_LOSS
        self.full_bw = 0.0
        self.round_start = True
        self._heed_policer(1, False)

    def undo(self) -> cython.uint:
        """Losses that were none may have ended startup early, or looked like a policer."""
        self.full_bw = 0.0
        self.full_bw_rounds = 0
        self.policer.reset(self.rate)
        return self.cwnd

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """After a silence of the application: begin at the rate of the path, not at a gain above it."""
        if self.rate.app_limited == 0:
            return
        self.idle_restart = True
        self.epoch_at = now
        self.epoch_acked = 0
        if self.mode == PROBE_BW:
            self._set_pacing_rate(1.0, self.full_bw_reached)
        elif self.mode == PROBE_RTT:
            self._check_probe_rtt_done(now)

    # The model.

    def _update_bandwidth(self, sample: AckSample) -> None:
        bw: cython.double
        self.round_start = False
        if sample.interval_ns <= 0:
            return
        if sample.prior_delivered >= self.next_round_delivered:
            self._begin_round()
            self.round_count += 1
            self.round_start = True
            self.packet_conservation = False
        self._heed_policer(sample.losses, sample.is_app_limited)
        bw = sample.interval_delivered * 1e9 / sample.interval_ns
        if not sample.is_app_limited or bw >= self.bw_filter.best:
            self.bw_filter.update(bw, self.round_count, BW_ROUNDS)

    def _heed_policer(self, losses: cython.uint, is_app_limited: cython.bint) -> None:
        policer: Policer = self.policer
        if not policer.in_use:
            if policer.sample(self.rate, losses, is_app_limited, self.round_start, self.mss):
                self.pacing_gain = 1.0
        elif self.mode == PROBE_BW and self.round_start and policer.is_over():
            policer.reset(self.rate)
            self._enter_probe_bw()

    def _update_aggregation(self, sample: AckSample) -> None:
        # How much more than expected comes in a lump: the window must bridge the gaps between.
        expected: cython.longlong
        extra: cython.longlong
        if sample.delivered == 0 or sample.interval_ns <= 0:
            return
        if self.round_start:
            self.extra_acked_rounds += 1
            if self.extra_acked_rounds >= EXTRA_ACKED_ROUNDS:
                self.extra_acked_rounds = 0
                self.extra_acked_before = self.extra_acked
                self.extra_acked = 0
        expected = int(self.bandwidth() * (self.rate.delivered_at - self.epoch_at) / 1e9)
        if self.epoch_acked <= expected or self.epoch_acked + sample.delivered >= EPOCH_MAX:
            self.epoch_acked = expected = 0
            self.epoch_at = self.rate.delivered_at
        self.epoch_acked += sample.delivered
        extra = self.epoch_acked - expected
        if extra > self.cwnd:
            extra = self.cwnd
        if extra > self.extra_acked:
            self.extra_acked = extra

    def _is_next_phase(self, sample: AckSample, now: cython.longlong) -> cython.bint:
        whole: cython.bint = self.rate.delivered_at - self.cycle_at > self.min_rtt
        flight: cython.uint
        if self.pacing_gain == 1.0:
            return whole
        flight = self._in_network(sample.prior_in_flight, sample, now)
        if self.pacing_gain > 1.0:
            # Probing holds on until it shows: the pipe is as full as this gain can make it, or something was lost.
            return whole and (sample.losses > 0 or flight >= self._inflight(self.pacing_gain))
        return whole or flight <= self._inflight(1.0)

    def _in_network(self, flight: cython.uint, sample: AckSample, now: cython.longlong) -> cython.uint:
        # Of so much in flight, what will be under way when the next segment leaves; it included where flight grows.
        gone: cython.uint
        if self.pacing_gain > 1.0:
            flight += self._tso_goal()
        if sample.next_at <= now:
            return flight
        gone = whole_segments(self.bandwidth() * (sample.next_at - now) / 1e9)
        return flight - gone if flight > gone else 0

    def _next_phase(self) -> None:
        self.cycle_index = (self.cycle_index + 1) % CYCLE
        self.cycle_at = self.rate.delivered_at

    def _check_full_bandwidth(self, sample: AckSample) -> None:
        if self.full_bw_reached or not self.round_start or sample.is_app_limited:
            return
        if self.bw_filter.best >= self.full_bw * FULL_BW_GROWTH:
            self.full_bw = self.bw_filter.best
            self.full_bw_rounds = 0
            return
        self.full_bw_rounds += 1
        self.full_bw_reached = self.full_bw_rounds >= FULL_BW_ROUNDS

    def _check_drain(self, sample: AckSample, now: cython.longlong) -> None:
        if self.mode == STARTUP and self.full_bw_reached:
            self.mode = DRAIN
            self.ssthresh = self._inflight(1.0)
        if self.mode == DRAIN and self._in_network(sample.in_flight, sample, now) <= self._inflight(1.0):
            self._enter_probe_bw()

    def _enter_probe_bw(self) -> None:
        # Any phase but the draining one.
        self.mode = PROBE_BW
        self.cycle_index = CYCLE - 1 - self.entropy.below(CYCLE - 1)
        self._next_phase()

    def _update_min_rtt(self, sample: AckSample, now: cython.longlong) -> None:
        expired: cython.bint = now > self.min_rtt_at + MIN_RTT_WINDOW
        if sample.rtt_ns > 0 and (sample.rtt_ns < self.min_rtt or (expired and not sample.is_ack_delayed)):
            self.min_rtt = sample.rtt_ns
            self.min_rtt_at = now
        if expired and not self.idle_restart and self.mode != PROBE_RTT:
            self.mode = PROBE_RTT
            self._save_cwnd()
            self.probe_rtt_done_at = 0
        if self.mode == PROBE_RTT:
            self._probe_rtt(sample, self.round_start, now)
        if sample.interval_delivered > 0:
            self.idle_restart = False

    def _leave_probe_rtt(self, now: cython.longlong) -> None:
        self.min_rtt_at = now
        if self.full_bw_reached:
            self._enter_probe_bw()
        else:
            self.mode = STARTUP

    # What follows from it.

    def _set_gains(self) -> None:
        if self.mode == STARTUP:
            self.pacing_gain = self.cwnd_gain = HIGH_GAIN
        elif self.mode == DRAIN:
            self.pacing_gain = DRAIN_GAIN
            self.cwnd_gain = HIGH_GAIN
        elif self.mode == PROBE_BW:
            self.cwnd_gain = CWND_GAIN
            self.pacing_gain = 1.0
            if self.cycle_index == 0 and not self.policer.in_use:
                self.pacing_gain = UP_GAIN
            elif self.cycle_index == 1 and not self.policer.in_use:
                self.pacing_gain = DOWN_GAIN
        else:
            self.pacing_gain = self.cwnd_gain = 1.0

    def _inflight(self, gain: cython.double) -> cython.uint:
        # What is in flight at most with this gain, by what was measured: of a policer the path knows nothing.
        return self._with_quanta(self._bdp(self.bw_filter.best, gain))

    def _with_quanta(self, segs: cython.uint) -> cython.uint:
        # Three super-segments more: one being built, one sent, one being acknowledged.
        segs += 3 * self._tso_goal()
        segs += segs & 1
        if self.mode == PROBE_BW and self.cycle_index == 0:
            segs += 2
        return segs

    def _tso_goal(self) -> cython.uint:
        octets: cython.longlong = self.pacing_rate >> 10
        goal: cython.uint
        if octets > GOAL_OCTETS_MAX:
            octets = GOAL_OCTETS_MAX
        goal = octets // self.mss
        if goal < self.min_tso_segs:
            goal = self.min_tso_segs
        return goal if goal < GOAL_MAX else GOAL_MAX

    def _set_cwnd(self, sample: AckSample) -> None:
        target: cython.uint
        bw: cython.double = self.bandwidth()
        if sample.delivered > 0 and not self._recovers(sample):
            target = self._bdp(bw, self.cwnd_gain)
            if self.full_bw_reached:
                target += self._aggregated(bw)
            target = self._with_quanta(target)
            self._approach(target, sample.delivered, self.full_bw_reached)
        self._cap_cwnd()

    def _aggregated(self, bw: cython.double) -> cython.uint:
        extra: cython.uint = self.extra_acked if self.extra_acked > self.extra_acked_before else self.extra_acked_before
        most: cython.uint = whole_segments(bw * EXTRA_ACKED_MAX)
        return extra if extra < most else most

    def _recovers(self, sample: AckSample) -> cython.bint:
        # Packet conservation for the first round trip of recovery, then the window remembered. True: cwnd is set.
        state: cython.int = sample.ca_state
        floor: cython.uint = sample.in_flight + sample.delivered
        if sample.losses > 0:
            self.cwnd = self.cwnd - sample.losses if self.cwnd > sample.losses + 1 else 1
        if state == CA_RECOVERY and self.prior_ca_state != CA_RECOVERY:
            self.packet_conservation = True
            self._begin_round()
            self.cwnd = floor
        elif self.prior_ca_state >= CA_RECOVERY > state:
            self.packet_conservation = False
            self._restore_cwnd()
        self.prior_ca_state = state
        if not self.packet_conservation:
            return False
        if self.cwnd < floor:
            self.cwnd = floor
        return True
