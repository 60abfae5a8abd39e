"""What BBR version 3 knows of its path (draft-ietf-ccwg-bbr-04 5.5), a sample at a time."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.tcp.congestion.pathmodel import PathModel
from usernet.tcp.rate import AckSample, DeliveryRate

INFINITE = 0x7FFFFFFF
FAR = 20 * MS  # marks say nothing at this round trip
NEAR = 5 * MS


class Path:
    """A model, and the ACKs of a path that delivers; ``bw`` segments a second."""

    def __init__(self):
        self.rate, self.model = DeliveryRate(), PathModel()
        self.model.start(self.rate, 0)
        self.sample = AckSample()

    def ack(self, bw=1000, *, delivered=10, prior=None, min_rtt=FAR, interval_delivered=100, **told):
        """An ACK of what was sent when ``prior`` had been delivered; the latest by default, so that rounds end."""
        sample = self.sample
        sample.clear()
        before = self.rate.delivered if prior is None else prior
        self.rate.delivered += delivered
        sample.delivered = delivered
        sample.interval_delivered, sample.interval_ns = interval_delivered, interval_delivered * SECOND // bw
        sample.prior_delivered = before
        sample.sent_in_flight = 100
        for name, value in told.items():
            setattr(sample, name, value)
        self.model.take(sample, min_rtt)
        return self.model

    def round(self, bw=1000, **told):
        """An ACK, and all that follows in it."""
        model = self.ack(bw, **told)
        model.check_full_bw(self.sample.is_app_limited)
        model.advance_latest(self.sample)
        return model


def test_a_round_ends_with_the_ack_of_what_was_sent_after_it_began():
    path = Path()
    assert path.ack().round_start and path.model.round_count == 1
    assert not path.ack(prior=9).round_start and path.model.round_count == 1
    assert path.ack(prior=10).round_start and path.model.round_count == 2
    assert path.model.next_round_delivered == 30


@pytest.mark.parametrize("told", ({"interval_ns": -1}, {"delivered": 0}))
def test_an_ack_without_a_sample_ends_nothing(told):
    path = Path()
    model = path.ack(**told)
    assert not model.round_start and not model.loss_round_start and model.sample_bw == model.max_bw() == 0


def test_5_5_5_the_bandwidth_is_the_largest_of_two_cycles():
    path = Path()
    path.ack(1000)
    path.ack(800)
    assert path.model.max_bw() == 1000
    path.model.advance_max_bw()
    path.ack(500)
    assert path.model.max_bw() == 1000
    path.model.advance_max_bw()
    assert path.model.max_bw() == 500
    path.model.advance_max_bw()
    assert path.model.max_bw() == 500  # a cycle without a sample is none


def test_5_5_5_a_sample_short_of_data_counts_where_it_is_no_smaller():
    path = Path()
    path.ack(1000)
    path.ack(900, is_app_limited=True)
    path.model.advance_max_bw()
    assert path.model.bw_before == 1000
    path.ack(800, is_app_limited=True)
    assert path.model.bw_now == 0
    path.ack(1000, is_app_limited=True)
    assert path.model.bw_now == 1000


def test_5_3_1_2_the_pipe_is_full_after_three_rounds_with_less_than_a_quarter_more():
    path = Path()
    for bw in (1000, 1249, 1240):
        assert not path.round(bw).full_bw_now
    assert path.round(1250).full_bw_count == 0 and path.model.full_bw == 1250
    for _ in range(2):
        assert not path.round(1500).full_bw_reached
    path.round(1500, is_app_limited=True)
    path.round(1500, prior=0)
    assert not path.model.full_bw_reached
    assert path.round(1500).full_bw_now and path.model.full_bw_reached
    path.model.reset_full_bw(0.0)
    assert path.model.full_bw_reached and not path.model.full_bw_now


def lossy(path, **told):
    path.model.note_loss()
    path.round(**told)


def test_5_5_10_3_a_round_with_a_loss_slows_down_toward_what_it_delivered():
    path = Path()
    path.round(1000)
    path.round(1000)
    lossy(path, prior=19, bw=600, interval_delivered=60)
    model = path.model
    assert not model.loss_round_start  # it lasts a round trip from the loss on
    path.ack(950, interval_delivered=95)
    assert model.loss_round_start
    model.adapt_lower_bounds(False, 200)
    assert model.bw_shortterm == 1000 and model.inflight_shortterm == 140  # the round before brought a thousand
    model.advance_latest(path.sample)
    assert model.bw == 1000 and (model.bw_latest, model.inflight_latest) == (950, 95)
    for least, inflight in ((950, 98), (900, 90)):
        model.note_loss()
        path.ack(900, interval_delivered=90)
        model.adapt_lower_bounds(False, 200)
        assert (model.bw_shortterm, model.inflight_shortterm) == (least, inflight)
        model.advance_latest(path.sample)
    assert model.bw == 900


def test_5_5_10_3_the_best_of_the_round_counts():
    path = Path()
    path.round(1000)
    path.model.reset_latest()
    assert path.model.bw_latest == path.model.inflight_latest == 0
    path.model.note_loss()
    for bw, inflight in ((800, 80), (900, 90), (850, 85)):
        path.ack(bw, prior=9, interval_delivered=inflight)
    path.ack(500, interval_delivered=50)
    path.model.adapt_lower_bounds(False, 100)
    assert path.model.bw_shortterm == pytest.approx(900) and path.model.inflight_shortterm == 90


def test_5_5_10_3_seven_tenths_are_the_most_a_round_takes():
    path = Path()
    path.round(1000)
    path.model.reset_latest()
    path.model.note_loss()
    path.ack(100, interval_delivered=10)
    path.model.adapt_lower_bounds(False, 200)
    assert path.model.bw_shortterm == pytest.approx(700) and path.model.inflight_shortterm == 140
    path.model.adapt_lower_bounds(False, 200)
    assert path.model.inflight_shortterm == 140  # answered once


def test_5_5_10_3_while_probing_a_loss_lowers_nothing():
    path = Path()
    path.model.note_loss()
    path.model.adapt_lower_bounds(True, 200)
    assert path.model.inflight_shortterm == INFINITE and not path.model.loss_in_round


@pytest.mark.parametrize(("lost", "high"), ((2, False), (3, True)))
def test_5_5_10_2_more_than_a_fiftieth_lost_is_too_much(lost, high):
    path = Path()
    path.ack(interval_lost=lost)
    assert path.model.is_too_high(path.sample) is high


def test_5_3_1_3_startup_ends_with_six_losses_in_a_round_of_recovery_and_too_much_lost():
    path = Path()
    for _ in range(6):
        assert not path.model.startup_too_high(path.sample, True)
        path.ack(prior=0, losses=1)
    assert path.model.loss_events == 6
    path.ack(losses=0, interval_lost=2)
    assert path.model.loss_events == 6 and not path.model.startup_too_high(path.sample, True)
    path.ack(losses=0, interval_lost=3)
    assert path.model.startup_too_high(path.sample, True) and not path.model.startup_too_high(path.sample, False)
    path.model.loss_events = 5
    assert not path.model.startup_too_high(path.sample, True)
    path.model.loss_events = 6
    path.model.advance_latest(path.sample)
    assert path.model.loss_events == 0
    path.model.loss_events = 6
    path.ack(prior=0, interval_lost=3)
    assert not path.model.startup_too_high(path.sample, True)  # in the middle of a round


def test_linux_marks_count_where_the_round_trip_is_short():
    path = Path()
    path.ack(ce=1, interval_ce=51, min_rtt=NEAR + 1)
    assert not path.model.ecn_in_round and not path.model.is_too_high(path.sample)
    path.ack(ce=1, interval_ce=51, min_rtt=NEAR)
    assert path.model.ecn_in_round and path.model.is_too_high(path.sample)
    path.ack(ce=1, interval_ce=50, min_rtt=NEAR)
    assert not path.model.is_too_high(path.sample)


def test_linux_marks_take_a_third_of_their_share_off_the_volume_and_nothing_off_the_bandwidth():
    path = Path()
    path.ack(ce=5, min_rtt=NEAR)
    path.model.ecn_alpha = 0.5
    path.model.adapt_lower_bounds(False, 120)
    assert path.model.inflight_shortterm == 100 and not path.model.ecn_in_round
    path.model.note_loss()
    path.model.inflight_latest = 0
    path.ack(ce=5, min_rtt=NEAR, prior=0, interval_delivered=10)
    path.model.ecn_alpha = 0.5
    path.model.adapt_lower_bounds(False, 120)
    assert path.model.inflight_shortterm == 70  # the lower of the two answers


def test_linux_alpha_is_the_share_of_marks_smoothed_over_sixteen_rounds():
    path = Path()
    path.ack(ce=5)
    assert path.model.ecn_alpha == 1  # not before it counts
    path.ack(min_rtt=NEAR)
    assert path.model.ecn_alpha == pytest.approx(15 / 16) and path.model.ecn_rounds == 0
    path.rate.delivered_ce = 5
    path.ack(min_rtt=NEAR)
    assert path.model.ecn_alpha == pytest.approx(15 / 16 + (0.5 - 15 / 16) / 16) and path.model.ecn_rounds == 1
    path.rate.delivered_ce = 10
    path.ack(min_rtt=NEAR)
    assert path.model.startup_too_high(path.sample, False)
    path.rate.delivered_ce = 14
    path.ack(min_rtt=NEAR)
    assert path.model.ecn_rounds == 0
    before = path.model.ecn_alpha
    path.ack(min_rtt=NEAR, prior=0)
    assert path.model.ecn_alpha == before  # once a round


def test_5_5_9_what_comes_faster_than_the_bandwidth_came_in_a_lump():
    path = Path()
    path.round(1000)
    model = path.model
    model.update_aggregation(30, 100, 10 * MS)  # nothing was expected before: the interval begins with it
    assert model.extra_acked() == 30
    model.update_aggregation(30, 100, 20 * MS)
    assert model.extra_acked() == 50  # 60 where 10 were expected
    model.update_aggregation(30, 60, 30 * MS)
    assert model.extra_acked() == 60  # a window at most
    model.update_aggregation(5, 100, 200 * MS)
    assert model.extra_acked_delivered == 5 and model.extra_acked_at == 200 * MS
    model.update_aggregation(500, 1000, 201 * MS)
    assert model.extra_acked() == 100  # a tenth of a second at most


def test_5_5_9_it_is_remembered_for_ten_rounds_and_in_startup_for_one():
    for is_full, rounds in ((False, 2), (True, 11)):
        path = Path()
        path.round(1000)
        path.model.full_bw_reached = is_full
        path.model.update_aggregation(30, 100, 0)
        count = 0
        while path.model.extra_acked() == 30:
            count += 1
            path.round(1000)
            path.model.update_aggregation(1, 100, count * SECOND)
        assert count == rounds


def test_what_losses_lowered_is_given_back_and_no_more():
    path = Path()
    model = path.model
    model.bw_shortterm, model.inflight_shortterm = 700.0, 90
    model.save_bounds()
    path.rate.delivered = 50
    model.note_loss()
    path.rate.delivered = 60
    model.note_loss()
    assert model.loss_in_round and model.loss_round_delivered == 50
    model.bw_shortterm, model.inflight_shortterm, model.full_bw_count = 500.0, 60, 2
    model.undo()
    assert (model.bw_shortterm, model.inflight_shortterm) == (700, 90) and not model.loss_in_round
    assert model.full_bw_count == 0
    model.bw_shortterm, model.inflight_shortterm = 800.0, 95
    model.undo()
    assert (model.bw_shortterm, model.inflight_shortterm) == (800, 95)
