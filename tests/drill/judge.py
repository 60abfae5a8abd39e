"""Scripts for the tests of the judge itself: an opened connection, and lines to try on it."""

from __future__ import annotations

from usernet.testing.drill import Result, run_script

OPENED = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
   +0 > S. 0:0(0) ack 1 <...>
  +.1 < . 1:1(0) ack 1 win 257
   +0 accept(3, ..., ...) = 4
"""


def window() -> int:
    """The window the stack says on the opened connection, scaled; how large it is, is not the judge's to say."""
    line = next(line for line in judged("+0 write(4, ..., 10) = 10\n").trace if "> P. 1:11" in line)
    return int(line.split(" win ")[1].split()[0])


def judged(lines: str, **options: object) -> Result:
    """What comes of these lines on an opened connection with descriptor 4."""
    return run_script(OPENED + lines, **options)  # type: ignore[arg-type]


def passes(lines: str, **options: object) -> None:
    """The lines must pass."""
    result = judged(lines, **options)
    assert result.ok, "\n".join([str(result), *result.trace])


def fails(lines: str, *words: str, outcome: str = "FAIL", **options: object) -> None:
    """The lines must fail, and the report have these words."""
    result = judged(lines, **options)
    assert result.outcome == outcome, str(result)
    for word in words:
        assert word in str(result), str(result)
