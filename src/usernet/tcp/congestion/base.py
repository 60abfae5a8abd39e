"""Congestion control as the rest of TCP sees it (RFC 5681), and the base class of every algorithm.

Windows are counted in segments, as Linux counts them. A new algorithm is one small file: subclass, override
:meth:`CongestionControl.on_loss` and :meth:`CongestionControl.on_ack`, and name it in ``congestion/__init__.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.counters import TcpExtMib
from ..const import GROWS, GROWS_AS_USED, INFINITE_SSTHRESH, INIT_CWND, MAX_CWND
from ..rate import AckSample, DeliveryRate
from ..record import SentRecord
from ..rtt import RttEstimator

if TYPE_CHECKING:
    import cython

    from ...core.entropy import Entropy
    from ...core.sysctl import SysctlRegistry


class CongestionControl:
    """``cwnd`` and ``ssthresh`` of one connection and the rules that move them.

    The connection itself does loss recovery (RFC 8985, PRR) and asks here for the new ``ssthresh`` only, unless
    :meth:`control` takes the whole of it over.

    An algorithm reads ``rtt`` (srtt, min_rtt, latest, in nanoseconds) and ``rate`` (delivered, lost, app_limited, in
    segments) of its connection, ``mss`` in octets, and whether it ``is_paced``. It may set, in ``__init__`` or later:

    - ``needs_pacing``: segments leave at ``pacing_rate`` octets a second, or, while that is 0, at the rate that spreads
      cwnd over a round trip (Linux's tcp_pacing_ss_ratio, tcp_pacing_ca_ratio);
    - ``needs_ecn``: ask the peer for ECN whatever the sysctl says, and :meth:`on_ce` is called; ``ect`` is the
      codepoint of its segments (RFC 3168: ECT(0) is 2, RFC 9331: ECT(1) is 1);
    - ``is_model_based``: :meth:`control` sets cwnd and pacing_rate; PRR and validation keep their hands off cwnd;
    - ``wants_losses``: :meth:`on_segment_lost` is called;
    - ``min_tso_segs``: the least segments a super-segment is made of while there are so many, 0 for the sysctl's.
    """

    __slots__ = (
        "cwnd",
        "cwnd_clamp",
        "cwnd_cnt",
        "ect",
        "ext",
        "growth_rule",
        "is_cwnd_limited",
        "is_model_based",
        "is_paced",
        "max_packets_out",
        "min_tso_segs",
        "mss",
        "needs_ecn",
        "needs_pacing",
        "pacing_rate",
        "prior_cwnd",
        "rate",
        "rtt",
        "ssthresh",
        "wants_losses",
    )

    name = "none"

    def __init__(self) -> None:
        self.cwnd = INIT_CWND
        self.ssthresh = INFINITE_SSTHRESH
        self.cwnd_clamp = MAX_CWND
        self.cwnd_cnt = 0
        self.prior_cwnd = 0
        self.mss = 1
        self.max_packets_out = 0
        self.growth_rule = GROWS_AS_USED
        self.is_cwnd_limited = False
        self.pacing_rate = 0
        self.min_tso_segs = 0
        self.ect = 2
        self.is_model_based = self.is_paced = self.needs_ecn = self.needs_pacing = self.wants_losses = False
        self.rtt: RttEstimator
        self.rate: DeliveryRate
        self.ext: TcpExtMib

    @classmethod
    def declare(cls, sysctl: SysctlRegistry) -> None:
        """Declare sysctls of this algorithm's own; called once a stack, when it is registered."""

    def configure(self, sysctl: SysctlRegistry, entropy: Entropy) -> None:
        """Read them; called once for each instance, before anything else. Chance comes from ``entropy`` alone."""

    def attach(self, rtt: RttEstimator, rate: DeliveryRate, ext: TcpExtMib) -> None:
        """Belong to the connection of which these are; ``ext`` are the counters of its stack."""
        self.rtt = rtt
        self.rate = rate
        self.ext = ext

    def in_slow_start(self) -> cython.bint:
        """RFC 5681 3.1: below ssthresh."""
        return self.cwnd < self.ssthresh

    def may_grow(self) -> cython.bint:
        """Grow only what was used, by Linux's rule or RFC 7661's (4.3, 4.4; validation.py says which phase it is)."""
        if self.is_cwnd_limited or self.growth_rule == GROWS:
            return True
        return self.growth_rule == GROWS_AS_USED and self.in_slow_start() and self.cwnd < 2 * self.max_packets_out

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

    def after_slow_start(self, acked: cython.uint) -> cython.longlong:
        """Segments of an ACK that congestion avoidance may grow by; -1: cwnd may not, or slow start took them all."""
        if not self.may_grow():
            return -1
        if self.in_slow_start():
            acked = self.slow_start(acked)
            if acked == 0:
                return -1
        return acked

    def standard_increase(self, acked: cython.uint) -> None:
        """RFC 5681 3.1: slow start below ssthresh, then one segment a round trip; where cwnd may grow."""
        left: cython.longlong = self.after_slow_start(acked)
        if left >= 0:
            self.additive_increase(self.cwnd, left)

    def half_window(self) -> cython.uint:
        """RFC 5681 equation 4, on cwnd as Linux does: FlightSize is what cwnd validation keeps it to."""
        half: cython.uint = self.cwnd >> 1
        return half if half > 2 else 2

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """An acknowledgment arrived outside recovery: let cwnd grow."""
        raise NotImplementedError

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """Congestion was met: the new ssthresh."""
        raise NotImplementedError

    def on_echo(self, now: cython.longlong) -> cython.uint:
        """The peer echoed a congestion mark, once a round trip (RFC 3168 6.1.2): the new ssthresh, as for a loss."""
        return self.on_loss(now)

    def on_ce(self, sample: AckSample, now: cython.longlong) -> None:
        """Any ACK, for a control that needs_ecn.

        Of the sample only ``prior_in_flight``, ``delivered``, ``ce`` and ``ece`` are known.
        """

    def on_segment_lost(self, record: SentRecord, now: cython.longlong) -> None:
        """A record was marked lost, and is counted in ``rate.lost``; for a control that wants_losses."""

    def on_timeout(self, now: cython.longlong) -> None:
        """The retransmission timer fired: forget what was learned for the epoch. on_loss was asked before."""

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """Sending starts again after a pause in which nothing was in flight."""

    def on_state(self, ca_state: cython.int, now: cython.longlong) -> None:
        """The recovery state is about to become CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY or CA_LOSS."""

    def undo(self) -> cython.uint:
        """The reduction proved needless: the cwnd to go back to."""
        return self.prior_cwnd if self.prior_cwnd > self.cwnd else self.cwnd

    def start(self, now: cython.longlong) -> None:
        """The connection is established, or this algorithm takes over a running one; ``rtt.srtt`` is 0 or known."""

    def control(self, sample: AckSample, now: cython.longlong) -> cython.bint:
        """Any ACK that delivered or lost something, the sample complete. True: cwnd and pacing_rate are set.

        False, as here, leaves cwnd to on_ack, or to PRR while it is reduced.
        """
        return False

    def info(self) -> dict[str, int]:
        """What TCP_CC_INFO tells; empty for an algorithm that has nothing Linux has a struct for."""
        return {}

    def adopt(self, other: CongestionControl) -> None:
        """Take the place of another algorithm in a running connection (TCP_CONGESTION)."""
        self.cwnd = other.cwnd
        self.ssthresh = other.ssthresh
        self.cwnd_clamp = other.cwnd_clamp
        self.prior_cwnd = other.prior_cwnd
        self.mss = other.mss
        self.max_packets_out = other.max_packets_out
        self.growth_rule = other.growth_rule
        self.is_cwnd_limited = other.is_cwnd_limited
        self.attach(other.rtt, other.rate, other.ext)
