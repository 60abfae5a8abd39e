"""NewReno's window (RFC 5681, RFC 6582)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython


class Reno(CongestionControl):
    """Additive increase, multiplicative decrease by half."""

    __slots__ = ()

    name = "reno"

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """RFC 5681 3.1: slow start below ssthresh, then one segment a round trip."""
        acked: cython.uint = sample.acked
        if not self.may_grow():
            return
        if self.in_slow_start():
            acked = self.slow_start(acked)
            if acked == 0:
                return
        self.additive_increase(self.cwnd, acked)

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 5681 equation 4, on cwnd as Linux does: FlightSize is what cwnd validation keeps it to."""
        half: cython.uint = self.cwnd >> 1
        return half if half > 2 else 2
