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
        """RFC 5681 3.1."""
        self.standard_increase(sample.acked)

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 5681 equation 4."""
        return self.half_window()
