"""The texts of nstat, ping and why."""

from __future__ import annotations

import errno

from usernet.cli.format import nstat, ping, why


def test_nstat_prints_name_value_and_rate_in_its_columns() -> None:
    assert nstat.render({"IpInReceives": 3, "TcpExtTCPFastOpenPassiveAltKey": 0}) == (
        "#kernel\n"
        "IpInReceives                    3                  0.0\n"
        "TcpExtTCPFastOpenPassiveAltKey  0                  0.0\n"
    )


def test_nstat_shows_increments_over_its_history() -> None:
    now = {"TcpInSegs": 10, "TcpOutSegs": 7, "TcpCurrEstab": 1}
    assert nstat.select(now, (), {"TcpInSegs": 4, "TcpOutSegs": 7}, zeros=False) == {"TcpInSegs": 6, "TcpCurrEstab": 1}


def test_nstat_shows_a_gauge_that_fell_as_it_is() -> None:
    assert nstat.select({"TcpCurrEstab": 1}, (), {"TcpCurrEstab": 5}, zeros=False) == {"TcpCurrEstab": 1}


def test_nstat_patterns_are_shell_patterns_in_any_case() -> None:
    now = {"TcpInSegs": 1, "IpInReceives": 1, "Drop.ip_bad_checksum": 2}
    assert nstat.select(now, ("tcp*", "Drop.*"), {}, zeros=False) == {"TcpInSegs": 1, "Drop.ip_bad_checksum": 2}


def test_nstat_z_shows_zeros() -> None:
    assert nstat.select({"TcpInSegs": 0}, (), {}, zeros=True) == {"TcpInSegs": 0}
    assert nstat.select({"TcpInSegs": 0}, (), {}, zeros=False) == {}


def test_ping_writes_iputils_lines() -> None:
    assert ping.heading("gw", "10.0.2.2", 56) == "PING gw (10.0.2.2) 56(84) bytes of data."
    assert ping.reply("10.0.2.2", 64, 1, 64, 45_300) == "64 bytes from 10.0.2.2: icmp_seq=1 ttl=64 time=0.045 ms"
    assert ping.reply("10.0.2.2", 64, 2, 64, 12_345_678, duplicate=True).endswith("time=12.3 ms (DUP!)")
    assert ping.trouble("10.0.2.15", 3, errno.EHOSTUNREACH) == (
        "From 10.0.2.15 icmp_seq=3 Destination Host Unreachable"
    )
    assert ping.trouble("10.0.2.2", 4, errno.ENOBUFS) == "From 10.0.2.2 icmp_seq=4 No buffer space available"


def test_ping_rounds_times_by_their_size() -> None:
    assert [ping.span(us * 1000) for us in (45, 1_234, 20_560, 123_456)] == ["0.045", "1.23", "20.6", "123"]


def test_ping_sums_up_as_iputils_does() -> None:
    stats = ping.Statistics("10.0.2.2", 3, 2, elapsed_ns=2_003_400_000, rtts_ns=[1_000_000, 3_000_000])
    assert ping.summary(stats) == (
        "--- 10.0.2.2 ping statistics ---\n"
        "3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms\n"
        "rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms\n"
    )


def test_ping_without_replies_has_no_rtt_line() -> None:
    stats = ping.Statistics("10.0.2.99", 2, 0, errors=2, elapsed_ns=1_000_000_000)
    assert ping.summary(stats) == (
        "--- 10.0.2.99 ping statistics ---\n"
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms\n"
    )


def test_why_puts_the_most_frequent_reason_first() -> None:
    found = why.explain({"ip_bad_checksum": 2, "neigh_table_full": 9, "zero": 0})
    assert [(drop["reason"], drop["count"]) for drop in found] == [("neigh_table_full", 9), ("ip_bad_checksum", 2)]
    assert why.render([]) == "Nothing was dropped.\n"
