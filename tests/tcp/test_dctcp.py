"""DCTCP (RFC 8257) and Prague by their arithmetic, an ACK at a time."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion.dctcp import Dctcp
from usernet.tcp.congestion.prague import Prague
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator


def control(kind, cwnd=20, ssthresh=10, rtt_ms=100):
    cc = kind()
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(rtt_ms * MS, 0, 1, 0)
    cc.attach(rtt, DeliveryRate(), TcpExtMib())
    cc.cwnd, cc.ssthresh = cwnd, ssthresh
    cc.is_cwnd_limited = True
    return cc


def acked(cc, segs=1, marked=0, in_flight=10):
    sample = AckSample()
    sample.prior_in_flight = in_flight
    sample.delivered = sample.acked = segs
    sample.ce = marked
    cc.on_ce(sample, 0)
    return sample


def test_rfc8257_3_3_alpha_is_updated_once_a_window_of_data():
    cc = control(Dctcp)
    acked(cc)  # the first window ends with the first ACK, and nothing in it was marked
    assert cc.alpha == 15 / 16
    for _ in range(8):
        acked(cc, marked=1)
    assert cc.alpha == 15 / 16 and (cc.acked_in_window, cc.marked_in_window) == (8, 8)
    acked(cc)  # the tenth of the ten in flight as the window began
    assert cc.alpha == pytest.approx(15 / 16 + (8 / 9 - 15 / 16) / 16)
    assert (cc.acked_in_window, cc.marked_in_window) == (0, 0)
    for _ in range(8):
        acked(cc)
    before = cc.alpha
    acked(cc)
    assert cc.alpha == pytest.approx(before * 15 / 16)


def test_rfc8257_3_3_more_marks_than_segments_are_a_share_of_one():
    cc = control(Dctcp)
    cc.alpha = 0.0
    acked(cc, segs=2, marked=5)
    assert cc.alpha == 1 / 16


@pytest.mark.parametrize(("alpha", "kept"), ((1.0, 10), (0.5, 15), (0.01, 19), (0.0, 20)))
def test_rfc8257_3_3_the_window_comes_down_by_half_of_alpha_and_a_segment_at_least(alpha, kept):
    cc = control(Dctcp)
    cc.alpha = alpha
    assert cc.on_echo(0) == kept
    cc.cwnd = 3
    assert cc.on_echo(0) == max(2, int(3 * (1 - alpha / 2)))


def grown(cc, acks, marked=0):
    for _ in range(acks):
        sample = acked(cc, marked=marked)
        cc.on_ack(sample, 0)
    return cc.cwnd


def test_prague_grows_by_a_segment_a_round_trip_for_what_came_unmarked():
    cc = control(Prague)
    assert grown(cc, 19) == 20 and grown(cc, 20, marked=1) == 20 and grown(cc, 2) == 21
    assert 0 < cc.growth < 0.1


def test_prague_of_an_ack_only_what_is_unmarked_counts():
    cc = control(Prague)
    sample = acked(cc, segs=10, marked=4)
    cc.on_ack(sample, 0)
    assert cc.growth == pytest.approx(6 / 20)


def test_prague_grows_neither_unused_nor_beyond_the_clamp():
    cc = control(Prague)
    cc.is_cwnd_limited = False
    assert grown(cc, 100) == 20 and cc.growth == 0
    cc.is_cwnd_limited, cc.cwnd_clamp = True, 21
    assert grown(cc, 100) == 21


def test_prague_the_first_marks_end_slow_start():
    cc = control(Prague, ssthresh=1000)
    assert grown(cc, 5) == 25
    cc.on_ack(acked(cc, segs=2, marked=1), 0)
    assert cc.cwnd == cc.ssthresh == 25


def test_prague_keeps_seven_tenths_of_a_loss_and_two_segments():
    cc = control(Prague)
    grown(cc, 5)
    assert cc.growth > 0 and cc.on_loss(0) == 14 and cc.growth == 0
    cc.cwnd = 2
    assert cc.on_loss(0) == 2


def test_prague_is_paced_in_small_pieces_and_sends_ect_1():
    cc = Prague()
    assert cc.needs_pacing and cc.needs_ecn and cc.ect == 1 and cc.min_tso_segs == 1 and cc.alpha == 1.0
