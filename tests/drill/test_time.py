"""How the judge counts time: from the event before, with 4 ms or an eighth of the gap to spare."""

from __future__ import annotations

import pytest

from usernet.testing.drill import run_script

from .judge import OPENED, fails, passes

LOST = "+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n"


def probe_interval() -> float:
    """When the stack repeats a lost segment, seconds after it was sent."""
    result = run_script(OPENED + LOST + "* > P. 1:1001(1000) ack 1")
    assert result.ok, str(result)
    times = [float(line.split()[0]) for line in result.trace if "> P. 1:1001" in line]
    return times[1] - times[0]


def test_relative_time_counts_from_the_event_before() -> None:
    passes(LOST + f"+{probe_interval():.6f} > P. 1:1001(1000) ack 1")


def test_an_eighth_of_the_gap_is_allowed_and_no_more() -> None:
    gap = probe_interval()
    passes(LOST + f"+{gap / 1.12:.6f} > P. 1:1001(1000) ack 1")
    passes(LOST + f"+{gap / 0.89:.6f} > P. 1:1001(1000) ack 1")
    fails(LOST + f"+{gap / 1.14:.6f} > P. 1:1001(1000) ack 1", "us too late")
    fails(LOST + f"+{gap / 0.86:.6f} > P. 1:1001(1000) ack 1", "us too early")


def test_four_milliseconds_are_always_allowed() -> None:
    passes("+0 write(4, ..., 10) = 10\n+.004 > P. 1:11(10) ack 1")
    fails("+0 write(4, ..., 10) = 10\n+.0041 > P. 1:11(10) ack 1", "100 us too early")


def test_the_tolerance_is_an_option() -> None:
    passes("+0 write(4, ..., 10) = 10\n+.009 > P. 1:11(10) ack 1", tolerance_usecs=10000)
    result = run_script("--tolerance_usecs=10000\n" + OPENED + "+0 write(4, ..., 10) = 10\n+.009 > P. 1:11(10) ack 1")
    assert result.ok


def test_a_range_allows_what_lies_in_it_and_the_tolerance() -> None:
    gap = probe_interval()
    passes(LOST + f"+{gap - 0.05:.6f}~+{gap + 0.05:.6f} > P. 1:1001(1000) ack 1")
    fails(LOST + f"+0~+{gap / 2:.6f} > P. 1:1001(1000) ack 1", "too late")


def test_absolute_time_counts_from_the_start() -> None:
    passes("0.5 write(4, ..., 10) = 10\n0.5 > P. 1:11(10) ack 1\n0.6 < . 1:1(0) ack 11 win 257")
    passes("0.5 write(4, ..., 10) = 10\n0.5~0.6 > P. 1:11(10) ack 1")
    fails("0.5 write(4, ..., 10) = 10\n0.4 > P. 1:11(10) ack 1", "time goes back", outcome="error")
    fails("0.5 write(4, ..., 10) = 10\n0.6~0.7 > P. 1:11(10) ack 1", "too early")


def test_an_event_whose_time_is_over_fails() -> None:
    fails("+.5 write(4, ..., 10) = 10\n* > P. 1:11(10) ack 1\n+0 write(4, ..., 10) = 10\n0.2 < . 1:1(0) ack 11 win 257",
          "it is to happen at 0.200000 s, and it is 0.600000 s already")  # fmt: skip


def test_a_star_waits_for_whenever_it_comes() -> None:
    passes(LOST + "* > P. 1:1001(1000) ack 1\n* > P. 1:1001(1000) ack 1")


def test_a_blocking_call_returns_when_it_is_said_to() -> None:
    passes("+0...0.2 read(4, ..., 100) = 10\n+.2 < P. 1:11(10) ack 1 win 257")
    fails("+0...0.1 read(4, ..., 100) = 10\n+.2 < P. 1:11(10) ack 1 win 257",
          "read() returned at 0.300000 s, 0.200000 s expected")  # fmt: skip
    fails("+0...0.2 read(4, ..., 100) = 10\n+.1 < P. 1:11(10) ack 1 win 257", "read() returned at 0.200000 s")


def test_a_call_waits_for_the_one_that_blocks() -> None:
    passes("+0...0.2 read(4, ..., 100) = 10\n+.2 < P. 1:11(10) ack 1 win 257\n+0 write(4, ..., 5) = 5")
    fails("+0...0.2 read(4, ..., 100) = 10\n+0 write(4, ..., 5) = 5", "still blocks when the script goes on")
    fails("+0...0.2 read(4, ..., 100) = 10", "still blocks when the script goes on")


def test_a_call_that_is_said_not_to_block_and_does_fails() -> None:
    fails("+0 read(4, ..., 100) = 10", "the call blocks, although the script says that it returns at once")


def test_a_timeout_passes_in_virtual_time() -> None:
    passes("+0...0.5 poll([{fd=4, events=POLLIN, revents=0}], 1, 500) = 0")
    fails("+0...0.3 poll([{fd=4, events=POLLIN, revents=0}], 1, 500) = 0", "poll() returned at 0.600000 s")


def test_a_run_is_the_same_every_time() -> None:
    script = (
        OPENED + LOST + "+0...0.4 read(4, ..., 100) = 10\n* > P. 1:1001(1000) ack 1\n+.1 < P. 1:11(10) ack 1 win 257"
    )
    first, second = run_script(script), run_script(script)
    assert first.trace == second.trace
    assert first.seconds == second.seconds


@pytest.mark.parametrize("seconds", ["1", "0.001"])
def test_virtual_time_is_what_the_script_takes(seconds: str) -> None:
    assert run_script(OPENED + f"+{seconds} close(4) = 0").seconds == pytest.approx(0.1 + float(seconds))
