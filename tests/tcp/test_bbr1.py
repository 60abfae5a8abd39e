"""BBR version 1 by its steps, beside what Linux's does: phases of the cycle, targets, policers, the start."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.core.entropy import Entropy
from usernet.tcp.congestion.bbr1 import Bbr1
from usernet.tcp.const import CA_LOSS, CA_OPEN, CA_RECOVERY, INFINITE_SSTHRESH
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator
from usernet.testing.peer import Scene

STARTUP, DRAIN, PROBE_BW, PROBE_RTT = 0, 1, 2, 3
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

    def ack(self, ms, flight, *, losses=0, departs_in=0, round_ends=False, app_limited=False, **told):
        """An ACK of one segment so many milliseconds after the phase began, with so much in flight before it."""
        now = NOW + ms * MS
        sample = AckSample()
        sample.delivered = sample.acked = 1
        sample.losses = losses
        self.rate.lost += losses
        sample.prior_in_flight = flight
        sample.in_flight = flight - 1
        self.rate.delivered += told.get("delivered", 1)
        self.rate.delivered_at = now
        sample.interval_ns = 100 * MS
        sample.interval_delivered = 50
        sample.prior_delivered = self.cc.next_round_delivered - (0 if round_ends else 1)
        sample.is_app_limited = app_limited
        sample.rtt_ns = 100 * MS
        sample.next_at = now + departs_in * MS
        for name, value in told.items():
            setattr(sample, name, value)
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


# Startup.


def test_the_pipe_is_full_after_three_round_trips_that_brought_less_than_a_quarter_more():
    path = Path(STARTUP)
    cc = path.ack(1, 500, round_ends=True)
    assert cc.full_bw == 1000 and cc.full_bw_rounds == 0
    cc.bw_filter.reset(1249.0, cc.round_count)
    path.ack(2, 500, round_ends=True)
    path.ack(3, 500, round_ends=True)
    cc.bw_filter.reset(1250.0, cc.round_count)
    assert path.ack(4, 500, round_ends=True).full_bw_rounds == 0 and cc.full_bw == 1250
    path.ack(5, 500, round_ends=True)
    path.ack(6, 500, round_ends=True)
    path.ack(7, 500, round_ends=True, app_limited=True)
    path.ack(8, 500)
    assert cc.mode == STARTUP
    assert (
        path.ack(9, 500, round_ends=True).mode == DRAIN and cc.ssthresh == 134
    )  # 125, and three super-segments of three


def test_an_undone_loss_or_a_timeout_looks_for_a_full_pipe_anew():
    cc = Path(STARTUP).cc
    cc.full_bw, cc.full_bw_rounds, cc.policer.bw, cc.cwnd = 1000.0, 2, 5.0, 33
    assert cc.undo() == 33 and (cc.full_bw, cc.full_bw_rounds, cc.policer.bw) == (0, 0, 0)
    cc.full_bw, cc.round_start = 1000.0, False
    cc.on_timeout(NOW)
    assert cc.full_bw == 0 and cc.round_start and cc.prior_ca_state == CA_LOSS
    assert cc.policer.is_sampling and cc.policer.rounds == 1


# Gains.


@pytest.mark.parametrize(
    ("mode", "index", "policed", "gains"),
    (
        (STARTUP, 0, False, (739 / 256, 739 / 256)),
        (DRAIN, 0, False, (88 / 256, 739 / 256)),
        (PROBE_BW, 0, False, (1.25, 2.0)),
        (PROBE_BW, 1, False, (0.75, 2.0)),
        (PROBE_BW, 2, False, (1.0, 2.0)),
        (PROBE_BW, 7, False, (1.0, 2.0)),
        (PROBE_BW, 0, True, (1.0, 2.0)),
        (PROBE_BW, 1, True, (1.0, 2.0)),
        (PROBE_RTT, 0, False, (1.0, 1.0)),
    ),
)
def test_each_state_has_its_gains(mode, index, policed, gains):
    path = Path(mode)
    path.cc.policer.in_use, path.cc.policer.bw = policed, 500.0
    cc = path.phase(index, 1.0)
    path.ack(1, 1000)
    assert (cc.pacing_gain, cc.cwnd_gain) == gains


def test_a_cycle_begins_with_any_phase_but_the_draining_one():
    seen = set()
    for seed in range(100):
        path = Path(DRAIN)
        path.cc.configure(None, Entropy(b"%d" % seed))
        seen.add(path.ack(1, 100).cycle_index)
    assert seen == {0, 2, 3, 4, 5, 6, 7}


# The window.


def test_recovery_conserves_packets_for_a_round_trip_and_then_the_window_comes_back():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd = 200
    assert cc.on_loss(NOW) == INFINITE_SSTHRESH and cc.saved_cwnd == 200
    path.ack(1, 100, losses=2, ca_state=CA_RECOVERY)
    assert cc.cwnd == 100 and cc.packet_conservation
    path.ack(2, 104, ca_state=CA_RECOVERY)
    assert cc.cwnd == 104
    path.ack(3, 90, losses=30, ca_state=CA_RECOVERY)
    assert cc.cwnd == 90
    path.ack(4, 60, ca_state=CA_RECOVERY)
    assert cc.cwnd == 90
    path.ack(5, 60, ca_state=CA_RECOVERY, round_ends=True)
    assert cc.cwnd == 91 and not cc.packet_conservation
    path.ack(6, 60, losses=10, ca_state=CA_RECOVERY)
    assert cc.cwnd == 82
    path.ack(7, 60)
    assert cc.cwnd == 201 and cc.prior_ca_state == CA_OPEN


def test_a_recovery_that_ends_early_ends_the_conservation():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd = 200
    cc.on_loss(NOW)
    path.ack(1, 100, ca_state=CA_RECOVERY)
    path.ack(2, 100)
    assert cc.cwnd == 201 and not cc.packet_conservation


def test_losses_leave_a_segment_and_a_timeouts_window_comes_back_as_well():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd = 5
    path.ack(1, 100, losses=9)
    assert cc.cwnd == 4  # one, and what was delivered, but four at least
    cc.cwnd = 180
    cc.on_loss(NOW)
    cc.on_timeout(NOW)
    cc.cwnd = 1
    path.ack(2, 3, ca_state=CA_LOSS)
    assert cc.cwnd == 4
    path.ack(3, 3)
    assert cc.cwnd == 181


def test_what_comes_in_a_lump_raises_the_window_once_the_pipe_was_full():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd = 300
    path.ack(1, 100, delivered=40)
    assert cc.extra_acked == 40 and cc.cwnd == 200 + 40 + 6  # 1 ms after the epoch began one was expected
    path.ack(2, 100, delivered=40)
    assert cc.extra_acked == 79
    for _ in range(4):
        path.ack(3, 100, round_ends=True)
    assert (cc.extra_acked_before, cc.extra_acked) == (0, 82)
    path.ack(3, 100, round_ends=True)
    assert (cc.extra_acked_before, cc.extra_acked) == (82, 83)  # of five to ten round trips the most
    path.ack(500, 100, round_ends=True)
    assert cc.epoch_acked == 1 and cc.epoch_at == NOW + 500 * MS


def test_a_lump_counts_a_tenth_of_a_second_at_most():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd, cc.extra_acked = 1000, 500
    assert path.ack(1, 100).cwnd == 200 + 100 + 6


# ProbeRTT.


def test_ten_seconds_without_a_smaller_round_trip_lead_to_probe_rtt_and_200_ms_out_of_it():
    path = Path()
    cc = path.phase(2, 1.0)
    cc.cwnd = 150
    path.ack(10_000, 100, rtt_ns=110 * MS)
    assert cc.mode == PROBE_BW and cc.min_rtt == 100 * MS
    path.ack(10_001, 100, rtt_ns=110 * MS)
    assert cc.mode == PROBE_RTT and cc.min_rtt == 110 * MS and cc.cwnd == 4 and cc.probe_rtt_done_at == 0
    path.ack(10_002, 6)
    assert cc.probe_rtt_done_at == 0 and path.rate.app_limited > 0
    path.ack(10_003, 5)
    assert cc.probe_rtt_done_at == NOW + 10_203 * MS
    path.ack(10_203, 5, round_ends=True)
    assert cc.mode == PROBE_RTT and cc.probe_rtt_round_done
    path.ack(10_204, 5)
    assert cc.mode == PROBE_BW and cc.cwnd >= 150 and cc.min_rtt_at == NOW + 10_204 * MS


def test_a_round_trip_must_have_passed_before_probe_rtt_ends():
    path = Path(PROBE_RTT)
    path.cc.probe_rtt_done_at = NOW
    assert path.ack(300, 5).mode == PROBE_RTT
    assert path.ack(301, 5, round_ends=True).mode == PROBE_BW


def test_before_the_pipe_was_full_probe_rtt_leads_back_to_startup():
    path = Path(PROBE_RTT)
    path.cc.full_bw_reached, path.cc.probe_rtt_done_at = False, NOW
    assert path.ack(300, 5, round_ends=True).mode == STARTUP


def test_a_delayed_ack_does_not_make_the_round_trip_longer():
    path = Path()
    path.phase(2, 1.0)
    path.ack(10_001, 100, rtt_ns=140 * MS, is_ack_delayed=True)
    assert path.cc.mode == PROBE_RTT and path.cc.min_rtt == 100 * MS


def test_after_a_silence_it_sends_at_the_rate_of_the_path_and_needs_no_look_at_the_round_trip():
    path = Path()
    cc = path.phase(0, 1.25)
    cc.on_restart(SECOND, NOW + SECOND)
    assert not cc.idle_restart
    path.rate.app_limited = 1
    cc.on_restart(SECOND, NOW + SECOND)
    assert cc.idle_restart and cc.pacing_rate == 990_000 and (cc.epoch_at, cc.epoch_acked) == (NOW + SECOND, 0)
    path.ack(11_000, 100)
    assert cc.mode == PROBE_BW and not cc.idle_restart
    cc.mode, cc.probe_rtt_done_at = PROBE_RTT, NOW
    cc.on_restart(SECOND, NOW + 1)
    assert cc.mode == PROBE_BW
