"""Vegas (Brakmo and Peterson 1995), with the numbers of Linux's tcp_vegas.

Once a round trip the window is compared with what it would be without a queue: two to four segments of our own in the
queue are right. Fewer ask for more, more for fewer. A loss is answered as Reno would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..const import CA_OPEN
from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython

# Segments queued: at least, at most, at most in slow start.
ALPHA = 2
BETA = 4
GAMMA = 1
NO_RTT = 1 << 62


class Vegas(CongestionControl):
    """``base_rtt`` is the smallest round trip since the last pause, ``min_rtt`` that of this round of ``samples``."""

    __slots__ = ("base_rtt", "is_on", "min_rtt", "round_end", "samples")

    name = "vegas"

    def __init__(self) -> None:
        super().__init__()
        self.base_rtt = self.min_rtt = NO_RTT
        self.samples = 0
        self.round_end = 0
        self.is_on = True

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """Linux's tcp_vegas_cong_avoid; outside CA_OPEN round trips tell of losses, and Reno rules."""
        if sample.rtt_ns > 0:
            if sample.rtt_ns < self.base_rtt:
                self.base_rtt = sample.rtt_ns
            if sample.rtt_ns < self.min_rtt:
                self.min_rtt = sample.rtt_ns
            self.samples += 1
        if sample.ca_state != CA_OPEN:
            self.is_on = False
        elif not self.is_on:
            self.is_on = True
            self._begin_round(sample)
        if not self.is_on:
            self.standard_increase(sample.acked)
        elif self.rate.delivered > self.round_end:
            self._judge(sample)
            self._begin_round(sample)
        elif self.in_slow_start():
            self.slow_start(sample.acked)

    def _begin_round(self, sample: AckSample) -> None:
        self.round_end = self.rate.delivered + sample.in_flight
        self.samples = 0
        self.min_rtt = NO_RTT

    def _judge(self, sample: AckSample) -> None:
        cwnd: cython.longlong = self.cwnd
        queued: cython.longlong
        target: cython.uint
        if self.samples <= 2:
            # Too few to tell a queue from a delayed ACK.
            self.standard_increase(sample.acked)
            return
        # Whole segments, as Linux counts them.
        queued = cwnd * (self.min_rtt - self.base_rtt) // self.base_rtt
        if self.in_slow_start():
            if queued <= GAMMA:
                self.slow_start(sample.acked)
                return
            target = cwnd * self.base_rtt // self.min_rtt + 1
            if target < self.cwnd:
                self.cwnd = target
            self._lower_ssthresh()
        elif queued > BETA:
            self.cwnd -= 1
            self._lower_ssthresh()
        elif queued < ALPHA:
            self.cwnd += 1
        if self.cwnd < 2:
            self.cwnd = 2
        if self.cwnd > self.cwnd_clamp:
            self.cwnd = self.cwnd_clamp

    def _lower_ssthresh(self) -> None:
        if self.ssthresh > self.cwnd:
            self.ssthresh = self.cwnd

    def on_state(self, ca_state: cython.int, now: cython.longlong) -> None:
        """In recovery no round trip is judged; a new round begins behind it."""
        if ca_state != CA_OPEN:
            self.is_on = False

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """As Reno."""
        return self.half_window()

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """After a pause the path may be another one."""
        self.base_rtt = NO_RTT
        self.is_on = False

    def info(self) -> dict[str, int]:
        """struct tcpvegas_info; microseconds."""
        return {
            "tcpv_enabled": int(self.is_on),
            "tcpv_rttcnt": self.samples,
            "tcpv_rtt": self.base_rtt // 1000 if self.base_rtt < NO_RTT else 0x7FFFFFFF,
            "tcpv_minrtt": self.min_rtt // 1000 if self.min_rtt < NO_RTT else 0x7FFFFFFF,
        }
