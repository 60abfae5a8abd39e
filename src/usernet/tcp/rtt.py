"""Round-trip time and the retransmission timeout (RFC 6298, in Linux's form).

Linux smooths the variance over one round trip (``mdev_max``) and applies the 200 ms floor to the variance term, not
to the sum: a path with 100 ms and no jitter gets 300 ms, which outlasts a peer's delayed ACK. We do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS, NEVER, SECOND
from ..core.seq import seq_lt
from .const import RTO_FALLBACK, RTO_INITIAL

if TYPE_CHECKING:
    import cython

# Linux's tcp_min_rtt_wlen.
MIN_RTT_WINDOW = 300 * SECOND


class RttEstimator:
    """srtt and rttvar in nanoseconds, 0 while there is no sample; ``rto`` without backoff."""

    __slots__ = (
        "latest", "mdev", "mdev_max", "min_rtt", "min_rtt_at", "rto", "rto_max", "rto_min", "rtt_seq", "rttvar", "srtt",
    )  # fmt: skip

    def __init__(self, rto_min: cython.longlong, rto_max: cython.longlong) -> None:
        self.rto_min = rto_min
        self.rto_max = rto_max
        self.srtt = 0
        # What makes up the first timeout, until there is a round trip (Linux).
        self.rttvar = self.mdev = self.mdev_max = RTO_INITIAL >> 2
        self.latest = 0
        self.rto = RTO_INITIAL
        self.rtt_seq = 0
        self.min_rtt = NEVER
        self.min_rtt_at = 0

    def sample(self, rtt: cython.longlong, snd_una: cython.uint, snd_nxt: cython.uint, now: cython.longlong) -> None:
        """A measurement on a segment that was not retransmitted (RFC 6298 3, Karn)."""
        self.observe(rtt, False, now)
        self.smooth(rtt, snd_una, snd_nxt)

    def observe(self, rtt: cython.longlong, is_ack_delayed: cython.bint, now: cython.longlong) -> None:
        """The latest round trip, and the least; an ACK that was held back tells nothing of that."""
        # What left and was acknowledged within one batch of packets has one instant: less than a tick, which counts as
        # one (Linux). A least round trip of nothing would leave RACK no window for reordering.
        if rtt < 1:
            rtt = MS
        self.latest = rtt
        if rtt <= self.min_rtt or (now - self.min_rtt_at > MIN_RTT_WINDOW and not is_ack_delayed):
            self.min_rtt = rtt
            self.min_rtt_at = now

    def smooth(self, rtt: cython.longlong, snd_una: cython.uint, snd_nxt: cython.uint) -> None:
        """RFC 6298 2.2 and 2.3."""
        delta: cython.longlong
        if rtt < 1:
            rtt = 1
        if self.srtt == 0:
            self.srtt = rtt
            self.mdev = rtt >> 1
            self.rttvar = self.mdev if self.mdev > self.rto_min >> 2 else self.rto_min >> 2
            self.mdev_max = self.rttvar
            self.rtt_seq = snd_nxt
        else:
            delta = rtt - self.srtt
            self.srtt += delta >> 3
            if delta < 0:
                delta = -delta
                delta -= self.mdev
                # A sudden fall of the RTT must not look like variance.
                if delta > 0:
                    delta >>= 3
            else:
                delta -= self.mdev
            self.mdev += delta >> 2
            if self.mdev > self.mdev_max:
                self.mdev_max = self.mdev
                if self.mdev_max > self.rttvar:
                    self.rttvar = self.mdev_max
            if seq_lt(self.rtt_seq, snd_una):
                if self.mdev_max < self.rttvar:
                    self.rttvar -= (self.rttvar - self.mdev_max) >> 2
                self.rtt_seq = snd_nxt
                self.mdev_max = self.rto_min >> 2
        if self.srtt < 1:
            self.srtt = 1
        self.set_rto()

    def fall_back(self) -> None:
        """RFC 6298 5.7: the handshake gave no sample, and the first timeout is the more cautious (Linux)."""
        self.rttvar = self.mdev = self.mdev_max = RTO_FALLBACK >> 2
        self.rto = RTO_FALLBACK if self.rto_max > RTO_FALLBACK else self.rto_max

    def expect(self, rtt: cython.longlong) -> None:
        """Earlier connections had this round trip: where it is longer than the handshake's, the first timeout is by it.

        A SYN is small. The estimate is left alone (Linux), and the next sample decides.
        """
        if rtt <= self.srtt:
            return
        if self.srtt == 0:
            self.rttvar = self.mdev = self.mdev_max = RTO_INITIAL >> 2
        self.rto = rtt + (2 * rtt if 2 * rtt > self.rto_min else self.rto_min)

    def set_rto(self) -> None:
        """RFC 6298 2.3 to 2.5, with backoff undone."""
        rto: cython.longlong = self.srtt + 4 * self.rttvar
        self.rto = rto if rto < self.rto_max else self.rto_max
