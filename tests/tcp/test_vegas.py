"""Vegas, a round trip at a time: what of the window waits in the queue, in whole segments (Linux's tcp_vegas)."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion.vegas import Vegas
from usernet.tcp.const import CA_DISORDER, CA_OPEN, INFINITE_SSTHRESH
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator


class Flow:
    """A window that is always full, whose segments are acknowledged one by one; the path has 100 ms."""

    def __init__(self, cwnd, ssthresh):
        self.cc = cc = Vegas()
        cc.attach(RttEstimator(200 * MS, 120 * SECOND), DeliveryRate(), TcpExtMib())
        cc.cwnd, cc.ssthresh = cwnd, ssthresh
        cc.is_cwnd_limited = True
        self.sample = AckSample()
        self.ack(100)  # the first round begins
        cc.cwnd, cc.cwnd_cnt = cwnd, 0

    def ack(self, rtt_ms, ca_state=CA_OPEN):
        cc, sample = self.cc, self.sample
        cc.rate.delivered += 1
        sample.clear()
        sample.acked = sample.delivered = 1
        sample.in_flight = cc.cwnd
        sample.ca_state = ca_state
        sample.rtt_ns = rtt_ms * MS
        cc.on_ack(sample, 0)

    def round(self, rtt_ms, acks=None):
        """All that was in flight as the round began, and the ACK that ends it; the window then."""
        cc = self.cc
        while cc.rate.delivered < cc.round_end:
            self.ack(rtt_ms)
        self.ack(rtt_ms)
        return cc.cwnd


@pytest.mark.parametrize(
    ("rtt_ms", "cwnd"),
    ((100, 21), (109, 21), (110, 20), (120, 20), (124, 20), (125, 19)),  # 0, 1, 2, 4, 4 and 5 whole segments wait
)
def test_two_to_four_segments_in_the_queue_are_right(rtt_ms, cwnd):
    flow = Flow(20, 10)
    assert flow.round(rtt_ms) == cwnd


def test_the_least_round_trip_of_the_round_counts_and_the_next_is_judged_by_its_own():
    flow = Flow(20, 10)
    flow.ack(100)
    assert flow.round(200) == 21
    assert flow.round(200) == 20 and flow.cc.ssthresh == 10


def test_slow_start_doubles_while_no_more_than_a_segment_waits():
    flow = Flow(20, INFINITE_SSTHRESH)
    assert flow.round(104) == 41 and flow.cc.ssthresh == INFINITE_SSTHRESH  # 40 at the ACK that ends the round


def test_slow_start_ends_at_what_the_path_carries_and_one_more():
    flow = Flow(20, INFINITE_SSTHRESH)
    assert flow.round(105) == 40 * 100 // 105 + 1 == flow.cc.ssthresh


def test_fewer_than_three_round_trips_measured_tell_of_delayed_acks():
    for measured, cwnd in ((2, 20), (3, 19)):
        flow = Flow(20, 10)
        cc = flow.cc
        cc.rate.delivered = cc.round_end - measured + 1
        for _ in range(measured):
            flow.ack(200)
        assert (cc.cwnd, cc.cwnd_cnt) == ((cwnd, 1) if measured == 2 else (cwnd, 0))


def test_two_segments_are_the_least_and_the_clamp_the_most():
    flow = Flow(2, 2)
    for _ in range(3):
        flow.round(900)
    assert flow.cc.cwnd == 2
    flow = Flow(20, 10)
    flow.cc.cwnd_clamp = 20
    assert flow.round(100) == 20


def test_while_segments_are_out_of_order_reno_rules_and_then_a_round_begins():
    flow = Flow(20, 10)
    for _ in range(20):
        flow.ack(300, CA_DISORDER)
    assert flow.cc.cwnd == 21 and not flow.cc.is_on
    flow.ack(100)
    assert flow.cc.is_on and flow.cc.samples == 0 and flow.cc.cwnd == 21
