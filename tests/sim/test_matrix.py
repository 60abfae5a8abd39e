"""Goodput over round-trip time and loss in virtual time: bounds for each cell (bench/simmatrix.py has them all)."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"

# Control, round trip, condition, seconds of virtual time, least Mbit/s, most per cent of octets sent again. The
# kernel's own figures are in docs/matrix.md.
BOUNDS = (
    ("cubic", 1, "0", 2.0, 40.0, 0.3),
    ("cubic", 1, "3", 1.0, 15.0, 5.0),
    ("cubic", 20, "0", 3.0, 38.0, 0.2),
    ("cubic", 20, "1", 6.0, 4.5, 2.0),
    ("cubic", 20, "10", 6.0, 0.8, 15.0),
    ("cubic", 20, "reorder", 2.0, 20.0, 6.0),
    ("cubic", 100, "0", 5.0, 35.0, 0.4),
    ("cubic", 100, "3", 10.0, 0.5, 5.0),
    ("cubic", 300, "1", 20.0, 0.4, 2.5),
)


@pytest.mark.parametrize(("cc", "rtt", "condition", "seconds", "least", "most_again"), BOUNDS)
def test_goodput_and_retransmissions_of_a_cell(
    cc: str,
    rtt: int,
    condition: str,
    seconds: float,
    least: float,
    most_again: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from cells import Cell
    from simmatrix import run

    figures = run(cc, Cell(rtt, condition), seed=1, seconds=seconds)
    assert figures.mbit >= least, figures
    assert figures.again_percent <= most_again, figures


def test_the_same_seed_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from cells import Cell
    from simmatrix import run

    cell = Cell(20, "3")
    assert run("cubic", cell, seed=5, seconds=2) == run("cubic", cell, seed=5, seconds=2)
