"""A token-bucket policer in the way of a BBR flow: found by its losses, and sent to at its rate (Linux's lt_bw).

Two intervals in a row of heavy loss and of much the same delivery rate are taken for a policer's. Its rate is then
used for 48 round trips, after which the path is looked at anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import MS
from ..rate import DeliveryRate

if TYPE_CHECKING:
    import cython

INTERVAL_MIN = 4  # round trips
INTERVAL_MAX = 4 * INTERVAL_MIN
LOSS_THRESHOLD = 50.0 / 256.0
# Rates that differ by an eighth, or by so many segments a second, are the same.
RATIO = 0.125
DIFFERENCE = 0.35
USE_MAX = 48  # round trips


class Policer:
    """``in_use`` says that ``bw``, segments a second, is to be used instead of what was measured."""

    __slots__ = ("bw", "in_use", "is_sampling", "last_at", "last_delivered", "last_lost", "rounds")

    def __init__(self) -> None:
        self.bw = 0.0
        self.in_use = self.is_sampling = False
        self.last_at = 0
        self.last_delivered = self.last_lost = 0
        self.rounds = 0

    def reset(self, rate: DeliveryRate, now: cython.longlong) -> None:
        """Nothing is known."""
        self.bw = 0.0
        self.in_use = self.is_sampling = False
        self._begin(rate, now)

    def sample(
        self,
        rate: DeliveryRate,
        losses: cython.uint,
        is_app_limited: cython.bint,
        round_start: cython.bint,
        now: cython.longlong,
    ) -> None:
        """An ACK, or a timeout that counts as one loss."""
        if self.in_use:
            if round_start:
                self.rounds += 1
                if self.rounds >= USE_MAX:
                    self.reset(rate, now)
            return
        if not self.is_sampling:
            # The first loss: the bucket is empty from here on.
            if losses == 0:
                return
            self._begin(rate, now)
            self.is_sampling = True
        if is_app_limited:
            self.reset(rate, now)
            return
        if round_start:
            self.rounds += 1
        if self.rounds < INTERVAL_MIN:
            return
        if self.rounds > INTERVAL_MAX:
            self.reset(rate, now)
            return
        if losses > 0:
            self._end_interval(rate, now)

    def _end_interval(self, rate: DeliveryRate, now: cython.longlong) -> None:
        lost: cython.double = rate.lost - self.last_lost
        delivered: cython.double = rate.delivered - self.last_delivered
        span: cython.longlong = now - self.last_at
        bw: cython.double
        apart: cython.double
        if delivered == 0 or lost / delivered < LOSS_THRESHOLD or span < MS:
            return
        bw = delivered * 1e9 / span
        if self.bw > 0.0:
            apart = bw - self.bw if bw > self.bw else self.bw - bw
            if apart <= RATIO * self.bw or apart <= DIFFERENCE:
                self.bw = (bw + self.bw) / 2.0
                self.in_use = True
                self.rounds = 0
                return
        self.bw = bw
        self._begin(rate, now)

    def _begin(self, rate: DeliveryRate, now: cython.longlong) -> None:
        self.last_at = now
        self.last_delivered = rate.delivered
        self.last_lost = rate.lost
        self.rounds = 0
