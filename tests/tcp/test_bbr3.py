"""BBR version 3 by its steps: what a loss does, and when (draft-ietf-ccwg-bbr)."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.core.entropy import Entropy
from usernet.tcp.congestion.bbr3 import Bbr3
from usernet.tcp.const import CA_OPEN, CA_RECOVERY
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.record import SentRecord
from usernet.tcp.rtt import RttEstimator

STARTUP, DRAIN, DOWN, CRUISE, REFILL, UP, PROBE_RTT = range(7)
NOW = 100 * SECOND


def probing(state=UP):
    """A control that knows 1,000 segments a second, 100 ms and a bound of 200 in flight, and probes."""
    cc, rate, rtt = Bbr3(), DeliveryRate(), RttEstimator(200 * MS, 120 * SECOND)
    cc.configure(None, Entropy(b"bbr3"))
    cc.attach(rtt, rate, TcpExtMib())
    cc.mss = 1000
    rtt.sample(100 * MS, 0, 0, NOW)
    rate.delivered, rate.delivered_at = 10_000, NOW
    cc.start(NOW)
    cc.model.bw = cc.model.bw_now = 1000.0
    cc.model.full_bw_reached = state != STARTUP
    cc.state, cc.cwnd, cc.inflight_longterm = state, 150, 200
    cc.bw_probe_samples = True
    return cc


def lose(cc, now, flight=150, lost=10):
    """A segment is marked lost that was sent with so much in flight, and so many were lost since."""
    record = SentRecord()
    record.segs, record.in_flight, record.lost, record.is_app_limited = 1, flight, cc.rate.lost, False
    cc.rate.lost += lost
    cc.on_segment_lost(record, now)


def acked(cc, ca_state=CA_OPEN, now=NOW, **told):
    sample = AckSample()
    sample.ca_state = ca_state
    for name, value in told.items():
        setattr(sample, name, value)
    cc.control(sample, now)


def ack(cc, ends_round=False, now=NOW, **told):
    """A segment of what flows at 1,000 a second is acknowledged."""
    prior = cc.model.next_round_delivered - (0 if ends_round else 1)
    cc.rate.delivered += 1
    told = {"delivered": 1, "in_flight": 120, "interval_delivered": 100, "sent_in_flight": 120, **told}
    acked(cc, now=now, interval_ns=100 * MS, prior_delivered=prior, **told)
    return cc.state


def test_a_phase_that_a_loss_begins_begins_when_it_was_found():
    cc = probing()
    lose(cc, NOW + 70 * MS)
    assert cc.state == DOWN and cc.cycle_at == NOW + 70 * MS
    assert cc.inflight_longterm < 200


def test_losses_that_were_none_give_the_bound_and_the_probe_back():
    cc = probing()
    lose(cc, NOW + 70 * MS)
    assert cc.inflight_longterm < 200
    cc.undo()
    assert cc.state == REFILL and cc.inflight_longterm == 200 and not cc.model.loss_in_round


def test_a_probe_that_ended_by_itself_stays_ended_when_a_loss_was_none():
    cc = probing()
    lose(cc, NOW, lost=1)
    assert cc.state == UP
    cc.state = DOWN
    cc.undo()
    assert cc.state == DOWN


def left_startup(cc, delivered=100):
    """Six losses, and more than 2% of a round trip, end it."""
    lose(cc, NOW)
    cc.model.loss_events, cc.model.loss_round_delivered = 6, 0
    acked(cc, CA_RECOVERY, delivered=1, in_flight=1000, interval_ns=100 * MS, interval_delivered=delivered,
          prior_delivered=9_900, sent_in_flight=150, interval_lost=10)  # fmt: skip
    return cc


@pytest.mark.parametrize(("delivered", "bound"), ((60, 100), (140, 140)))
def test_5_3_1_3_startup_that_losses_ended_leaves_a_bound_of_what_was_carried(delivered, bound):
    cc = left_startup(probing(STARTUP), delivered)
    assert cc.inflight_longterm == bound and cc.ssthresh == 100
    assert (cc.pacing_gain, cc.cwnd_gain) == (0.35, 2.0)


def test_losses_that_were_none_do_not_end_startup():
    cc = left_startup(probing(STARTUP))
    assert cc.state == DRAIN and cc.model.full_bw_reached and cc.inflight_longterm < 200
    cc.undo()
    assert cc.state == STARTUP and not cc.model.full_bw_reached and cc.inflight_longterm == 200
    assert (cc.pacing_gain, cc.cwnd_gain) == (2.77, 2.0)


def test_while_the_round_trip_is_probed_startup_waits_to_come_back():
    cc = left_startup(probing(STARTUP))
    cc.state = PROBE_RTT
    cc.undo()
    assert cc.state == PROBE_RTT and not cc.model.full_bw_reached


def test_startup_goes_on_while_little_is_lost():
    cc = probing(STARTUP)
    assert ack(cc, ends_round=True) == STARTUP and ack(cc, ends_round=True, losses=1, interval_lost=2) == STARTUP


def test_while_the_round_trip_is_probed_no_probe_for_bandwidth_comes_back():
    cc = probing()
    lose(cc, NOW)
    cc.state = PROBE_RTT
    cc.undo()
    assert cc.state == PROBE_RTT and cc.inflight_longterm == 200


def test_startup_that_ended_by_itself_stays_ended_when_a_loss_was_none():
    cc = probing(STARTUP)
    lose(cc, NOW, lost=1)
    cc.model.full_bw_reached, cc.state = True, DRAIN
    cc.undo()
    assert cc.state == DRAIN and cc.model.full_bw_reached


def test_a_recovery_of_many_rounds_gives_back_what_was_before_the_first():
    cc = probing(CRUISE)
    lose(cc, NOW)
    acked(cc, CA_RECOVERY)
    cc.model.bw_shortterm, cc.model.inflight_shortterm, cc.inflight_longterm = 500.0, 63, 90
    cc.model.loss_in_round = False
    lose(cc, NOW)
    cc.undo()
    assert cc.model.bw_shortterm > 1e20 and cc.inflight_longterm == 200


def test_the_next_recovery_gives_back_what_it_found():
    cc = probing(CRUISE)
    lose(cc, NOW)
    cc.model.bw_shortterm, cc.model.inflight_shortterm, cc.inflight_longterm = 500.0, 63, 90
    acked(cc, CA_OPEN)
    lose(cc, NOW)
    cc.model.bw_shortterm, cc.inflight_longterm = 400.0, 80
    cc.undo()
    assert cc.model.bw_shortterm == 500.0 and cc.inflight_longterm == 90


def test_a_loss_that_only_a_probe_repaired_is_answered_and_a_mark_is_no_loss():
    cc = probing(CRUISE)
    cc.ssthresh = 77
    assert cc.on_echo(NOW) == 77 and cc.saved_cwnd == 150 and not cc.model.loss_in_round
    assert cc.on_loss(NOW) == 77 and cc.model.loss_in_round


def test_what_an_earlier_loss_taught_stays_when_a_later_one_was_none():
    cc = probing(CRUISE)
    cc.model.bw_shortterm, cc.model.inflight_shortterm = 700.0, 90
    lose(cc, NOW)
    cc.model.bw_shortterm, cc.model.inflight_shortterm = 500.0, 63
    cc.undo()
    assert cc.model.bw_shortterm == 700.0 and cc.model.inflight_shortterm == 90


def test_a_timeout_bounds_what_is_in_flight_by_the_window_before_it():
    cc = probing(CRUISE)
    cc.on_loss(NOW)
    cc.on_timeout(NOW)
    assert cc.model.inflight_shortterm == 150


def test_a_timeout_while_probing_bounds_nothing():
    cc = probing()
    cc.on_loss(NOW)
    cc.on_timeout(NOW)
    assert cc.model.inflight_shortterm == 0x7FFFFFFF


# ProbeBW, phase by phase (5.3.3).


@pytest.mark.parametrize(
    ("longterm", "in_flight", "state"), ((200, 101, DOWN), (200, 100, CRUISE), (110, 95, DOWN), (110, 94, CRUISE))
)
def test_5_3_3_1_it_goes_down_until_the_queue_is_gone_and_headroom_is_left(longterm, in_flight, state):
    cc = probing(DOWN)
    cc.inflight_longterm = longterm
    assert ack(cc, in_flight=in_flight, sent_in_flight=1) == state
    assert cc.pacing_gain == (1.0 if state == CRUISE else cc.pacing_gain)


def test_5_3_3_5_the_next_probe_comes_after_the_time_that_was_drawn():
    for state in (DOWN, CRUISE):
        cc = probing(state)
        cc.bw_probe_wait = 3 * SECOND
        assert ack(cc, now=NOW + 3 * SECOND) == state
        cc.model.bw_shortterm, cc.model.inflight_shortterm = 800.0, 90
        assert ack(cc, now=NOW + 3 * SECOND + 1) == REFILL
        assert cc.model.bw_shortterm > 1e20 and cc.model.inflight_shortterm == 0x7FFFFFFF and cc.pacing_gain == 1.0


@pytest.mark.parametrize(("cwnd", "rounds"), ((150, 63), (20, 20)))
def test_5_3_3_5_or_after_as_many_round_trips_as_reno_would_take_63_at_most(cwnd, rounds):
    cc = probing(CRUISE)
    cc.cwnd, cc.rounds_since_bw_probe = cwnd, rounds - 2
    cc.cwnd_clamp = cwnd
    assert ack(cc, ends_round=True) == CRUISE
    assert ack(cc) == CRUISE
    assert ack(cc, ends_round=True) == REFILL


def test_5_3_3_3_a_round_trip_refills_the_pipe_before_more_is_asked_of_it():
    cc = probing(REFILL)
    cc.bw_probe_samples = False
    assert ack(cc) == REFILL and not cc.bw_probe_samples
    assert ack(cc, ends_round=True) == UP
    assert cc.bw_probe_samples and (cc.pacing_gain, cc.cwnd_gain) == (1.25, 2.25)
    assert cc.model.full_bw == 1000 and (cc.probe_up_cnt, cc.bw_probe_up_rounds) == (151, 1)  # the window then


def test_5_3_3_4_the_bound_rises_by_one_then_two_then_four_a_round_trip():
    cc = probing()
    cc.cwnd = cc.inflight_longterm = cc.cwnd_clamp = 200
    cc.is_cwnd_limited, cc.probe_up_cnt, cc.bw_probe_up_rounds, cc.bw_probe_up_acks = True, 200, 1, 0
    ack(cc, delivered=199)
    assert cc.inflight_longterm == 200
    ack(cc, delivered=1, ends_round=True)
    assert cc.inflight_longterm == 201 and cc.probe_up_cnt == 100
    cc.cwnd_clamp = cc.cwnd = 201
    ack(cc, delivered=250)
    assert cc.inflight_longterm == 203 and cc.bw_probe_up_acks == 50
    cc.cwnd = cc.cwnd_clamp = 202  # what is not used does not rise
    ack(cc, delivered=250, ends_round=True)
    assert cc.inflight_longterm == 203 and cc.probe_up_cnt == 100


def test_5_3_3_4_a_probe_ends_when_the_pipe_is_full_unless_the_bound_held_it():
    cc = probing()
    cc.cwnd = cc.inflight_longterm = cc.cwnd_clamp = 150
    cc.model.full_bw_now = cc.is_cwnd_limited = True
    assert ack(cc) == UP and not cc.model.full_bw_now and cc.model.full_bw == 1000
    cc.model.full_bw_now, cc.inflight_longterm, cc.cwnd_clamp = True, 200, 150
    assert ack(cc) == DOWN
    assert cc.pacing_gain == 0.9 and cc.cycle_at == NOW and cc.probe_up_cnt == 0x7FFFFFFF
    assert 2 * SECOND <= cc.bw_probe_wait < 3 * SECOND and cc.rounds_since_bw_probe in (0, 1)


def test_a_round_trip_behind_the_probe_its_samples_end_and_the_cycle_before_is_forgotten():
    cc = probing(UP)
    cc.model.full_bw_now = True
    assert ack(cc) == DOWN
    ack(cc)
    assert cc.bw_probe_samples and cc.model.bw_now == 1000
    ack(cc, ends_round=True)
    assert not cc.bw_probe_samples and (cc.model.bw_before, cc.model.bw_now) == (1000, 0)
    cc.model.bw_now = 900.0
    ack(cc, ends_round=True)
    assert cc.model.bw_before == 1000  # once a probe


def test_what_was_carried_without_much_loss_raises_the_bound_in_any_phase():
    for state in (DOWN, CRUISE, REFILL, UP):
        cc = probing(state)
        ack(cc, sent_in_flight=210, interval_lost=4)
        assert cc.inflight_longterm == 210
        ack(cc, sent_in_flight=220, interval_lost=5, is_app_limited=True)
        assert cc.inflight_longterm == 210


def test_5_5_10_2_the_bound_is_where_losses_passed_a_fiftieth_and_seven_tenths_of_the_target_at_least():
    for flight, bound in ((150, 149), (60, 70)):
        cc = probing(CRUISE)
        lose(cc, NOW, flight=flight)
        assert cc.inflight_longterm == bound and not cc.bw_probe_samples
        lose(cc, NOW, flight=90)
        assert cc.inflight_longterm == bound  # once a probe
    cc = probing(CRUISE)
    lose(cc, NOW, lost=3)
    assert cc.inflight_longterm == 200  # three of 150 are a fiftieth
    lose(cc, NOW, lost=4)
    assert cc.inflight_longterm == 149


@pytest.mark.parametrize(
    ("state", "cwnd"), ((DOWN, 90), (REFILL, 90), (UP, 90), (CRUISE, 77), (PROBE_RTT, 50), (DRAIN, 120))
)
def test_5_6_4_7_the_window_is_bound_by_what_the_phase_allows(state, cwnd):
    cc = probing(state)
    cc.inflight_longterm, cc.cwnd_clamp = 90, 120
    cc.probe_rtt_done_at, cc.is_cwnd_limited = NOW + SECOND, False
    ack(cc, in_flight=1000, sent_in_flight=80)
    assert cc.state == state and cc.cwnd == cwnd
    cc.model.inflight_shortterm = 40
    ack(cc, in_flight=1000, sent_in_flight=80)
    assert cc.cwnd == 40
    cc.model.inflight_shortterm = 3
    ack(cc, in_flight=1000, sent_in_flight=80)
    assert cc.cwnd == 4


def test_5_3_3_1_the_headroom_is_a_segment_at_least_and_leaves_four():
    for longterm, cwnd in ((6, 5), (5, 4), (4, 4), (100, 85)):
        cc = probing(CRUISE)
        cc.inflight_longterm = longterm
        ack(cc, sent_in_flight=1)
        assert cc.cwnd == cwnd


# ProbeRTT (5.3.4) and restarts (5.4).


def test_5_3_4_five_seconds_without_a_smaller_round_trip_lead_to_probe_rtt_and_200_ms_out_of_it():
    cc = probing(CRUISE)
    cc.bw_probe_wait = 100 * SECOND
    at = NOW + 5 * SECOND
    assert ack(cc, now=at) == CRUISE
    assert ack(cc, now=at + 1, in_flight=51) == PROBE_RTT and cc.probe_rtt_done_at == 0 and cc.cwnd == 50
    ack(cc, now=at + 2, in_flight=50)
    assert cc.probe_rtt_done_at == at + 2 + 200 * MS
    ack(cc, now=at + 2 + 200 * MS, in_flight=50, ends_round=True)
    assert cc.state == PROBE_RTT
    assert ack(cc, now=at + 3 + 200 * MS, in_flight=50) == CRUISE
    assert cc.cwnd >= 150 and cc.probe_rtt_min_at == at + 3 + 200 * MS


def test_5_3_4_a_smaller_round_trip_is_known_at_once_and_a_larger_one_after_ten_seconds():
    cc = probing(CRUISE)
    ack(cc, now=NOW + SECOND, rtt_ns=90 * MS)
    assert (cc.min_rtt, cc.min_rtt_at) == (90 * MS, NOW + SECOND)
    ack(cc, now=NOW + 6 * SECOND, rtt_ns=110 * MS)
    assert cc.probe_rtt_min_delay == 90 * MS
    ack(cc, now=NOW + 6 * SECOND + 1, rtt_ns=110 * MS)
    assert cc.min_rtt == 90 * MS and cc.probe_rtt_min_delay == 110 * MS
    ack(cc, now=NOW + 11 * SECOND)
    assert cc.min_rtt == 90 * MS
    ack(cc, now=NOW + 11 * SECOND + 1)
    assert cc.min_rtt == 110 * MS


def test_5_4_1_after_a_silence_it_sends_at_the_rate_of_the_path():
    cc = probing(UP)
    cc.on_restart(SECOND, NOW)
    assert not cc.idle_restart
    cc.rate.app_limited = 1
    cc.on_restart(SECOND, NOW)
    assert cc.idle_restart and cc.pacing_rate == 990_000 and cc.model.extra_acked_at == NOW
    assert ack(cc, now=NOW + 6 * SECOND, delivered=0) == UP  # and needs no look at the round trip
    ack(cc, now=NOW)
    assert not cc.idle_restart


def test_5_4_1_a_silence_may_have_been_the_look_at_the_round_trip():
    cc = probing(PROBE_RTT)
    cc.rate.app_limited, cc.probe_rtt_done_at, cc.saved_cwnd, cc.cwnd = 1, NOW, 150, 50
    cc.on_restart(SECOND, NOW)
    assert cc.state == PROBE_RTT
    cc.on_restart(SECOND, NOW + 1)
    assert cc.state == CRUISE and cc.cwnd == 150


# What else an ACK does.


def test_a_round_with_a_loss_lowers_the_short_term_bounds_unless_it_probes():
    for state, is_bound in ((DOWN, True), (CRUISE, True), (PROBE_RTT, True), (REFILL, False), (UP, False)):
        cc = probing(state)
        cc.bw_probe_samples = False
        lose(cc, NOW)
        ack(cc)
        assert cc.model.inflight_shortterm == 0x7FFFFFFF and cc.model.loss_in_round
        cc.rate.delivered += 200
        acked(cc, delivered=1, in_flight=120, interval_ns=100 * MS, interval_delivered=60, sent_in_flight=120,
              prior_delivered=cc.rate.delivered - 100)  # fmt: skip
        assert (cc.model.inflight_shortterm < 0x7FFFFFFF) is is_bound
        assert not cc.model.loss_in_round


def test_losses_that_came_with_the_ack_are_answered_once_a_probe_and_not_when_it_lacked_data():
    cc = probing(CRUISE)
    ack(cc, interval_lost=3, sent_in_flight=120, is_app_limited=True)
    assert cc.inflight_longterm == 200 and not cc.bw_probe_samples
    cc.bw_probe_samples = True
    ack(cc, interval_lost=3, sent_in_flight=120)
    assert cc.inflight_longterm == 120
    ack(cc, interval_lost=3, sent_in_flight=110)
    assert cc.inflight_longterm == 120


def test_a_cycle_that_lacked_data_or_was_cut_by_probe_rtt_forgets_no_bandwidth():
    for state, limited in ((DOWN, True), (PROBE_RTT, False)):
        cc = probing(UP)
        cc.model.full_bw_now = True
        assert ack(cc) == DOWN
        cc.state = state
        ack(cc, ends_round=True, is_app_limited=limited)
        assert (cc.model.bw_before, cc.model.bw_now) == (0, 1000) and not cc.bw_probe_samples


def test_a_refill_begins_the_growth_of_the_bound_anew():
    cc = probing(CRUISE)
    cc.bw_probe_up_acks, cc.bw_probe_up_rounds = 40, 7
    assert ack(cc, now=NOW + 4 * SECOND) == REFILL
    assert (cc.bw_probe_up_acks, cc.bw_probe_up_rounds) == (0, 0)


def test_probe_rtt_ends_the_samples_of_a_probe_and_begins_a_new_cycle():
    cc = probing(UP)
    at = NOW + 5 * SECOND + 1
    assert ack(cc, now=at) == PROBE_RTT and cc.bw_probe_samples
    ack(cc, now=at, ends_round=True)
    assert not cc.bw_probe_samples
    cc.probe_rtt_done_at, cc.bw_probe_wait = at, 0
    assert ack(cc, now=at + 1, ends_round=True) == CRUISE
    assert cc.cycle_at == at + 1 and cc.bw_probe_wait >= 2 * SECOND and cc.pacing_gain == 1.0


def test_the_window_before_a_timeout_comes_back():
    cc = probing(CRUISE)
    cc.on_loss(NOW)
    cc.on_timeout(NOW)
    cc.cwnd = 1
    assert cc.undo() == 150
    ack(cc)
    assert cc.cwnd >= 150
    cc.cwnd = 160
    assert cc.undo() == 160


@pytest.mark.parametrize(
    ("state", "bw", "pacing", "cwnd"),
    (
        (DRAIN, 1000.0, 10_000, 200),  # twice what the path holds
        (UP, 1000.0, 10_000, 227),  # and a quarter, and two segments
        (DRAIN, 10.0, 10_000, 6),  # three super-segments of two at least
        (DRAIN, 10.0, 9_000_000, 27),  # a super-segment is a millisecond of the rate
        (DRAIN, 10.0, 900_000_000, 195),  # and 64 KiB at most
    ),
)
def test_5_6_4_2_the_window_is_a_multiple_of_what_the_path_holds(state, bw, pacing, cwnd):
    cc = probing(state)
    cc.inflight_longterm, cc.cwnd = 0x7FFFFFFF, 500
    cc.model.bw = cc.model.bw_now = cc.model.full_bw = bw
    cc.pacing_gain, cc.cwnd_gain = pacing / (bw * 990), 2.25 if state == UP else 2.0
    cc.rate.delivered += 1
    acked(cc, delivered=1, in_flight=400)
    assert cc.cwnd in (cwnd, cwnd + 1)  # what an ACK brings beyond what was expected
