"""The matrix's judgement cannot pass for want of something to judge (bench/verdicts.py)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
CELL = "20ms/1%"


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    import verdicts as found

    return found


def run(contender: str, mbit: float = 10.0, seed: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "cell": CELL,
        "contender": contender,
        "mbit": mbit,
        "again": 0.01,
        "segments_again": 50,
        "seed": seed,
    } | more


def asked(verdicts: ModuleType, *names: str) -> list[tuple[str, Any]]:
    return [(CELL, verdicts.Contender(name.split("/")[1], name.split("/")[0])) for name in names]


def captured(contender: str, frames: int, **messages: int) -> dict[str, Any]:
    return run(contender, experts={"frames": frames, "messages": messages})


def test_equal_goodput_does_not_fall_short(verdicts: ModuleType) -> None:
    rows = [run("cubic/k2k"), run("cubic/u2k")]
    assert verdicts.short(rows, asked(verdicts, "cubic/k2k", "cubic/u2k")) == []


def test_a_contender_without_its_measure_falls_short(verdicts: ModuleType) -> None:
    missing = verdicts.short([run("cubic/u2k")], asked(verdicts, "cubic/u2k"))
    assert missing == [f"cubic/k2k, the measure, is not there: {CELL}"]


def test_a_control_shown_beside_anothers_needs_its_measure_too(verdicts: ModuleType) -> None:
    assert verdicts.short([run("bbr3/u2k")], asked(verdicts, "bbr3/u2k")) != []


def test_a_contender_that_never_ran_falls_short(verdicts: ModuleType) -> None:
    missing = verdicts.short([run("cubic/k2k")], asked(verdicts, "cubic/k2k", "cubic/k2u"))
    assert missing == [f"no run of cubic/k2u: {CELL}"]


def test_a_measure_of_nothing_is_told_and_not_divided_by(verdicts: ModuleType) -> None:
    rows = [run("cubic/k2k", mbit=0.0), run("cubic/u2k")]
    assert verdicts.short(rows, asked(verdicts, "cubic/k2k", "cubic/u2k")) == [
        f"{CELL} cubic/u2k: goodput ?, again 1.00"
    ]
    verdicts.table_rows("cubic", verdicts.figures(rows))


def test_a_starved_run_is_not_counted(verdicts: ModuleType) -> None:
    rows = [run("cubic/k2k"), run("cubic/u2k"), run("cubic/u2k", mbit=1.0, seed=2, starved=True)]
    assert verdicts.figures(rows)[CELL, "cubic/u2k"].mbit == 10.0
    names = asked(verdicts, "cubic/k2k", "cubic/u2k")
    assert verdicts.short(rows, names) == []
    assert verdicts.thin(rows, names, runs=2) == [
        f"{CELL} cubic/k2k: 1 of 2 runs count, 0 were starved",
        f"{CELL} cubic/u2k: 1 of 2 runs count, 1 were starved",
    ]


def test_a_contender_of_starved_runs_alone_falls_short(verdicts: ModuleType) -> None:
    rows = [run("cubic/k2k"), run("cubic/u2k", starved=True)]
    assert verdicts.short(rows, asked(verdicts, "cubic/k2k", "cubic/u2k")) == [f"no run of cubic/u2k: {CELL}"]


def test_acknowledged_data_sent_again_is_set_beside_linuxs(verdicts: ModuleType) -> None:
    names = asked(verdicts, "cubic/k2k", "cubic/u2k")
    linux = captured("cubic/k2k", 10_000, **{verdicts.SPURIOUS: 10})
    assert verdicts.expert_short([linux, captured("cubic/u2k", 20_000, **{verdicts.SPURIOUS: 24})], names) == []
    missing = verdicts.expert_short([linux, captured("cubic/u2k", 20_000, **{verdicts.SPURIOUS: 25})], names)
    assert missing == ["cubic/u2k: acknowledged data sent again 12.5 times in 10,000 frames, Linux 10.0"]


def test_too_few_segments_say_nothing(verdicts: ModuleType) -> None:
    names = asked(verdicts, "cubic/k2k", "cubic/u2k")
    rows = [captured("cubic/k2k", 10_000), captured("cubic/u2k", 10_000, **{verdicts.SPURIOUS: 9})]
    assert verdicts.expert_short(rows, names) == []


def test_one_malformed_frame_of_ours_falls_short(verdicts: ModuleType) -> None:
    names = asked(verdicts, "cubic/k2k", "cubic/k2u")
    rows = [captured("cubic/k2k", 10_000), captured("cubic/k2u", 10_000, malformed=1)]
    assert verdicts.expert_short(rows, names) == ["cubic/k2u: 1 frames are malformed"]


def test_captures_that_are_not_there_fall_short(verdicts: ModuleType) -> None:
    names = asked(verdicts, "cubic/k2k", "cubic/u2k")
    rows = [captured("cubic/k2k", 10_000), run("cubic/u2k")]
    assert verdicts.expert_short(rows, names) == ["cubic/u2k: no capture of cubic/u2k"]


def test_who_falls_short_takes_more_turns_and_so_does_its_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from matrix import further

    rows = [run("cubic/k2k"), run("cubic/u2k", 8.9), run("cubic/k2u", 9.1)]
    jobs = further(rows, range(6, 8))
    assert [(job.cell.name, job.contender.name, job.seed) for job in jobs] == [
        (CELL, "cubic/k2k", 6),
        (CELL, "cubic/u2k", 6),
        (CELL, "cubic/k2k", 7),
        (CELL, "cubic/u2k", 7),
    ]


def test_the_runs_behind_a_median_are_told(verdicts: ModuleType) -> None:
    rows = [run("cubic/k2k", seed=seed) for seed in (1, 2, 3)] + [run("bbr/k2k", seed=1)]
    assert verdicts.runs_in_words(rows) == f"1 runs (3 of {CELL} cubic)"


def test_a_cell_that_reorders_is_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from cells import Cell
    from rich.console import Console
    from runs import OVERHEAD, Job, Runs
    from verdicts import Contender

    jobs = [Job(Cell(20, condition), Contender("k2k", "cubic"), 1, "") for condition in ("1", "reorder")]
    assert Runs(60.0 - OVERHEAD, Console()).minutes(jobs, 4) == pytest.approx(1.25)


def test_cells_that_want_to_be_alone_come_behind_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    import runs
    from cells import Cell
    from rich.console import Console
    from verdicts import Contender

    class Told:
        """A ground where every run ends at once."""

        def run(self, sender: str, receiver: str, cc: str, cell: Cell, seed: int, **more: object) -> dict[str, Any]:
            done.append(cell.name)
            box = {"again": 0, "octets": 1, "segments_again": 0, "worst_late_ms": 0.0}
            return {"box": box, "receiver": {"octets": 1, "seconds": 1.0}, "sender": {}}

        def close(self) -> None: ...

        abort = close

    done: list[str] = []
    monkeypatch.setattr(runs, "Ground", Told)
    jobs = [
        runs.Job(Cell(20, condition), Contender("k2k", "cubic"), seed, "")
        for seed in (1, 2)
        for condition in ("reorder", "1")
    ]
    matrix = runs.Runs(1.0, Console(quiet=True))
    matrix.run(jobs, 2)
    matrix.run(jobs[:1], 2)
    assert done == ["20ms/1%", "20ms/1%", "20ms/reorder", "20ms/reorder", "20ms/reorder"]
    assert len(matrix.rows) == matrix.total == 5


def test_a_retransmission_crosses_the_ack_that_is_about_as_old(verdicts):
    import experts

    seen = experts.Acknowledged()
    assert not seen.crossed("0.0", "1", "5001", "1", "100", "1")
    assert not seen.crossed("1.0", "5001", "1", "1", "0", "101")
    assert seen.crossed("1.0001", "1", "5001", "1", "100", "1")
    assert not seen.crossed("1.0003", "1", "5001", "1", "100", "1")
    assert not seen.crossed("1.0001", "1", "5001", "101", "100", "1")
    assert not seen.crossed("1.0", "", "", "", "", "")
