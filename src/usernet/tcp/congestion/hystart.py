"""Leaving slow start before the queue overflows: HyStart++ (RFC 9406), and HyStart as Linux's CUBIC has it.

Round trips are counted in what is delivered: one ends when more is delivered than had been sent when it began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import MS
from ..const import INFINITE_SSTHRESH
from ..rate import AckSample
from .base import CongestionControl

if TYPE_CHECKING:
    import cython

NO_RTT = 1 << 62
SAMPLES = 8  # RFC 9406's N_RTT_SAMPLE, Linux's HYSTART_MIN_SAMPLES
# RFC 9406 4.3: an eighth of the round trip, within these.
MIN_RTT_THRESHOLD = 4 * MS
MAX_RTT_THRESHOLD = 16 * MS
CSS_GROWTH_DIVISOR = 4
CSS_ROUNDS = 5
# Linux: below so many segments nothing is looked for; ACKs closer than this belong to one train.
LOW_WINDOW = 16
TRAIN_GAP = 2 * MS
# A train may be longer by what four super-segments take, a millisecond at most.
TRAIN_SLACK = MS
TRAIN_SLACK_OCTETS = 4 * 65536


def rtt_threshold(rtt: cython.longlong) -> cython.longlong:
    """How much longer a round trip must take than this one to tell of a queue."""
    eighth: cython.longlong = rtt >> 3
    if eighth < MIN_RTT_THRESHOLD:
        return MIN_RTT_THRESHOLD
    return eighth if eighth < MAX_RTT_THRESHOLD else MAX_RTT_THRESHOLD


def _leave_by_train(cc: CongestionControl) -> None:
    cc.ssthresh = cc.cwnd
    cc.ext.TCPHystartTrainDetect += 1
    cc.ext.TCPHystartTrainCwnd += cc.cwnd


def _leave_by_delay(cc: CongestionControl) -> None:
    cc.ssthresh = cc.cwnd
    cc.ext.TCPHystartDelayDetect += 1
    cc.ext.TCPHystartDelayCwnd += cc.cwnd


class Hystart:
    """Nothing is looked for: slow start lasts until a loss."""

    __slots__ = ("current_min", "round_end", "samples")

    def __init__(self) -> None:
        self.setup()

    def setup(self) -> None:
        """A connection begins. Not in __init__, where each class would look for the one above it."""
        self.current_min = NO_RTT
        self.samples = 0
        self.round_end = 0

    def begin(self, delivered: cython.ulonglong, in_flight: cython.uint) -> None:
        """A round trip begins."""
        self.current_min = NO_RTT
        self.samples = 0
        self.round_end = delivered + in_flight

    def acknowledged(self, cc: CongestionControl, sample: AckSample, now: cython.longlong) -> cython.uint:
        """An ACK in slow start: by how many segments it may grow cwnd. Leaving slow start sets ``cc.ssthresh``."""
        return sample.acked

    def reset(self) -> None:
        """A timeout: slow start begins anew."""
        self.begin(0, 0)


class AckTrain:
    """ACKs that come close together for half a round trip: the window fills the path (Linux's HYSTART_ACK_TRAIN).

    It tells a round trip before the queue can be seen in any delay: an unpaced slow start sends a whole window too
    much in that time.
    """

    __slots__ = ("delay_min", "last_ack_at", "round_at")

    def __init__(self) -> None:
        self.delay_min = NO_RTT
        self.round_at = self.last_ack_at = 0

    def begin(self, now: cython.longlong) -> None:
        """A round trip begins."""
        self.round_at = self.last_ack_at = now

    def fills_path(self, cc: CongestionControl, rtt: cython.longlong, now: cython.longlong) -> cython.bint:
        """An ACK came, with this round-trip time: is the train as long as that?"""
        limit: cython.longlong
        slack: cython.longlong
        octets: cython.longlong = cc.cwnd
        if rtt < self.delay_min:
            self.delay_min = rtt
        if now - self.last_ack_at > TRAIN_GAP:
            # Not as in Linux, a train may begin behind a gap: what jumped ahead begins a round long before the others.
            self.round_at = now
        self.last_ack_at = now
        if cc.cwnd < LOW_WINDOW:
            return False
        # At the rate of slow start, two windows a round trip.
        octets *= 2 * cc.mss
        slack = TRAIN_SLACK_OCTETS * cc.rtt.srtt // octets
        limit = self.delay_min + (slack if slack < TRAIN_SLACK else TRAIN_SLACK)
        # Pacing spreads a window over half of a round trip by itself.
        if not cc.is_paced:
            limit >>= 1
        return now - self.round_at > limit


class HystartPlusPlus(Hystart):
    """RFC 9406 4.2: a round trip that takes longer leads to Conservative Slow Start, which proves it or recants.

    With ``train`` a train of ACKs ends slow start as well, at once.
    """

    __slots__ = ("baseline", "css_rounds", "growth", "in_css", "last_min", "train")

    def setup(self) -> None:
        """A connection begins."""
        Hystart.setup(self)
        self.last_min = NO_RTT
        self.baseline = NO_RTT
        self.in_css = False
        self.css_rounds = 0
        self.growth = 0
        self.train: AckTrain | None = None

    def acknowledged(self, cc: CongestionControl, sample: AckSample, now: cython.longlong) -> cython.uint:
        """RFC 9406 4.2. L is infinite, as super-segments of a millisecond bound the bursts it is there to bound."""
        acked: cython.uint = sample.acked
        if cc.ssthresh < INFINITE_SSTHRESH:
            # 4.3: for the first slow start alone; later ones have an ssthresh that was learned.
            return acked
        if cc.rate.delivered > self.round_end:
            self._round_ends(cc)
            self.begin(cc.rate.delivered, sample.in_flight)
            if self.train is not None:
                self.train.begin(now)
        if sample.rtt_ns > 0:
            if sample.rtt_ns < self.current_min:
                self.current_min = sample.rtt_ns
            self.samples += 1
            if self.train is not None and self.train.fills_path(cc, sample.rtt_ns, now):
                _leave_by_train(cc)
                return acked
        if self.samples >= SAMPLES and self.last_min < NO_RTT and self.current_min < NO_RTT:
            self._judge()
        if not self.in_css:
            return acked
        self.growth += acked
        acked = self.growth // CSS_GROWTH_DIVISOR
        self.growth -= acked * CSS_GROWTH_DIVISOR
        return acked

    def _judge(self) -> None:
        if self.in_css:
            if self.current_min < self.baseline:
                # It was no queue: slow start goes on.
                self.baseline = NO_RTT
                self.in_css = False
        elif self.current_min >= self.last_min + rtt_threshold(self.last_min):
            self.baseline = self.current_min
            self.in_css = True
            self.css_rounds = 0
            self.growth = 0

    def _round_ends(self, cc: CongestionControl) -> None:
        self.last_min = self.current_min
        if self.in_css:
            self.css_rounds += 1
            if self.css_rounds >= CSS_ROUNDS:
                _leave_by_delay(cc)

    def reset(self) -> None:
        """A timeout: slow start begins anew."""
        Hystart.reset(self)
        self.last_min = self.baseline = NO_RTT
        self.in_css = False


class HystartWithTrain(HystartPlusPlus):
    """HyStart++, with the train of ACKs that it has not."""

    __slots__ = ()

    def setup(self) -> None:
        """A connection begins."""
        HystartPlusPlus.setup(self)
        self.train = AckTrain()


class HystartLinux(Hystart):
    """A train of ACKs as long as half a round trip, or a round trip an eighth longer, ends slow start at once."""

    __slots__ = ("found", "train")

    def setup(self) -> None:
        """A connection begins."""
        Hystart.setup(self)
        self.found = False
        self.train: AckTrain = AckTrain()

    def acknowledged(self, cc: CongestionControl, sample: AckSample, now: cython.longlong) -> cython.uint:
        """Linux's hystart_update."""
        if sample.rtt_ns > 0 and not self.found:
            self._look(cc, sample, now)
        return sample.acked

    def _look(self, cc: CongestionControl, sample: AckSample, now: cython.longlong) -> None:
        if cc.rate.delivered > self.round_end:
            self.begin(cc.rate.delivered, sample.in_flight)
            self.train.begin(now)
        if self.train.fills_path(cc, sample.rtt_ns, now):
            self.found = True
            _leave_by_train(cc)
        if cc.cwnd < LOW_WINDOW:
            return
        if sample.rtt_ns < self.current_min:
            self.current_min = sample.rtt_ns
        if self.samples < SAMPLES:
            self.samples += 1
        elif not self.found and self.current_min > self.train.delay_min + rtt_threshold(self.train.delay_min):
            self.found = True
            _leave_by_delay(cc)

    def reset(self) -> None:
        """A timeout: slow start begins anew."""
        Hystart.reset(self)
        self.train.delay_min = NO_RTT
        self.found = False
