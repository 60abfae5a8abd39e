"""CUBIC (RFC 9438)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython

C = 0.4
BETA = 0.7
# RFC 9438 4.3: the additive increase that makes Reno with this beta as fast as Reno with one half.
ALPHA = 3.0 * (1.0 - BETA) / (1.0 + BETA)
# RFC 9438 4.7: w_max shrinks further when a flow gives way.
FAST_CONVERGENCE = (1.0 + BETA) / 2.0


class Cubic(CongestionControl):
    """The window as a cubic function of the time since the last congestion event.

    Names are the RFC's: ``w_max``, ``k`` (seconds), ``w_est``. Windows are in segments.
    """

    __slots__ = ("alpha", "cwnd_prior", "epoch_at", "k", "w_est", "w_max")

    name = "cubic"

    def __init__(self) -> None:
        super().__init__()
        self.w_max = 0.0
        self._forget()

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """RFC 9438 4.2-4.5."""
        acked: cython.uint = sample.acked
        if not self.may_grow():
            return
        if self.in_slow_start():
            acked = self.slow_start(acked)
            if acked == 0:
                return
        self.additive_increase(self._segments_per_increase(acked, now), acked)

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 9438 4.6 and 4.7."""
        cwnd: cython.double = self.cwnd
        ssthresh: cython.uint = int(cwnd * BETA)
        self.epoch_at = 0
        self.cwnd_prior = cwnd
        self.w_max = cwnd * FAST_CONVERGENCE if cwnd < self.w_max else cwnd
        return ssthresh if ssthresh > 2 else 2

    def on_timeout(self, now: cython.longlong) -> None:
        """RFC 9438 4.8: the first epoch after a timeout starts from the window slow start reaches, with K = 0."""
        self.w_max = 0.0
        self._forget()

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """RFC 9438 5.8: the time in which nothing was sent does not count."""
        if self.epoch_at > 0:
            self.epoch_at += idle_ns
            if self.epoch_at > now:
                self.epoch_at = now

    def _forget(self) -> None:
        self.w_est = 0.0
        self.k = 0.0
        self.cwnd_prior = 0.0
        self.alpha = ALPHA
        self.epoch_at = 0

    def _segments_per_increase(self, acked: cython.uint, now: cython.longlong) -> cython.uint:
        # How many segments must be acknowledged for one more in the window.
        cwnd: cython.double = self.cwnd
        t: cython.double
        target: cython.double
        per: cython.double
        if self.epoch_at == 0:
            self._begin_epoch(now)
        # Equation 1, one round trip ahead.
        t = (now - self.epoch_at + self.rtt.srtt) / 1e9 - self.k
        target = C * t * t * t + self.w_max
        if target > 1.5 * cwnd:
            target = 1.5 * cwnd
        per = cwnd / (target - cwnd) if target > cwnd else 100.0 * cwnd
        # Figure 4 of RFC 9438 4.3: the Reno-friendly region.
        self.w_est += self.alpha * acked / cwnd
        if self.w_est >= self.cwnd_prior > 0.0:
            self.alpha = 1.0
        if self.w_est > cwnd and per > cwnd / (self.w_est - cwnd):
            per = cwnd / (self.w_est - cwnd)
        if per < 2.0:
            return 2  # Linux's guard: at most half as fast as slow start
        return int(per) if per < 1e9 else 1000000000

    def _begin_epoch(self, now: cython.longlong) -> None:
        cwnd: cython.double = self.cwnd
        self.epoch_at = now
        self.cwnd_cnt = 0
        self.alpha = ALPHA
        self.w_est = cwnd
        if self.w_max <= cwnd:
            self.k = 0.0
            self.w_max = cwnd
        else:
            self.k = ((self.w_max - cwnd) / C) ** (1.0 / 3.0)
