"""Unmodified programs on the lo of a live host, patched: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
START = "import runpy, sys, usernet; usernet.patch(); runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_runs_unmodified_on_our_stack(program: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", START, str(program)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "ok", "")
