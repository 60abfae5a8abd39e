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
# Rates that differ by an eighth, or by so many octets a second when paced, are the same.
RATIO = 0.125
DIFFERENCE = 500.0 / 0.99
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

    def reset(self, rate: DeliveryRate) -> None:
        """Nothing is known."""
        self.bw = 0.0
        self.in_use = self.is_sampling = False
        self._begin(rate)

    def is_over(self) -> cython.bint:
        """A round trip at its rate has passed: whether it was the last before the path is looked at anew."""
        self.rounds += 1
        return self.rounds >= USE_MAX

    def sample(
        self,
        rate: DeliveryRate,
        losses: cython.uint,
        is_app_limited: cython.bint,
        round_start: cython.bint,
        mss: cython.uint,
    ) -> cython.bint:
        """An ACK, or a timeout that counts as one loss, while none is in use; True: one was found."""
        if not self.is_sampling:
            # The first loss: the bucket is empty from here on.
            if losses == 0:
                return False
            self._begin(rate)
            self.is_sampling = True
        if is_app_limited:
            self.reset(rate)
            return False
        if round_start:
            self.rounds += 1
        if self.rounds < INTERVAL_MIN:
            return False
        if self.rounds > INTERVAL_MAX:
            self.reset(rate)
            return False
        return losses > 0 and self._ends_interval(rate, mss)

    def _ends_interval(self, rate: DeliveryRate, mss: cython.uint) -> cython.bint:
        lost: cython.double = rate.lost - self.last_lost
        delivered: cython.double = rate.delivered - self.last_delivered
        span: cython.longlong = rate.delivered_at - self.last_at
        bw: cython.double
        apart: cython.double
        if delivered == 0 or lost / delivered < LOSS_THRESHOLD or span < MS:
            return False
        bw = delivered * 1e9 / span
        if self.bw > 0.0:
            apart = bw - self.bw if bw > self.bw else self.bw - bw
            if apart <= RATIO * self.bw or apart * mss <= DIFFERENCE:
                self.bw = (bw + self.bw) / 2.0
                self.in_use = True
                self.rounds = 0
                return True
        self.bw = bw
        self._begin(rate)
        return False

    def _begin(self, rate: DeliveryRate) -> None:
        # Time is that of deliveries: a timeout must not make the rate before it look less than it was.
        self.last_at = rate.delivered_at
        self.last_delivered = rate.delivered
        self.last_lost = rate.lost
        self.rounds = 0
