"""BBR version 3 by its steps: what a loss does, and when (draft-ietf-ccwg-bbr)."""

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
    cc.start(NOW)
    rate.delivered, rate.delivered_at = 10_000, NOW
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


def left_startup(cc):
    """Six losses, and more than 2% of a round trip, end it."""
    lose(cc, NOW)
    cc.model.loss_events, cc.model.loss_round_delivered = 6, 0
    acked(cc, CA_RECOVERY, delivered=1, in_flight=1000, interval_ns=100 * MS, interval_delivered=100,
          prior_delivered=9_900, sent_in_flight=150, interval_lost=10)  # fmt: skip
    return cc


def acked(cc, ca_state, **told):
    sample = AckSample()
    sample.ca_state = ca_state
    for name, value in told.items():
        setattr(sample, name, value)
    cc.control(sample, NOW)


def test_losses_that_were_none_do_not_end_startup():
    cc = left_startup(probing(STARTUP))
    assert cc.state == DRAIN and cc.model.full_bw_reached and cc.inflight_longterm < 200
    cc.undo()
    assert cc.state == STARTUP and not cc.model.full_bw_reached and cc.inflight_longterm == 200


def test_while_the_round_trip_is_probed_startup_waits_to_come_back():
    cc = left_startup(probing(STARTUP))
    cc.state = PROBE_RTT
    cc.undo()
    assert cc.state == PROBE_RTT and not cc.model.full_bw_reached


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
