"""Delivery-rate samples (draft-cheng-iccrg-delivery-rate-estimation), a record and an ACK at a time."""

import pytest

from usernet.core.const import MS
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.record import make_record

M = 1000
RTT = 100 * MS


def sent(rate, now, *, segs=2, in_flight=5, packets_out=5):
    record = make_record(0, segs * M, segs, M, now)
    rate.sent(record, in_flight, packets_out, now)
    return record


def acked(rate, record, now, *, segs=2, reneged=False, min_rtt=RTT):
    sample = AckSample()
    rate.delivered += segs
    sample.delivered = segs
    rate.generate(sample, record, reneged, min_rtt, now)
    return sample


def running():
    """So much was delivered, marked and lost when the record is sent."""
    rate = DeliveryRate()
    rate.delivered, rate.delivered_ce, rate.lost = 10, 3, 1
    rate.delivered_at, rate.first_sent_at = 990 * MS, 970 * MS
    return rate


def test_a_record_remembers_what_was_known_when_it_left():
    rate = running()
    record = sent(rate, 1000 * MS)
    assert (record.delivered, record.delivered_ce, record.lost) == (10, 3, 1)
    assert (record.delivered_at, record.first_sent_at) == (990 * MS, 970 * MS)
    assert record.in_flight == 7 and not record.is_app_limited


def test_the_first_of_a_flight_begins_the_interval():
    record = sent(running(), 1000 * MS, in_flight=0, packets_out=0)
    assert record.delivered_at == record.first_sent_at == 1000 * MS


def test_what_came_in_between_is_of_the_interval():
    rate = running()
    record = sent(rate, 1000 * MS)
    rate.delivered, rate.delivered_ce, rate.lost = 15, 5, 4
    sample = acked(rate, record, 1110 * MS)
    assert (sample.interval_delivered, sample.interval_ce, sample.interval_lost) == (7, 2, 3)
    assert (sample.prior_delivered, sample.sent_in_flight) == (10, 7)
    assert sample.interval_ns == 120 * MS  # since the last delivery before it left; it took 30 ms to send
    assert rate.delivered_at == 1110 * MS and rate.first_sent_at == 1000 * MS
    assert rate.bandwidth(M) == 7 * M * 1000 // 120


def test_the_longer_of_sending_and_of_being_acknowledged_counts():
    rate = running()
    rate.first_sent_at = 870 * MS
    assert acked(rate, sent(rate, 1000 * MS), 1101 * MS).interval_ns == 130 * MS


@pytest.mark.parametrize(("told", "min_rtt", "reneged"), ((True, 120, False), (False, 121, False), (False, 100, True)))
def test_shorter_than_the_least_round_trip_is_no_sample_nor_is_what_was_dropped(told, min_rtt, reneged):
    rate = running()
    sample = acked(rate, sent(rate, 1000 * MS), 1110 * MS, min_rtt=min_rtt * MS, reneged=reneged)
    assert (sample.interval_ns > 0) is told and (rate.latest_delivered > 0) is told


def test_no_time_at_all_is_no_sample():
    rate = DeliveryRate()
    assert acked(rate, sent(rate, 0, packets_out=0), 0, min_rtt=0).interval_ns == -1


def test_an_ack_that_delivered_nothing_new_says_nothing():
    rate = running()
    sample = acked(rate, None, 1110 * MS, segs=0)
    assert (sample.interval_ns, sample.interval_delivered) == (-1, 0) and rate.delivered_at == 990 * MS


def test_what_lacked_data_is_told_until_more_than_that_is_delivered():
    rate = running()
    rate.mark_app_limited(4)
    assert rate.app_limited == 14
    record = sent(rate, 1000 * MS)
    assert record.is_app_limited
    assert acked(rate, record, 1100 * MS, segs=4).is_app_limited and rate.app_limited == 14
    acked(rate, record, 1100 * MS, segs=1)
    assert rate.app_limited == 0
    assert acked(rate, record, 1100 * MS).is_app_limited  # it was when this one left
    empty = DeliveryRate()
    empty.mark_app_limited(0)
    assert empty.app_limited == 1


def test_of_samples_that_lacked_data_only_a_larger_one_is_told():
    rate = running()
    acked(rate, sent(rate, 1000 * MS), 1110 * MS, segs=12)
    assert not rate.latest_app_limited and rate.bandwidth(M) == 12 * M * 1000 // 120
    rate.mark_app_limited(100)
    acked(rate, sent(rate, 1110 * MS), 1230 * MS, segs=11)
    assert not rate.latest_app_limited and rate.latest_delivered == 12
    acked(rate, sent(rate, 1230 * MS), 1350 * MS, segs=12)
    assert rate.latest_app_limited and rate.latest_delivered == 12
    rate.app_limited = 0
    acked(rate, sent(rate, 1350 * MS), 1470 * MS, segs=3)
    assert not rate.latest_app_limited and rate.latest_delivered == 3
