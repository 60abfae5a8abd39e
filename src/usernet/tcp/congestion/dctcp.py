"""Data Center TCP (RFC 8257): the window comes down by as much as the share of marked segments says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython

# RFC 8257 4.2: g = 1/16.
GAIN = 1.0 / 16.0


class Dctcp(CongestionControl):
    """``alpha`` is the share of segments marked, smoothed over some sixteen round trips (DCTCP.Alpha).

    It needs a network that marks at a shallow queue, and a peer that says exactly what was marked.
    """

    __slots__ = ("acked_in_window", "alpha", "marked_in_window", "total", "window_end")

    name = "dctcp"

    def __init__(self) -> None:
        super().__init__()
        self.needs_ecn = True
        # RFC 8257 4.2: at first the worst is assumed.
        self.alpha = 1.0
        self.acked_in_window = self.marked_in_window = 0
        self.total = self.window_end = 0

    def on_ce(self, sample: AckSample, now: cython.longlong) -> None:
        """RFC 8257 3.3 steps 3 to 8: alpha is updated once a window of data."""
        self.total += sample.delivered
        self.acked_in_window += sample.delivered
        self.marked_in_window += sample.ce
        if self.total >= self.window_end:
            self._end_window()
            self.window_end = self.total - sample.delivered + sample.prior_in_flight

    def _end_window(self) -> None:
        share: cython.double
        if self.acked_in_window > 0:
            share = self.marked_in_window
            share /= self.acked_in_window
            self.alpha += GAIN * ((share if share < 1.0 else 1.0) - self.alpha)
        self.acked_in_window = self.marked_in_window = 0

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """RFC 8257 3.4: growth is standard TCP's."""
        self.standard_increase(sample.acked)

    def on_echo(self, now: cython.longlong) -> cython.uint:
        """RFC 8257 3.3 step 9: cwnd = cwnd * (1 - alpha / 2), rounded down: one segment goes for any mark."""
        kept: cython.uint = int(self.cwnd * (1.0 - self.alpha / 2.0))
        return kept if kept > 2 else 2

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 8257 3.5: loss is answered as standard TCP does."""
        return self.half_window()

    def info(self) -> dict[str, int]:
        """struct tcp_dctcp_info; alpha in 1/1024."""
        return {
            "dctcp_enabled": 1,
            "dctcp_ce_state": 0,
            "dctcp_alpha": int(self.alpha * 1024),
            "dctcp_ab_ecn": self.marked_in_window * self.mss,
            "dctcp_ab_tot": self.acked_in_window * self.mss,
        }
