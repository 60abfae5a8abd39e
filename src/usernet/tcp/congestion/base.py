"""Congestion control as the rest of TCP sees it (RFC 5681), and the base class of every algorithm.

Windows are counted in segments, as Linux counts them. A new algorithm is one small file: subclass, override
:meth:`CongestionControl.on_loss` and :meth:`CongestionControl.on_ack`, and name it in ``congestion/__init__.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..const import INFINITE_SSTHRESH, INIT_CWND, MAX_CWND

if TYPE_CHECKING:
    import cython


class AckSample:
    """What one acknowledgment told: counts in segments, spans in nanoseconds (-1: no sample)."""

    __slots__ = (
        "acked",
        "delivered",
        "delivered_at",
        "in_flight",
        "is_app_limited",
        "losses",
        "prior_in_flight",
        "rtt_ns",
    )

    def __init__(self) -> None:
        self.acked = 0  # cumulatively acknowledged
        self.delivered = 0  # newly delivered, by ACK or SACK
        self.losses = 0  # newly marked lost
        self.in_flight = 0
        self.prior_in_flight = 0
        self.rtt_ns = -1
        self.delivered_at = 0
        self.is_app_limited = False


class CongestionControl:
    """``cwnd`` and ``ssthresh`` of one connection and the rules that move them.

    The connection itself does loss recovery (RFC 6675, PRR) and asks here for the new ``ssthresh`` only.
    """

    __slots__ = (
        "cwnd",
        "cwnd_clamp",
        "cwnd_cnt",
        "is_cwnd_limited",
        "max_packets_out",
        "mss",
        "prior_cwnd",
        "srtt_ns",
        "ssthresh",
    )

    name = "none"

    def __init__(self) -> None:
        self.cwnd = INIT_CWND
        self.ssthresh = INFINITE_SSTHRESH
        self.cwnd_clamp = MAX_CWND
        self.cwnd_cnt = 0
        self.prior_cwnd = 0
        self.mss = 1
        self.srtt_ns = 0
        self.max_packets_out = 0
        self.is_cwnd_limited = False

    def in_slow_start(self) -> cython.bint:
        """RFC 5681 3.1: below ssthresh."""
        return self.cwnd < self.ssthresh

    def may_grow(self) -> cython.bint:
        """RFC 7661's spirit, Linux's rule: grow only what was used."""
        if self.in_slow_start():
            return self.cwnd < 2 * self.max_packets_out
        return self.is_cwnd_limited

    def slow_start(self, acked: cython.uint) -> cython.uint:
        """Grow by what was acknowledged (RFC 3465 with L unlimited, as Linux), up to ssthresh; returns the rest."""
        target: cython.uint = self.cwnd + acked
        if target > self.ssthresh:
            target = self.ssthresh
        acked -= target - self.cwnd
        if target > self.cwnd_clamp:
            target = self.cwnd_clamp
        self.cwnd = target
        return acked

    def additive_increase(self, w: cython.uint, acked: cython.uint) -> None:
        """One segment for every w acknowledged."""
        delta: cython.uint
        if self.cwnd_cnt >= w:
            self.cwnd_cnt = 0
            self.cwnd += 1
        self.cwnd_cnt += acked
        if self.cwnd_cnt >= w:
            delta = self.cwnd_cnt // w
            self.cwnd_cnt -= delta * w
            self.cwnd += delta
        if self.cwnd > self.cwnd_clamp:
            self.cwnd = self.cwnd_clamp

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """An acknowledgment arrived outside recovery: let cwnd grow."""
        raise NotImplementedError

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """Congestion was met: the new ssthresh."""
        raise NotImplementedError

    def on_timeout(self, now: cython.longlong) -> None:
        """The retransmission timer fired: forget what was learned for the epoch."""

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """Sending starts again after a pause in which nothing was in flight."""

    def adopt(self, other: CongestionControl) -> None:
        """Take the place of another algorithm in a running connection (TCP_CONGESTION)."""
        self.cwnd = other.cwnd
        self.ssthresh = other.ssthresh
        self.cwnd_clamp = other.cwnd_clamp
        self.mss = other.mss
        self.srtt_ns = other.srtt_ns
        self.max_packets_out = other.max_packets_out
        self.is_cwnd_limited = other.is_cwnd_limited
