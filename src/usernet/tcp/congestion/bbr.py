"""What the versions of BBR have in common (draft-ietf-ccwg-bbr-04 5.6, Linux's tcp_bbr.c).

Pacing at a bandwidth, the product of that and the least round trip, and the window that recovery and the probing for a
round trip put aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import MS
from ...core.entropy import Entropy
from ..const import CA_RECOVERY, INFINITE_SSTHRESH, INIT_CWND
from ..rate import AckSample
from .base import CongestionControl
from .const import MIN_PIPE_CWND, MOST_SEGMENTS, NO_RTT, PACING_MARGIN, PROBE_RTT_DURATION

if TYPE_CHECKING:
    import cython

    from ...core.sysctl import SysctlRegistry

# Below 1.2 Mbit/s a super-segment of two would take too long.
SLOW_RATE = 150_000


def whole_segments(segs: cython.double) -> cython.uint:
    """Rounded down, and bounded: a bandwidth may be measured over next to no time, and C has no number for more."""
    return int(segs) if segs < MOST_SEGMENTS else MOST_SEGMENTS


class Bbr(CongestionControl):
    """Bandwidths are segments a second, windows segments, instants and spans nanoseconds.

    ``first_gain`` is that of the pacing rate before a bandwidth was measured.
    """

    __slots__ = (
        "cwnd_gain",
        "entropy",
        "first_gain",
        "has_seen_rtt",
        "idle_restart",
        "min_rtt",
        "min_rtt_at",
        "pacing_gain",
        "prior_ca_state",
        "probe_rtt_done_at",
        "probe_rtt_round_done",
        "saved_cwnd",
    )

    def __init__(self, first_gain: float) -> None:
        super().__init__()
        self.needs_pacing = self.is_model_based = True
        self.entropy: Entropy
        self.first_gain = first_gain
        self._forget(0)

    def configure(self, sysctl: SysctlRegistry, entropy: Entropy) -> None:
        """Take the stack's entropy: probes of many flows must not go in step."""
        self.entropy = entropy

    def _forget(self, now: cython.longlong) -> None:
        self.pacing_gain = self.cwnd_gain = self.first_gain
        self.min_rtt = NO_RTT
        self.min_rtt_at = now
        self.has_seen_rtt = self.idle_restart = False
        self.prior_ca_state = 0
        self.saved_cwnd = 0
        self.probe_rtt_done_at = 0
        self.probe_rtt_round_done = False

    def _begin(self, now: cython.longlong) -> None:
        # With what the handshake, or another algorithm, learned of the round trip; of a threshold nothing.
        self._forget(now)
        self.ssthresh = INFINITE_SSTHRESH
        if self.rtt.srtt > 0:
            self.min_rtt = self.rtt.min_rtt
        self._first_pacing_rate()

    def bandwidth(self) -> cython.double:
        """The bandwidth in use, 0 while none is known."""
        return 0.0

    # What a version says of itself.

    def _begin_round(self) -> None:
        pass

    def _probes_rtt(self) -> cython.bint:
        return False

    def _probe_rtt_cwnd(self) -> cython.uint:
        return MIN_PIPE_CWND

    def _leave_probe_rtt(self, now: cython.longlong) -> None:
        pass

    def info(self) -> dict[str, int]:
        """struct tcp_bbr_info: octets a second in two halves, microseconds, gains in 1/256."""
        bw = int(self.bandwidth() * self.mss)
        return {
            "bbr_bw_lo": bw & 0xFFFFFFFF,
            "bbr_bw_hi": bw >> 32,
            "bbr_min_rtt": self.min_rtt // 1000 if self.min_rtt < NO_RTT else 0xFFFFFFFF,
            "bbr_pacing_gain": int(self.pacing_gain * 256),
            "bbr_cwnd_gain": int(self.cwnd_gain * 256),
        }

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """Never called: control() rules."""

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """Loss sets no threshold; the window to come back to afterwards is remembered."""
        self._save_cwnd()
        return self.ssthresh

    def on_echo(self, now: cython.longlong) -> cython.uint:
        """A mark neither."""
        self._save_cwnd()
        return self.ssthresh

    # ProbeRTT (5.3.4).

    def _probe_rtt(self, sample: AckSample, round_start: cython.bint, now: cython.longlong) -> None:
        # Rates measured with so little in flight are none of the path's.
        self.rate.mark_app_limited(sample.in_flight)
        if self.probe_rtt_done_at == 0:
            if sample.in_flight <= self._probe_rtt_cwnd():
                self.probe_rtt_done_at = now + PROBE_RTT_DURATION
                self.probe_rtt_round_done = False
                self._begin_round()
            return
        if round_start:
            self.probe_rtt_round_done = True
        if self.probe_rtt_round_done:
            self._check_probe_rtt_done(now)

    def _check_probe_rtt_done(self, now: cython.longlong) -> None:
        if 0 < self.probe_rtt_done_at < now:
            self._restore_cwnd()
            self._leave_probe_rtt(now)

    # Pacing (5.6.2).

    def _first_pacing_rate(self) -> None:
        # The initial window in a round trip, or in a millisecond while none is known.
        rtt: cython.longlong = MS
        if self.rtt.srtt > 0:
            rtt = self.rtt.srtt
            self.has_seen_rtt = True
        self.pacing_rate = int(self.first_gain * self.cwnd * self.mss * 1e9 / rtt)
        self.min_tso_segs = 1 if self.pacing_rate < SLOW_RATE else 2

    def _set_pacing_rate(self, gain: cython.double, full_bw_reached: cython.bint) -> None:
        rate: cython.longlong = int(self.bandwidth() * self.mss * gain * PACING_MARGIN)
        if not self.has_seen_rtt and self.rtt.srtt > 0:
            self._first_pacing_rate()
        if rate > 0 and (full_bw_reached or rate > self.pacing_rate):
            self.pacing_rate = rate
        self.min_tso_segs = 1 if self.pacing_rate < SLOW_RATE else 2

    # The window (5.6.4).

    def _bdp(self, bw: cython.double, gain: cython.double) -> cython.uint:
        # Rounded up, or a small window would have a smaller one follow.
        segs: cython.double
        whole: cython.uint
        if self.min_rtt >= NO_RTT:
            return INIT_CWND
        segs = bw * self.min_rtt / 1e9 * gain
        whole = whole_segments(segs)
        return whole if whole >= segs else whole + 1

    def _approach(self, target: cython.uint, delivered: cython.uint, full_bw_reached: cython.bint) -> None:
        # By no more than what arrived; down at once, but only once the pipe was full.
        if full_bw_reached:
            self.cwnd += delivered
            if self.cwnd > target:
                self.cwnd = target
        elif self.cwnd < target or self.rate.delivered < INIT_CWND:
            self.cwnd += delivered
        if self.cwnd < MIN_PIPE_CWND:
            self.cwnd = MIN_PIPE_CWND

    def _cap_cwnd(self) -> None:
        if self.cwnd > self.cwnd_clamp:
            self.cwnd = self.cwnd_clamp
        if self._probes_rtt() and self.cwnd > self._probe_rtt_cwnd():
            self.cwnd = self._probe_rtt_cwnd()

    def _save_cwnd(self) -> None:
        if (self.prior_ca_state < CA_RECOVERY and not self._probes_rtt()) or self.cwnd > self.saved_cwnd:
            self.saved_cwnd = self.cwnd

    def _restore_cwnd(self) -> None:
        if self.cwnd < self.saved_cwnd:
            self.cwnd = self.saved_cwnd
