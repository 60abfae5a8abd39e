"""The memory pool: a fixed limit, a mark below it, and counts of what it refused."""

from __future__ import annotations

from usernet.core.counters import Counters
from usernet.core.pool import MemoryPool


def made(limit: int) -> MemoryPool:
    return MemoryPool(limit, Counters().tcp_ext)


def test_charges_up_to_the_limit_and_not_past_it() -> None:
    pool = made(1000)
    assert pool.charge(1000)
    assert not pool.charge(1)
    assert (pool.used, pool.peak, pool.failures) == (1000, 1000, 1)
    pool.uncharge(1)
    assert pool.charge(1)


def test_a_refused_charge_takes_nothing() -> None:
    pool = made(10)
    assert not pool.charge(11)
    assert (pool.used, pool.peak, pool.failures) == (0, 0, 1)


def test_force_goes_past_the_limit_and_is_seen_in_the_peak() -> None:
    pool = made(10)
    pool.force(15)
    assert (pool.used, pool.peak, pool.failures) == (15, 15, 0)
    assert not pool.charge(1)
    pool.uncharge(15)
    assert pool.used == 0 and pool.peak == 15


def test_pressure_begins_past_three_quarters() -> None:
    pool = made(1000)
    pool.charge(750)
    assert not pool.under_pressure()
    pool.charge(1)
    assert pool.under_pressure()


def test_pressure_ends_at_a_lower_mark_and_each_time_it_begins_is_counted() -> None:
    pool = made(1000)
    pool.charge(800)
    pool.uncharge(100)
    pool.charge(90)
    assert pool.under_pressure() and pool.ext.TCPMemoryPressures == 1
    pool.uncharge(790 - 563 - 1)
    assert pool.under_pressure()
    pool.uncharge(1)
    assert not pool.under_pressure()
    pool.force(500)
    assert pool.under_pressure() and pool.ext.TCPMemoryPressures == 2


def test_what_a_reader_waits_for_may_overdraw_by_an_eighth() -> None:
    pool = made(1000)
    pool.charge(1000)
    assert pool.overdraw(125) and not pool.overdraw(1)
    assert (pool.used, pool.peak, pool.failures) == (1125, 1125, 1)
