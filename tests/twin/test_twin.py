"""The interpreted and the compiled engine take the same random walk, and every slot is compared (DESIGN 5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import usernet

from .dump import differences

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
FUZZ = HERE.parents[1] / "fuzz"
INSTALLED = Path(usernet.__file__).parents[1]

SCENARIOS = {
    "packets": 150,
    "numbers": 400,
    "queues": 150,
    "deadlines": 200,
    "attacked": 250,
    "conversing": 120,
    "states": 400,
}


def walk(build: Path, scenario: str, seed: int, steps: int) -> list[str]:
    environment = os.environ | {"PYTHONPATH": f"{build}:{FUZZ}", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-W", "error", str(HERE / "walk.py"), scenario, str(seed), str(steps)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_builds_hold_the_same_after_every_step(scenario: str, seed: int, compiled: bool) -> None:
    if not compiled:
        pytest.skip("interpreted: the run with the compiled build compares both")
    one, other = (walk(build, scenario, seed, SCENARIOS[scenario]) for build in (SOURCE, INSTALLED))
    assert len(one) == len(other) == SCENARIOS[scenario]
    for step, (interpreted, built) in enumerate(zip(one, other, strict=True)):
        found = differences(json.loads(interpreted), json.loads(built))
        assert not found, f"{scenario}, seed {seed}, step {step}: {found[:5]}"
