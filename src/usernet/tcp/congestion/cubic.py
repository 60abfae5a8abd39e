"""CUBIC (RFC 9438), with HyStart++ (RFC 9406) or Linux's HyStart as its slow start.

Whole segments count, as in Linux: a target is one only where it is a segment more than cwnd. And t is looked at one
smallest round trip ahead (RFC 9438 4.2 says one smoothed round trip), so that a full queue does not hasten growth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import SECOND
from ..rate import AckSample
from .base import CongestionControl
from .hystart import Hystart, HystartLinux, HystartPlusPlus, HystartWithTrain

if TYPE_CHECKING:
    import cython

    from ...core.entropy import Entropy
    from ...core.sysctl import SysctlRegistry

C = 0.4
BETA = 0.7
# RFC 9438 4.3: the additive increase that makes Reno with this beta as fast as Reno with one half.
ALPHA = 3.0 * (1.0 - BETA) / (1.0 + BETA)
# RFC 9438 4.7: w_max shrinks further when a flow gives way.
FAST_CONVERGENCE = (1.0 + BETA) / 2.0
# Linux: at most half as fast as slow start; at least so fast while no loss has shown what the path holds.
FASTEST = 2
UNKNOWN_PATH = 20
SLOWEST = 100  # cwnds for one segment: a plateau
LOOK_AGAIN = SECOND // 32  # the curve is looked at so often, while cwnd stays
NO_RTT = 1 << 62
HYSTART = "net.ipv4.tcp_cubic_hystart"
WITH_TRAIN = 3


class Cubic(CongestionControl):
    """The window as a cubic function of the time since the last congestion event.

    Names are the RFC's: ``w_max``, ``k`` (seconds), ``w_est``. ``origin`` is where the curve is flat. Windows are in
    segments. What begins with ``undo_`` is what RFC 9438 4.9 restores.
    """

    __slots__ = (
        "alpha",
        "cwnd_prior",
        "epoch_at",
        "hystart",
        "k",
        "looked_at",
        "looked_cwnd",
        "origin",
        "per",
        "undo_cwnd_prior",
        "undo_epoch_at",
        "undo_k",
        "undo_origin",
        "undo_w_est",
        "undo_w_max",
        "w_est",
        "w_max",
    )

    name = "cubic"

    def __init__(self) -> None:
        # Named, for super() costs seven times as much, at each connection.
        CongestionControl.__init__(self)
        self.hystart: Hystart = HystartWithTrain()
        self.w_max = self.w_est = self.cwnd_prior = self.origin = self.k = 0.0
        self.undo_w_max = self.undo_w_est = self.undo_cwnd_prior = self.undo_origin = self.undo_k = 0.0
        self.epoch_at = self.undo_epoch_at = 0
        self.per = FASTEST
        self.looked_at = 0
        self.looked_cwnd = 0
        self._forget()

    @classmethod
    def declare(cls, sysctl: SysctlRegistry) -> None:
        """How slow start ends."""
        text = "CUBIC leaves slow start by: 0 loss, 1 Linux's HyStart, 2 HyStart++, 3 HyStart++ and ACK trains."
        sysctl.declare(HYSTART, WITH_TRAIN, text, high=WITH_TRAIN)

    def configure(self, sysctl: SysctlRegistry, entropy: Entropy) -> None:
        """Choose it."""
        kind = sysctl.int_of(HYSTART)
        if kind != WITH_TRAIN:
            self.hystart = (Hystart, HystartLinux, HystartPlusPlus)[kind]()

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """RFC 9438 4.2-4.5, RFC 9406."""
        acked: cython.uint = sample.acked
        left: cython.longlong
        if self.in_slow_start() and (self.epoch_at == 0 or now - self.epoch_at >= SECOND):
            # Not in the second after a recovery, whose round trips tell of the loss (Linux).
            acked = self.hystart.acknowledged(self, sample, now)
        left = self.after_slow_start(acked)
        if left >= 0:
            self.additive_increase(self._segments_per_increase(left, now), left)

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 9438 4.6 and 4.7."""
        cwnd: cython.double = self.cwnd
        ssthresh: cython.uint = self.cwnd * 7 // 10
        self.undo_w_max = self.w_max
        self.undo_w_est = self.w_est
        self.undo_cwnd_prior = self.cwnd_prior
        self.undo_origin = self.origin
        self.undo_k = self.k
        self.undo_epoch_at = self.epoch_at
        self.epoch_at = 0
        self.cwnd_prior = cwnd
        self.w_max = cwnd * FAST_CONVERGENCE if cwnd < self.w_max else cwnd
        return ssthresh if ssthresh > 2 else 2

    def undo(self) -> cython.uint:
        """RFC 9438 4.9: the window and the curve it was on.

        Where there was no curve yet, growth as on an unknown path is over all the same.
        """
        if self.undo_w_max > 0.0:
            self.w_max = self.undo_w_max
            self.w_est = self.undo_w_est
            self.cwnd_prior = self.undo_cwnd_prior
            self.origin = self.undo_origin
            self.k = self.undo_k
            self.epoch_at = self.undo_epoch_at
        return self.prior_cwnd if self.prior_cwnd > self.cwnd else self.cwnd

    def on_timeout(self, now: cython.longlong) -> None:
        """RFC 9438 4.8: the first epoch after a timeout starts from the window slow start reaches, with K = 0."""
        self._forget()
        self.hystart.reset()

    def on_restart(self, idle_ns: cython.longlong, now: cython.longlong) -> None:
        """RFC 9438 5.8: the time in which nothing was sent does not count."""
        if self.epoch_at > 0:
            self.epoch_at += idle_ns
            if self.epoch_at > now:
                self.epoch_at = now

    def _forget(self) -> None:
        self.w_max = 0.0
        self.w_est = 0.0
        self.k = self.origin = 0.0
        self.alpha = ALPHA
        self.epoch_at = 0

    def _segments_per_increase(self, acked: cython.uint, now: cython.longlong) -> cython.uint:
        # How many segments must be acknowledged for one more in the window.
        cwnd: cython.uint = self.cwnd
        per: cython.uint = SLOWEST * cwnd
        ahead: cython.uint
        if self.epoch_at == 0:
            self._begin_epoch(now)
        elif self.looked_cwnd == cwnd and now - self.looked_at <= LOOK_AGAIN:
            self.w_est += self.alpha * acked / cwnd
            return self.per
        self.looked_cwnd = cwnd
        self.looked_at = now
        ahead = self._ahead(now)
        if ahead > 0:
            per = cwnd // ahead
        if self.w_max <= 0.0 and per > UNKNOWN_PATH:
            per = UNKNOWN_PATH
        # Figure 4 of RFC 9438 4.3: the Reno-friendly region.
        self.w_est += self.alpha * acked / cwnd
        if self.w_est >= self.cwnd_prior > 0.0:
            self.alpha = 1.0
        if self.w_est >= cwnd + 1:
            ahead = int(self.w_est) - cwnd
            if per > cwnd // ahead:
                per = cwnd // ahead
        self.per = per if per > FASTEST else FASTEST
        return self.per

    def _ahead(self, now: cython.longlong) -> cython.uint:
        # Equation 1, a round trip ahead: by how many whole segments the curve is above cwnd.
        t: cython.double
        reach: cython.double
        ahead: cython.longlong
        rtt: cython.longlong = self.rtt.min_rtt
        if rtt >= NO_RTT:
            rtt = 0
        t = (now - self.epoch_at + rtt) / 1e9 - self.k
        reach = C * t * t * t
        if reach >= 1e9:
            return 1000000000
        # Toward zero on both sides of the plateau.
        ahead = int(self.origin) + int(reach) - self.cwnd
        return ahead if ahead > 0 else 0

    def _begin_epoch(self, now: cython.longlong) -> None:
        cwnd: cython.double = self.cwnd
        self.epoch_at = now
        self.alpha = ALPHA
        self.w_est = cwnd
        if self.cwnd_prior <= 0.0:
            # RFC 9438 4.10: slow start ended without a loss, so Reno's own pace is the least from here on.
            self.cwnd_prior = cwnd
        if self.w_max <= cwnd:
            self.k = 0.0
            self.origin = cwnd
        else:
            self.k = ((self.w_max - cwnd) / C) ** (1.0 / 3.0)
            self.origin = self.w_max
