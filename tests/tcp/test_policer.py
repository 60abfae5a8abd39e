"""Finding a token-bucket policer (Linux's lt_bw of its BBR version 1), interval by interval."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.tcp.congestion.policer import Policer
from usernet.tcp.rate import DeliveryRate

ROUNDS = 4


class Watched:
    """A connection that loses: an interval of so many round trips ends with a loss."""

    def __init__(self):
        self.rate = DeliveryRate()
        self.policer = Policer()
        self.policer.reset(self.rate)
        assert not self.policer.sample(self.rate, 1, False, False, 1000)  # the first loss begins one

    def interval(self, delivered=256, lost=50, span=SECOND, rounds=ROUNDS, losses=1):
        self.rate.delivered += delivered
        self.rate.lost += lost
        self.rate.delivered_at += span
        for _ in range(rounds - 1):
            assert not self.policer.sample(self.rate, 0, False, True, 1000)
        return self.policer.sample(self.rate, losses, False, True, 1000)


def test_two_intervals_of_much_the_same_rate_are_a_policers_and_their_mean_is_its_rate():
    watched = Watched()
    assert not watched.interval(delivered=800, lost=200)
    assert watched.policer.bw == 800 and not watched.policer.in_use
    assert watched.interval(delivered=900, lost=200)
    assert watched.policer.in_use and watched.policer.bw == 850 and watched.policer.rounds == 0


@pytest.mark.parametrize("second", (700, 900))
def test_an_eighth_apart_is_the_same(second):
    watched = Watched()
    watched.interval(delivered=800, lost=200)
    assert watched.interval(delivered=second, lost=200)


@pytest.mark.parametrize("second", (699, 901))
def test_further_apart_the_later_one_is_compared_with_the_next(second):
    watched = Watched()
    watched.interval(delivered=800, lost=200)
    assert not watched.interval(delivered=second, lost=200)
    assert not watched.policer.in_use and watched.policer.bw == second


def test_fifty_of_256_lost_are_enough_and_one_less_is_not():
    watched = Watched()
    watched.interval(delivered=256, lost=49)
    assert watched.policer.bw == 0
    watched = Watched()
    watched.interval(delivered=256, lost=50)
    assert watched.policer.bw == 256
    # What was lost before the interval does not count for it.
    watched.interval(delivered=256, lost=49)
    assert watched.policer.bw == 256 and not watched.policer.in_use


def test_a_millisecond_is_enough_and_less_or_nothing_delivered_is_not():
    watched = Watched()
    watched.interval(span=MS - 1)
    watched.interval(delivered=0, lost=0, span=0)
    assert watched.policer.bw == 0
    watched = Watched()
    watched.interval(span=MS)
    assert watched.policer.bw == 256_000
    watched = Watched()
    watched.interval(delivered=0)
    assert watched.policer.bw == 0


def test_an_interval_has_four_round_trips_at_least_and_ends_with_a_loss():
    watched = Watched()
    watched.interval(rounds=3)
    assert watched.policer.bw == 0
    watched.interval(delivered=0, lost=0, span=0, rounds=1, losses=0)
    assert watched.policer.bw == 0
    watched.interval(delivered=0, lost=0, span=0, rounds=1)
    assert watched.policer.bw == 256 and watched.policer.is_sampling


def test_after_sixteen_round_trips_without_an_end_nothing_is_known():
    watched = Watched()
    watched.interval(rounds=16)
    assert watched.policer.bw == 256
    watched = Watched()
    watched.interval(rounds=17)
    assert watched.policer.bw == 0 and not watched.policer.is_sampling


def test_a_sample_short_of_data_forgets_all():
    watched = Watched()
    watched.interval()
    assert not watched.policer.sample(watched.rate, 1, True, True, 1000)
    assert watched.policer.bw == 0 and not watched.policer.is_sampling


def test_its_rate_is_used_for_48_round_trips():
    watched = Watched()
    watched.interval()
    watched.interval()
    assert [watched.policer.is_over() for _ in range(48)] == [False] * 47 + [True]
