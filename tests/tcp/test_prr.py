"""Proportional Rate Reduction by its arithmetic (RFC 9937 6), an ACK at a time."""

import pytest

from usernet.tcp.congestion.reno import Reno
from usernet.tcp.prr import Prr


def reducing(prior=20, ssthresh=10, delivered=0, out=0):
    cc, prr = Reno(), Prr()
    cc.cwnd, cc.prior_cwnd, cc.ssthresh = 99, prior, ssthresh
    prr.delivered, prr.out = delivered, out
    return cc, prr


def test_above_ssthresh_every_beta_th_segment_delivered_lets_one_out():
    cc, prr = reducing()
    left = []
    flight = 19
    while flight > 10:
        prr.reduce(cc, flight, 1, False, False)
        left.append(cc.cwnd - flight)
        prr.out += left[-1]
        flight += left[-1] - 1
    assert left == [1, 0] * 9  # ceil(1/2), ceil(2/2), ...: half of 18


def test_the_share_is_that_of_what_was_in_use_where_it_is_known():
    cc, prr = reducing(prior=100, ssthresh=10)
    prr.recover_fs = 20
    prr.reduce(cc, 15, 4, False, False)
    assert cc.cwnd == 15 + 2
    cc, prr = reducing(prior=100, ssthresh=10)
    prr.reduce(cc, 15, 4, False, False)
    assert cc.cwnd == 15 + 1


@pytest.mark.parametrize(
    ("flight", "delivered", "out", "newly", "safe", "count"),
    (
        (5, 0, 0, 2, False, 2),  # what was delivered
        (5, 0, 0, 2, True, 3),  # and one more while recovery proceeds
        (5, 10, 9, 1, False, 2),  # what earlier ACKs left unused
        (5, 3, 9, 1, False, 1),  # never less than this one delivered
        (8, 0, 0, 9, True, 2),  # never beyond ssthresh
        (9, 0, 0, 1, False, 1),
        (10, 5, 5, 1, False, 0),  # at ssthresh there is no room
        (10, 0, 0, 1, False, 1),  # but the first retransmission leaves whatever the arithmetic says
    ),
)
def test_below_ssthresh_it_catches_up_with_what_is_delivered(flight, delivered, out, newly, safe, count):
    cc, prr = reducing(delivered=delivered, out=out)
    prr.reduce(cc, flight, newly, safe, False)
    assert cc.cwnd == flight + count


def test_more_sent_than_delivered_sends_nothing_unless_it_must():
    cc, prr = reducing(out=8)
    prr.reduce(cc, 18, 1, False, False)
    assert cc.cwnd == 18
    prr.reduce(cc, 18, 1, False, True)
    assert cc.cwnd == 19


def test_an_ack_that_delivered_nothing_and_one_outside_a_reduction_leave_the_window():
    cc, prr = reducing()
    prr.reduce(cc, 18, 0, False, True)
    assert cc.cwnd == 99 and prr.delivered == 0
    cc.prior_cwnd = 0
    prr.reduce(cc, 18, 1, False, True)
    assert cc.cwnd == 99 and prr.delivered == 0
