"""Every script of this folder, run against the stack in virtual time: what Linux does, in our own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from usernet.testing.drill import run_script

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.rglob("*.pkt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(HERE)))
def test_script(script: Path) -> None:
    result = run_script(script)
    assert result.ok, "\n".join([str(result), *result.trace])
