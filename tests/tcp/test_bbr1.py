"""BBR version 1 by its steps, beside what Linux's does: phases of the cycle, targets, policers, the start."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.core.entropy import Entropy
from usernet.tcp.congestion.bbr1 import Bbr1
from usernet.tcp.const import INFINITE_SSTHRESH
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator
from usernet.testing.peer import Scene

STARTUP, DRAIN, PROBE_BW = 0, 1, 2
M = 1000
NOW = 100 * SECOND


class Path:
    """A control that has measured 1,000 segments a second and 100 ms, and the ACKs it is told of."""

    def __init__(self, mode=PROBE_BW):
        self.rate, self.rtt = DeliveryRate(), RttEstimator(200 * MS, 120 * SECOND)
        self.cc = cc = Bbr1()
        cc.configure(None, Entropy(b"bbr"))
        cc.attach(self.rtt, self.rate, TcpExtMib())
        cc.mss = M
        self.rate.delivered_at = NOW
        self.rate.delivered = 10_000
        self.rtt.sample(100 * MS, 0, 0, NOW)
        cc.start(NOW)
        cc.mode = mode
        cc.full_bw_reached = mode != STARTUP
        cc.bw_filter.reset(1000.0, 0)
        cc.next_round_delivered = self.rate.delivered
        cc.pacing_rate = M * 1000
        cc.cycle_at = NOW
        cc.min_rtt_at = NOW

    def phase(self, index, gain):
        """A phase of the cycle began now."""
        self.cc.cycle_index, self.cc.pacing_gain = index, gain
        return self.cc

    def ack(self, ms, flight, *, losses=0, departs_in=0, round_ends=False, app_limited=False):
        """An ACK of one segment so many milliseconds after the phase began, with so much in flight before it."""
        now = NOW + ms * MS
        sample = AckSample()
        sample.delivered = sample.acked = 1
        sample.losses = losses
        self.rate.lost += losses
        sample.prior_in_flight = flight
        sample.in_flight = flight - 1
        self.rate.delivered += 1
        self.rate.delivered_at = now
        sample.interval_ns = 100 * MS
        sample.interval_delivered = 50
        sample.prior_delivered = self.cc.next_round_delivered - (0 if round_ends else 1)
        sample.is_app_limited = app_limited
        sample.rtt_ns = 100 * MS
        sample.next_at = now + departs_in * MS
        self.cc.control(sample, now)
        return self.cc


def test_gains_are_those_of_256ths():
    startup, drain = Path(STARTUP), Path(DRAIN)
    assert startup.ack(1, 50).info()["bbr_pacing_gain"] == 739
    assert drain.ack(1, 500).info()["bbr_pacing_gain"] == 88


# The product of bandwidth and round trip is 100 segments; a super-segment has two: 1.25 times that and three
# super-segments, even, and two more while probing are 134.


@pytest.mark.parametrize("ms, flight, departs_in, index", [(101, 131, 0, 0), (101, 132, 0, 1), (99, 200, 0, 0)])
def test_probing_ends_after_a_round_trip_with_the_pipe_full_by_the_next_departure(ms, flight, departs_in, index):
    path = Path()
    path.phase(0, 1.25)
    assert path.ack(ms, flight, departs_in=departs_in).cycle_index == index


def test_what_is_delivered_before_the_next_departure_is_not_in_the_network_then():
    path = Path()
    path.phase(0, 1.25)
    assert path.ack(101, 135, departs_in=4).cycle_index == 0
    assert path.ack(102, 136, departs_in=4).cycle_index == 1


def test_a_bandwidth_beyond_all_numbers_makes_no_small_window():
    # 2**32 segments are 0 to who counts in 32 bits.
    path = Path()
    path.cc.bw_filter.reset(2.0**32, 0)
    path.phase(0, 1.25)
    assert path.ack(101, 600_000_000, departs_in=1000).cycle_index == 0
    path.cc.bw_filter.reset(2.0**33 / 0.2, 0)
    path.cc.cwnd = 5000
    assert path.ack(102, 100).cwnd == 5001


def test_probing_ends_with_a_loss_once_a_round_trip_has_passed():
    path = Path()
    path.phase(0, 1.25)
    assert path.ack(50, 20, losses=1).cycle_index == 0
    assert path.ack(101, 20, losses=1).cycle_index == 1


def test_draining_ends_when_the_queue_is_gone_or_a_round_trip_has_passed():
    early, late = Path(), Path()
    early.phase(1, 0.75)
    late.phase(1, 0.75)
    assert early.ack(10, 107).cycle_index == 1
    assert early.ack(11, 106).cycle_index == 2
    assert late.ack(101, 200).cycle_index == 2


@pytest.mark.parametrize("index", [0, 1])
def test_at_a_policers_rate_every_phase_is_a_round_trip_long(index):
    path = Path()
    path.cc.policer.in_use, path.cc.policer.bw = True, 500.0
    path.phase(index, 1.0)
    assert path.ack(99, 2).cycle_index == index
    assert path.ack(101, 2).cycle_index == index + 1


def test_the_drained_pipe_is_the_measured_one_also_beside_a_policer():
    path = Path(DRAIN)
    path.cc.policer.in_use, path.cc.policer.bw = True, 500.0
    assert path.ack(1, 108).mode == DRAIN
    assert path.ack(2, 107).mode == PROBE_BW


# The policer.


def test_a_policers_round_trips_count_while_probing_bandwidth_alone():
    path = Path(DRAIN)
    policer = path.cc.policer
    policer.in_use, policer.bw, policer.rounds = True, 500.0, 47
    path.ack(1, 500, round_ends=True)
    assert policer.in_use and policer.rounds == 47


def test_after_48_round_trips_the_path_is_looked_at_anew_with_a_new_cycle():
    path = Path()
    policer = path.cc.policer
    policer.in_use, policer.bw, policer.rounds = True, 500.0, 47
    path.phase(1, 1.0)
    cc = path.ack(20, 500, round_ends=True)
    assert not policer.in_use and policer.bw == 0
    assert cc.cycle_at == NOW + 20 * MS and cc.cycle_index != 1


def policed(path, first_ms):
    """Two intervals of four round trips with a loss for every delivery at the same rate, beginning with a loss."""
    path.ack(first_ms, 50, losses=1)
    for interval in range(2):
        for round_trip in range(1, 5):
            ms = first_ms + interval * 400 + round_trip * 100
            path.ack(ms, 50, losses=1, round_ends=True)
    return ms


def test_two_lossy_intervals_of_one_rate_are_a_policers():
    path = Path()
    path.phase(2, 1.0)
    policed(path, 1)
    policer = path.cc.policer
    assert policer.in_use and policer.bw == pytest.approx(10.0)
    assert path.cc.bandwidth() == policer.bw


def test_a_timeouts_silence_is_no_part_of_the_policed_rate():
    path = Path()
    path.phase(2, 1.0)
    path.ack(1, 50, losses=1)
    for round_trip in range(1, 4):
        path.ack(1 + round_trip * 100, 50, losses=1, round_ends=True)
    path.rate.lost += 1
    path.cc.on_timeout(NOW + 60 * SECOND)
    assert path.cc.policer.bw == pytest.approx(10.0)


@pytest.mark.parametrize("mss, same", [(1000, False), (100, True)])
def test_rates_within_500_octets_a_second_are_the_same_whatever_the_segments(mss, same):
    policer, rate = Path().cc.policer, DeliveryRate()
    policer.reset(rate)
    policer.is_sampling = True
    policer.bw, policer.rounds = 2.0, 3
    rate.delivered, rate.lost, rate.delivered_at = 10, 10, 2 * SECOND
    assert policer.sample(rate, 1, False, True, mss) is same
    assert policer.in_use is same


# The start.


def test_the_first_rate_is_the_initial_window_in_the_handshakes_round_trip():
    scene = Scene(tcp_congestion_control="bbr")
    tcb, _ = scene.peer().open_passive(scene.listen(), rtt_ms=100, mss=M, wscale=7)
    cc = tcb.cc
    assert cc.name == "bbr" and cc.min_rtt == 100 * MS
    # 739/256 of ten segments in 100 ms, less one per cent.
    assert cc.pacing_rate == int(739 / 256 * 0.99 * 10 * M * 10)


def test_a_threshold_of_another_control_is_forgotten():
    path = Path()
    path.cc.ssthresh = 20
    path.cc.start(NOW)
    assert path.cc.ssthresh == INFINITE_SSTHRESH


def test_a_super_segment_is_never_more_than_64_kilo_octets():
    path = Path()
    path.cc.pacing_rate = 1 << 30
    path.cc.mss = 1460
    path.cc.full_bw_reached = False
    path.cc.cwnd = 331
    # 200 segments of twice the product, three super-segments of 44, even; and two more in the probing phase.
    assert path.ack(1, 50).cwnd == 332
    path.cc.cwnd = 334
    assert path.ack(2, 50).cwnd == 334


@pytest.mark.parametrize("name, windows", [("cubic", 2), ("bbr", 3)])
def test_the_send_buffer_holds_a_window_more_for_a_model(name, windows):
    scene = Scene(tcp_congestion_control=name)
    tcb, _ = scene.peer().open_passive(scene.listen(), rtt_ms=100, mss=M, wscale=7)
    # A segment of 1,000 octets costs 2,048, and 256 beside it.
    assert tcb.snd_buf == windows * 10 * 2304
