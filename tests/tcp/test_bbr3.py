"""BBR version 3 by its steps: what a loss does, and when (draft-ietf-ccwg-bbr)."""

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.core.entropy import Entropy
from usernet.tcp.congestion.bbr3 import Bbr3
from usernet.tcp.rate import DeliveryRate
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
    assert cc.state == UP and cc.inflight_longterm == 200 and not cc.model.loss_in_round


def test_losses_that_were_none_do_not_end_startup():
    cc = probing(STARTUP)
    lose(cc, NOW)
    cc.model.full_bw_reached, cc.state, cc.inflight_longterm = True, DRAIN, 120
    cc.undo()
    assert cc.state == STARTUP and not cc.model.full_bw_reached and cc.inflight_longterm == 200


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
