"""The example of a congestion control written by a third party runs, and shows the sawtooth."""

import runpy
from itertools import pairwise
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "congestion_control.py"


def test_the_example_draws_a_sawtooth():
    watch = runpy.run_path(str(EXAMPLE))["watch"]
    table = watch("aimd", "delay 20ms rate 10mbit limit 30", 5.0)
    windows = [cwnd for _, cwnd, _ in table]
    falls = [(a, b) for a, b in pairwise(windows) if b < a]
    assert 1 <= len(falls) <= 6 and all(0.4 * a <= b for a, b in falls)
    assert max(windows) < 60 and sum(rate for _, _, rate in table) / len(table) > 7


def test_the_example_takes_any_name_there_is():
    watch = runpy.run_path(str(EXAMPLE))["watch"]
    assert watch("bbr", "delay 20ms rate 10mbit", 1.0)[-1][2] > 5
