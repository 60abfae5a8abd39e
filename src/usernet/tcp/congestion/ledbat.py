"""LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus-01, RFC 6817): a transfer that yields to everything else.

The round-trip time above its base is the queue. Below 60 ms of it the window grows no faster than Reno's, above it
shrinks in proportion; and every so often it gives way altogether for two round trips, so that the base is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import MS, SECOND
from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython

TARGET = 60 * MS
# 4.2: 1 / min(16, ceil(2 * TARGET / base)) of what Reno would grow by.
SLOWEST = 16
SLOWDOWN_CWND = 2
# 4.4: a slowdown lasts two round trips; the next one comes after nine times what the last one took.
SLOWDOWN_ROUNDS = 2
SLOWDOWN_SHARE = 9
# RFC 6817 2.4.2: the base is the least of ten minutes, kept by the minute.
MINUTES = 10
MINUTE = 60 * SECOND
# The least of the last samples is the delay of now: one late ACK is no queue.
FILTER = 4
NO_RTT = 1 << 62


class Ledbat(CongestionControl):
    """``growth`` is the part of a segment cwnd has grown by; ``slowdown_at`` when to give way, 0 for not yet known."""

    __slots__ = (
        "base",
        "decrease_at",
        "growth",
        "history",
        "is_initial",
        "minute_at",
        "recent",
        "recent_index",
        "resume_at",
        "slowdown_at",
        "slowdown_began",
    )

    name = "ledbat"

    def __init__(self) -> None:
        super().__init__()
        self.base = NO_RTT
        self.history = [NO_RTT] * MINUTES
        self.minute_at = 0
        self.recent = [NO_RTT] * FILTER
        self.recent_index = 0
        self.growth = 0.0
        self.is_initial = True
        self.slowdown_at = self.slowdown_began = self.resume_at = 0
        self.decrease_at = 0

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """4.1-4.4."""
        delay: cython.longlong
        if sample.rtt_ns > 0:
            self._measure(sample.rtt_ns, now)
        if self.base >= NO_RTT or self._gives_way(now):
            return
        delay = min(self.recent) - self.base
        if self.in_slow_start():
            self._slow_start(sample.acked, delay)
        elif delay > TARGET:
            self._decrease(delay, now)
        elif self.may_grow():
            self._grow(self._gain() * sample.acked / self.cwnd)
        if not self.in_slow_start():
            self._slow_start_ended(now)

    def _measure(self, rtt: cython.longlong, now: cython.longlong) -> None:
        self.recent[self.recent_index] = rtt
        self.recent_index = (self.recent_index + 1) % FILTER
        if now - self.minute_at >= MINUTE:
            self.minute_at = now
            self.history = [*self.history[1:], rtt]
        elif rtt < self.history[-1]:
            self.history[-1] = rtt
        self.base = min(self.history)

    def _gain(self) -> cython.double:
        divisor: cython.longlong = -(-2 * TARGET // self.base)
        return 1.0 / (divisor if divisor < SLOWEST else SLOWEST)

    def _grow(self, segs: cython.double) -> None:
        whole: cython.uint
        self.growth += segs
        whole = int(self.growth)
        self.growth -= whole
        self.cwnd += whole
        if self.cwnd > self.cwnd_clamp:
            self.cwnd = self.cwnd_clamp

    def _slow_start(self, acked: cython.uint, delay: cython.longlong) -> None:
        # 4.1: it grows by the gain as well, and the first one ends at three quarters of the target.
        if self.is_initial and delay > TARGET * 3 // 4:
            self.ssthresh = self.cwnd
        elif self.may_grow():
            self._grow(self._gain() * acked)
            if self.cwnd > self.ssthresh:
                self.cwnd = self.ssthresh

    def _slow_start_ended(self, now: cython.longlong) -> None:
        # Be it by a loss: or no slowdown would ever come again.
        if self.slowdown_began > 0:
            self.slowdown_at = now + SLOWDOWN_SHARE * (now - self.slowdown_began)
            self.slowdown_began = 0
        elif self.is_initial:
            self.slowdown_at = now + SLOWDOWN_ROUNDS * self.rtt.srtt
        self.is_initial = False

    def _decrease(self, delay: cython.longlong, now: cython.longlong) -> None:
        # 4.3: W += max(gain - W * (delay / target - 1), -W / 2), once a round trip.
        change: cython.double
        if now < self.decrease_at:
            return
        self.decrease_at = now + self.rtt.srtt
        change = self._gain() - self.cwnd * (delay / TARGET - 1.0)
        if change < -(self.cwnd / 2.0):
            change = -(self.cwnd / 2.0)
        self.cwnd = max(SLOWDOWN_CWND, int(self.cwnd + change))
        if self.ssthresh > self.cwnd:
            # Else slow start would fill the queue again at once.
            self.ssthresh = self.cwnd

    def _gives_way(self, now: cython.longlong) -> cython.bint:
        # 4.4. True while nothing else moves the window.
        if self.resume_at > 0:
            if now < self.resume_at:
                self.cwnd = SLOWDOWN_CWND
                return True
            self.resume_at = 0
        elif 0 < self.slowdown_at <= now:
            self.slowdown_at = 0
            self.slowdown_began = now
            self.resume_at = now + SLOWDOWN_ROUNDS * self.rtt.srtt
            self.ssthresh = self.cwnd if self.cwnd > SLOWDOWN_CWND else SLOWDOWN_CWND
            self.cwnd = SLOWDOWN_CWND
            return True
        return False

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 6817 2.4.1: as Reno."""
        self.growth = 0.0
        return self.half_window()
