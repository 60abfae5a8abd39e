"""LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus-01) an ACK at a time: what becomes of its slowdowns."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion.ledbat import Ledbat
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator

RTT = 100 * MS


class Flow:
    """A window that is always full, on a path of 100 ms; an ACK a round trip, or one more."""

    def __init__(self, cwnd, base_ms=100):
        self.base = int(base_ms * MS)
        self.cc = cc = Ledbat()
        rtt = RttEstimator(200 * MS, 120 * SECOND)
        rtt.sample(self.base, 0, 1, 0)
        cc.attach(rtt, DeliveryRate(), TcpExtMib())
        cc.cwnd = cwnd
        cc.is_cwnd_limited = True
        self.now = 10 * SECOND

    def round(self, queue_ms=0):
        self.now += self.base
        return self.ack(queue_ms, self.cc.cwnd)

    def ack(self, queue_ms, segs=1):
        sample = AckSample()
        sample.acked = sample.delivered = segs
        sample.rtt_ns = self.base + queue_ms * MS
        self.cc.on_ack(sample, self.now)
        return self.cc.cwnd

    def lose(self):
        self.cc.cwnd = self.cc.ssthresh = self.cc.on_loss(self.now)

    def rounds_to(self, cwnd):
        """Round trips until the window is that."""
        for count in range(1, 500):
            if self.round() == cwnd:
                return count
        return None


def in_first_slowdown(cwnd=20):
    flow = Flow(cwnd)
    flow.lose()
    assert flow.rounds_to(2) == 3  # slow start is over with the first; two round trips later
    return flow


def test_4_4_the_first_slowdown_lasts_two_round_trips_then_slow_start_leads_back():
    flow = in_first_slowdown(40)
    assert flow.cc.ssthresh == 21  # 20 and what two round trips at half a segment brought
    assert [flow.round() for _ in range(5)] == [2, 3, 4, 6, 9]
    assert flow.rounds_to(21) == 2


def test_4_4_the_next_slowdown_comes_after_nine_times_what_the_last_one_took():
    flow = in_first_slowdown(40)
    took = flow.rounds_to(21)
    assert flow.rounds_to(2) == 9 * took


def test_4_4_a_loss_on_the_way_back_does_not_end_slowdowns_for_good():
    flow = in_first_slowdown(40)
    for _ in range(5):
        flow.round()
    flow.lose()
    assert flow.rounds_to(2) == 9 * 6 + 1  # six round trips, with the one that ends in the loss


def test_4_4_nor_does_a_loss_while_the_window_is_two_segments():
    flow = in_first_slowdown(40)
    flow.lose()
    flow.round()
    flow.round()
    assert flow.cc.cwnd == 2 and flow.cc.slowdown_at > flow.now


def beyond_slow_start(cwnd, base_ms=100):
    """Its base known, its next slowdown far away."""
    flow = Flow(cwnd, base_ms)
    flow.cc.ssthresh = cwnd
    flow.ack(0)
    flow.cc.slowdown_at = flow.now + 1000 * SECOND
    return flow


@pytest.mark.parametrize(("base_ms", "divisor"), ((100, 2), (60, 2), (59, 3), (8, 15), (7.5, 16), (1, 16), (120, 1)))
def test_4_2_growth_is_a_share_of_renos_by_the_base(base_ms, divisor):
    flow = beyond_slow_start(16, base_ms)
    flow.cc.growth = 0.0
    flow.ack(0, 16)
    assert flow.cc.growth == pytest.approx(1 / divisor % 1) and flow.cc.cwnd == 16 + (divisor == 1)


@pytest.mark.parametrize(("queue_ms", "cwnd"), ((60, 20), (66, 18), (90, 10), (120, 10), (300, 10)))
def test_4_3_above_the_target_it_shrinks_in_proportion_by_half_at_most_once_a_round_trip(queue_ms, cwnd):
    flow = beyond_slow_start(20)
    for _ in range(3):
        assert flow.ack(queue_ms) == 20  # the least of the last four counts
    assert flow.ack(queue_ms) == cwnd == flow.ack(queue_ms)
    assert queue_ms == 60 or flow.cc.ssthresh == cwnd


def test_4_3_two_segments_are_the_least():
    flow = beyond_slow_start(3)
    for _ in range(10):
        flow.round(200)
    assert flow.cc.cwnd == 2


def test_4_1_the_first_slow_start_ends_above_three_quarters_of_the_target_and_later_ones_do_not():
    for queue_ms, ends in ((45, False), (46, True)):
        flow = Flow(20)
        flow.ack(0)
        for _ in range(4):
            flow.ack(queue_ms)
        assert (flow.cc.ssthresh < 1000) is ends
        flow = beyond_slow_start(20)
        flow.cc.ssthresh = 1000
        for _ in range(8):
            flow.ack(queue_ms)
        assert flow.cc.ssthresh == 1000 and flow.cc.cwnd > 20


def test_4_1_slow_start_goes_to_ssthresh_and_no_further():
    flow = Flow(20)
    flow.cc.ssthresh = 25
    assert flow.ack(0, 100) == 25


def test_rfc6817_2_4_2_the_base_is_the_least_of_ten_minutes():
    flow = beyond_slow_start(20)
    for minute in range(1, 12):
        assert flow.cc.base == (RTT if minute <= 10 else RTT + 20 * MS), minute
        flow.now += 60 * SECOND
        flow.ack(30)
        flow.ack(20)
    flow.now += 59 * SECOND
    flow.ack(10)
    assert flow.cc.history[-1] == flow.cc.base == RTT + 10 * MS and flow.cc.history[-2] == RTT + 20 * MS


def test_it_grows_neither_unused_nor_beyond_the_clamp():
    flow = beyond_slow_start(20)
    flow.cc.is_cwnd_limited = False
    assert flow.ack(0, 400) == 20
    flow.cc.is_cwnd_limited, flow.cc.cwnd_clamp = True, 22
    assert flow.ack(0, 400) == 22
