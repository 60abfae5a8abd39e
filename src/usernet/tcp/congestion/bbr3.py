"""BBR version 3 (draft-ietf-ccwg-bbr-04), with Linux v3's response to ECN marks.

The names are the draft's. Bandwidths are segments a second, volumes segments, instants and spans nanoseconds. The
steps of an ACK stand in the order of the draft's 5.2.3; what is known of the path is in pathmodel.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import SECOND
from ..const import CA_LOSS, CA_RECOVERY
from ..rate import AckSample
from ..record import SentRecord
from .bbr import Bbr
from .const import BETA, LOSS_THRESHOLD, MIN_PIPE_CWND, MIN_RTT_WINDOW, NO_BOUND
from .pathmodel import PathModel

if TYPE_CHECKING:
    import cython

# BBR.state, in the order of probing.
STARTUP = 0
DRAIN = 1
PROBE_BW_DOWN = 2
PROBE_BW_CRUISE = 3
PROBE_BW_REFILL = 4
PROBE_BW_UP = 5
PROBE_RTT = 6
NO_STATE = -1

# BBR.ack_phase: what the ACKs that come now are the answer to.
ACKS_INIT = 0
ACKS_REFILLING = 1
ACKS_PROBE_STARTING = 2
ACKS_PROBE_FEEDBACK = 3
ACKS_PROBE_STOPPING = 4

STARTUP_PACING_GAIN = 2.77
DRAIN_PACING_GAIN = 0.35
DOWN_PACING_GAIN = 0.9
UP_PACING_GAIN = 1.25
DEFAULT_CWND_GAIN = 2.0
UP_CWND_GAIN = 2.25
PROBE_RTT_CWND_GAIN = 0.5
HEADROOM = 0.15
PROBE_RTT_INTERVAL = 5 * SECOND
PROBE_WAIT = 2 * SECOND  # and up to one more, at random
RENO_ROUNDS = 63
QUANTUM_MAX = 65536


class Bbr3(Bbr):
    """A model of the path, and a state that says what is being tried out on it."""

    __slots__ = (
        "ack_phase",
        "bw_probe_samples",
        "bw_probe_up_acks",
        "bw_probe_up_rounds",
        "bw_probe_wait",
        "cycle_at",
        "inflight_longterm",
        "is_undo_saved",
        "model",
        "now",
        "probe_rtt_expired",
        "probe_rtt_min_at",
        "probe_rtt_min_delay",
        "probe_up_cnt",
        "rounds_since_bw_probe",
        "state",
        "undo_inflight_longterm",
        "undo_state",
    )

    name = "bbr3"

    def __init__(self) -> None:
        super().__init__(STARTUP_PACING_GAIN)
        self.wants_losses = True
        self.model: PathModel = PathModel()
        self._reset(0)

    def _reset(self, now: cython.longlong) -> None:
        self.now = now
        self.probe_rtt_min_delay = self.min_rtt
        self.probe_rtt_min_at = now
        self.probe_rtt_expired = False
        self.inflight_longterm = NO_BOUND
        self.ack_phase = ACKS_INIT
        self.bw_probe_samples = False
        self.bw_probe_up_acks = self.bw_probe_up_rounds = 0
        self.probe_up_cnt = NO_BOUND
        self.rounds_since_bw_probe = 0
        self.bw_probe_wait = PROBE_WAIT
        self.cycle_at = now
        self._enter_startup()
        self.is_undo_saved = False
        self.undo_state = NO_STATE
        self.undo_inflight_longterm = 0

    def start(self, now: cython.longlong) -> None:
        """BBROnInit (5.2.1)."""
        self._begin(now)
        self._reset(now)
        self.model.start(self.rate, now)

    def bandwidth(self) -> cython.double:
        """BBR.bw: the largest measured, within what loss and marks of late allow."""
        return self.model.bw

    def _begin_round(self) -> None:
        self.model.begin_round()

    def _probes_rtt(self) -> cython.bint:
        return self.state == PROBE_RTT

    # Events (5.2.2-5.2.4, 5.6.4.4).

    def control(self, sample: AckSample, now: cython.longlong) -> cython.bint:
        """BBRUpdateOnACK (5.2.3)."""
        model: PathModel = self.model
        self.now = now
        self._leave_recovery(sample)
        model.take(sample, self.min_rtt)
        if model.round_start:
            self.rounds_since_bw_probe += 1
        if model.loss_round_start:
            model.adapt_lower_bounds(self._is_probing_bw(), self.cwnd)
        model.update_aggregation(sample.delivered, self.cwnd, now)
        model.check_full_bw(sample.is_app_limited)
        self._check_startup_done(sample)
        if self.state == DRAIN and sample.in_flight <= self._inflight(model.bw):
            self._enter_probe_bw()
        if model.full_bw_reached and sample.delivered > 0:
            self._update_probe_bw(sample)
        self._update_min_rtt(sample)
        self._check_probe_rtt(sample)
        model.advance_latest(sample)
        self._set_pacing_rate(self.pacing_gain, model.full_bw_reached)
        self._set_cwnd(sample)
        return True

    def on_segment_lost(self, record: SentRecord, now: cython.longlong) -> None:
        """BBRHandleLostPacket (5.5.10.2): at what volume in flight did losses pass 2%?"""
        lost: cython.double = self.rate.lost - record.lost
        flight: cython.double = record.in_flight
        size: cython.double = record.segs
        prefix: cython.double
        self.now = now
        if not self.is_undo_saved:
            self._save_for_undo()
        self.model.note_loss()
        if not self.bw_probe_samples or lost <= flight * LOSS_THRESHOLD:
            return
        prefix = (LOSS_THRESHOLD * (flight - size) - (lost - size)) / (1.0 - LOSS_THRESHOLD)
        flight += (prefix if prefix > 0.0 else 0.0) - size
        self._inflight_too_high(flight, record.is_app_limited)

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """5.5.10.3 asks for an answer in TLP recovery as well, whose loss nobody marks: the probe has repaired it."""
        self.model.note_loss()
        return self.on_echo(now)

    def on_timeout(self, now: cython.longlong) -> None:
        """BBROnEnterRTO: the path may have changed altogether, so the pipe is to be found full anew."""
        self.prior_ca_state = CA_LOSS
        self.model.reset_full_bw(0.0)
        if not self._is_probing_bw():
            # The window from which loss slows down is the one before the timeout cuts it (Linux).
            self.model.bound_inflight(self.saved_cwnd if self.saved_cwnd > self.cwnd else self.cwnd)

    def undo(self) -> cython.uint:
        """BBRHandleSpuriousLossDetection (draft-ietf-ccwg-bbr-05 5.5.11.2): what needless losses did is undone.

        A state that ended for another reason stays ended, and a probe begins anew with its refill, both as the editors'
        copy behind -05 has it.
        """
        self.model.undo()
        if self.inflight_longterm < self.undo_inflight_longterm:
            self.inflight_longterm = self.undo_inflight_longterm
        if self.undo_state == STARTUP:
            self.model.full_bw_reached = False
            if self.state != PROBE_RTT:
                self._enter_startup()
        elif self.undo_state == PROBE_BW_UP and self.state != PROBE_BW_UP and self.state != PROBE_RTT:
            self._start_refill()
        self.undo_state = NO_STATE
        self.is_undo_saved = False
        return self.saved_cwnd if self.saved_cwnd > self.cwnd else self.cwnd

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """BBRHandleRestartFromIdle (5.4.1)."""
        self.now = now
        if self.rate.app_limited == 0:
            return
        self.idle_restart = True
        self.model.extra_acked_at = now
        if PROBE_BW_DOWN <= self.state <= PROBE_BW_UP:
            self._set_pacing_rate(1.0, self.model.full_bw_reached)
        elif self.state == PROBE_RTT:
            self._check_probe_rtt_done(now)

    # Startup and Drain (5.3.1, 5.3.2).

    def _enter_startup(self) -> None:
        self.state = STARTUP
        self.pacing_gain = STARTUP_PACING_GAIN
        self.cwnd_gain = DEFAULT_CWND_GAIN

    def _check_startup_done(self, sample: AckSample) -> None:
        model: PathModel = self.model
        safe: cython.uint
        if self.state != STARTUP:
            return
        if not model.full_bw_reached and model.startup_too_high(sample, sample.ca_state == CA_RECOVERY):
            model.full_bw_reached = True
            self.undo_state = STARTUP
            safe = self._bdp(model.bw, 1.0)
            if safe < model.inflight_latest:
                safe = model.inflight_latest
            self.inflight_longterm = safe
        if model.full_bw_reached:
            self.state = DRAIN
            self.pacing_gain = DRAIN_PACING_GAIN
            self.cwnd_gain = DEFAULT_CWND_GAIN
            self.ssthresh = self._inflight(model.bw)

    # ProbeBW (5.3.3).

    def _enter_probe_bw(self) -> None:
        self.cwnd_gain = DEFAULT_CWND_GAIN
        self._start_down()

    def _start_down(self) -> None:
        wait: cython.longlong = int(self.entropy.unit() * SECOND)
        self.model.reset_latest()
        self.probe_up_cnt = NO_BOUND
        self.rounds_since_bw_probe = self.entropy.below(2)
        self.bw_probe_wait = PROBE_WAIT + wait
        self.cycle_at = self.now
        self.ack_phase = ACKS_PROBE_STOPPING
        self.model.begin_round()
        self.state = PROBE_BW_DOWN
        self.pacing_gain = DOWN_PACING_GAIN
        self.cwnd_gain = DEFAULT_CWND_GAIN

    def _start_cruise(self) -> None:
        self.state = PROBE_BW_CRUISE
        self.pacing_gain = 1.0
        self.cwnd_gain = DEFAULT_CWND_GAIN

    def _start_refill(self) -> None:
        self.model.reset_shortterm()
        self.bw_probe_up_rounds = 0
        self.bw_probe_up_acks = 0
        self.ack_phase = ACKS_REFILLING
        self.model.begin_round()
        self.state = PROBE_BW_REFILL
        self.pacing_gain = 1.0
        self.cwnd_gain = DEFAULT_CWND_GAIN

    def _start_up(self) -> None:
        self.ack_phase = ACKS_PROBE_STARTING
        self.model.begin_round()
        self.model.reset_full_bw(self.model.sample_bw)
        self.state = PROBE_BW_UP
        self.pacing_gain = UP_PACING_GAIN
        self.cwnd_gain = UP_CWND_GAIN
        self._raise_slope()

    def _update_probe_bw(self, sample: AckSample) -> None:
        # BBRUpdateProbeBWCyclePhase.
        self._adapt_longterm(sample)
        if self.state == PROBE_BW_DOWN:
            if not self._probes_now() and self._is_time_to_cruise(sample):
                self._start_cruise()
        elif self.state == PROBE_BW_CRUISE:
            self._probes_now()
        elif self.state == PROBE_BW_REFILL:
            if self.model.round_start:
                self.bw_probe_samples = True
                self._start_up()
        elif self.state == PROBE_BW_UP and self._is_time_to_go_down():
            self._start_down()

    def _probes_now(self) -> cython.bint:
        # BBRIsTimeToProbeBW: after two to three seconds, or as often as Reno would (5.3.3.5).
        rounds: cython.uint = self._target_inflight()
        if rounds > RENO_ROUNDS:
            rounds = RENO_ROUNDS
        if self.now > self.cycle_at + self.bw_probe_wait or self.rounds_since_bw_probe >= rounds:
            self._start_refill()
            return True
        return False

    def _is_time_to_cruise(self, sample: AckSample) -> cython.bint:
        if sample.in_flight > self._inflight_with_headroom():
            return False
        return sample.in_flight <= self._inflight(self.model.max_bw())

    def _is_time_to_go_down(self) -> cython.bint:
        if self.is_cwnd_limited and self.cwnd >= self.inflight_longterm:
            # The bound, not the path, held the rate down.
            self.model.reset_full_bw(self.model.sample_bw)
            return False
        return self.model.full_bw_now

    def _is_probing_bw(self) -> cython.bint:
        return self.state == STARTUP or self.state == PROBE_BW_REFILL or self.state == PROBE_BW_UP

    def _target_inflight(self) -> cython.uint:
        bdp: cython.uint = self._bdp(self.model.bw, 1.0)
        return bdp if bdp < self.cwnd else self.cwnd

    def _adapt_longterm(self, sample: AckSample) -> None:
        # BBRAdaptLongTermModel: the window of max_bw, and inflight_longterm upward while losses are few.
        if self.model.round_start:
            if self.ack_phase == ACKS_PROBE_STARTING:
                self.ack_phase = ACKS_PROBE_FEEDBACK
            elif self.ack_phase == ACKS_PROBE_STOPPING:
                self.bw_probe_samples = False
                self.ack_phase = ACKS_INIT
                if PROBE_BW_DOWN <= self.state <= PROBE_BW_UP and not sample.is_app_limited:
                    self.model.advance_max_bw()
        if self.model.is_too_high(sample):
            # Losses are answered as they are marked; this finds marks, and what came with the ACK.
            if self.bw_probe_samples:
                self._inflight_too_high(sample.sent_in_flight, sample.is_app_limited)
            return
        if self.inflight_longterm == NO_BOUND:
            return
        if sample.sent_in_flight > self.inflight_longterm:
            self.inflight_longterm = sample.sent_in_flight
        if self.state == PROBE_BW_UP:
            self._probe_longterm_upward(sample)

    def _probe_longterm_upward(self, sample: AckSample) -> None:
        delta: cython.uint
        if not self.is_cwnd_limited or self.cwnd < self.inflight_longterm:
            return
        self.bw_probe_up_acks += sample.delivered
        if self.bw_probe_up_acks >= self.probe_up_cnt:
            delta = self.bw_probe_up_acks // self.probe_up_cnt
            self.bw_probe_up_acks -= delta * self.probe_up_cnt
            self.inflight_longterm += delta
        if self.model.round_start:
            self._raise_slope()

    def _raise_slope(self) -> None:
        # One segment more in the first round trip, two in the second, four, ...
        growth: cython.uint = 1
        growth <<= self.bw_probe_up_rounds
        if self.bw_probe_up_rounds < 30:
            self.bw_probe_up_rounds += 1
        self.probe_up_cnt = self.cwnd // growth if self.cwnd > growth else 1

    def _inflight_too_high(self, flight: cython.double, is_app_limited: cython.bint) -> None:
        # BBRHandleInflightTooHigh: once for a probe.
        least: cython.double = self._target_inflight() * BETA
        bound: cython.double = flight if flight > least else least
        self.bw_probe_samples = False
        if not is_app_limited:
            self.inflight_longterm = int(bound)
        if self.state == PROBE_BW_UP:
            self.undo_state = PROBE_BW_UP
            self._start_down()

    # ProbeRTT (5.3.4).

    def _update_min_rtt(self, sample: AckSample) -> None:
        rtt: cython.longlong = sample.rtt_ns
        self.probe_rtt_expired = self.now > self.probe_rtt_min_at + PROBE_RTT_INTERVAL
        if rtt > 0 and (rtt < self.probe_rtt_min_delay or (self.probe_rtt_expired and not sample.is_ack_delayed)):
            self.probe_rtt_min_delay = rtt
            self.probe_rtt_min_at = self.now
        if self.probe_rtt_min_delay < self.min_rtt or self.now > self.min_rtt_at + MIN_RTT_WINDOW:
            self.min_rtt = self.probe_rtt_min_delay
            self.min_rtt_at = self.probe_rtt_min_at

    def _check_probe_rtt(self, sample: AckSample) -> None:
        if self.state != PROBE_RTT and self.probe_rtt_expired and not self.idle_restart:
            # Before the state says that the window is cut: the draft saves behind it, and keeps one of long ago.
            self._save_cwnd()
            self.state = PROBE_RTT
            self.pacing_gain = 1.0
            self.cwnd_gain = PROBE_RTT_CWND_GAIN
            self.probe_rtt_done_at = 0
            self.ack_phase = ACKS_PROBE_STOPPING
            self.model.begin_round()
        if self.state == PROBE_RTT:
            self._probe_rtt(sample, self.model.round_start, self.now)
        if sample.delivered > 0:
            self.idle_restart = False

    def _leave_probe_rtt(self, now: cython.longlong) -> None:
        self.probe_rtt_min_at = now
        self.model.reset_shortterm()
        if self.model.full_bw_reached:
            self._start_down()
            self._start_cruise()
        else:
            self._enter_startup()

    def _probe_rtt_cwnd(self) -> cython.uint:
        segs: cython.uint = self._bdp(self.model.bw, PROBE_RTT_CWND_GAIN)
        return segs if segs > MIN_PIPE_CWND else MIN_PIPE_CWND

    # Control parameters (5.6).

    def _inflight(self, bw: cython.double) -> cython.uint:
        return self._with_quanta(self._bdp(bw, 1.0))

    def _with_quanta(self, segs: cython.uint) -> cython.uint:
        # BBRQuantizationBudget: at least three super-segments, one being built, one sent, one being acknowledged.
        quantum: cython.longlong = self.pacing_rate // 1000
        budget: cython.uint
        if quantum > QUANTUM_MAX:
            quantum = QUANTUM_MAX
        budget = quantum // self.mss
        if budget < 2:
            budget = 2
        budget *= 3
        if segs < budget:
            segs = budget
        if segs < MIN_PIPE_CWND:
            segs = MIN_PIPE_CWND
        return segs + 2 if self.state == PROBE_BW_UP else segs

    def _inflight_with_headroom(self) -> cython.uint:
        headroom: cython.uint
        if self.inflight_longterm == NO_BOUND:
            return NO_BOUND
        headroom = int(self.inflight_longterm * HEADROOM)
        if headroom < 1:
            headroom = 1
        if self.inflight_longterm < headroom + MIN_PIPE_CWND:
            return MIN_PIPE_CWND
        return self.inflight_longterm - headroom

    def _set_cwnd(self, sample: AckSample) -> None:
        target: cython.uint
        if sample.delivered > 0:
            target = self._with_quanta(self._bdp(self.model.bw, self.cwnd_gain) + self.model.extra_acked())
            self._approach(target, sample.delivered, self.model.full_bw_reached)
        self._cap_cwnd()
        self._bound_cwnd()

    def _bound_cwnd(self) -> None:
        # BBRBoundCwndForModel (5.6.4.7).
        cap: cython.uint = NO_BOUND
        if self.state == PROBE_RTT or self.state == PROBE_BW_CRUISE:
            cap = self._inflight_with_headroom()
        elif PROBE_BW_DOWN <= self.state <= PROBE_BW_UP:
            cap = self.inflight_longterm
        if cap > self.model.inflight_shortterm:
            cap = self.model.inflight_shortterm
        if cap < MIN_PIPE_CWND:
            cap = MIN_PIPE_CWND
        if self.cwnd > cap:
            self.cwnd = cap

    def _leave_recovery(self, sample: AckSample) -> None:
        if self.prior_ca_state >= CA_RECOVERY > sample.ca_state:
            self._restore_cwnd()
        if sample.ca_state < CA_RECOVERY:
            self.is_undo_saved = False
        self.prior_ca_state = sample.ca_state

    def _save_for_undo(self) -> None:
        # BBRSaveStateUponLoss (draft-ietf-ccwg-bbr-05 5.5.11.1), once a recovery: with its first loss, which is marked,
        # and may end a probe, before the recovery is entered.
        self.is_undo_saved = True
        self.undo_state = NO_STATE
        self.undo_inflight_longterm = self.inflight_longterm
        self.model.save_bounds()
