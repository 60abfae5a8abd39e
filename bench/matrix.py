"""Our TCP beside Linux's over round-trip time and loss, through our own impairment between two TAPs (root).

usage: matrix.py [--quick] [--cells WORD,...] [--cc cubic,bbr] [--contenders NAME,...] [--runs 5] [--more 10]
                 [--seconds S] [--jobs 2] [--with FILE] [--json FILE] [--markdown FILE] [--plot FILE] [--keep DIR]
                 [--no-capture] [--check]

Each cell of round-trip time x loss is run for every contender in turn, RUNS times over, with the same dice for all in
a turn. Contenders: k2k, the kernel at both ends, which is the measure; u2k, our sender; k2u, our receiver. Goodput is
what the receiver read, as a ratio to k2k's; retransmissions are counted by the box, by sequence number, as octets sent
again per octet sent for the first time. Medians. Where a contender falls short, it and its measure take MORE turns with
further seeds, and the medians are of all. A run in which the box was starved (a frame left over a quarter of a round
trip late, at least 2 ms and at most 20) is repeated, and not counted when it stays so. The first turn of each cell is
captured, and every one of a cell that reorders, since only there is acknowledged data sent again; after the runs tshark
reads all captures: what its experts say of the sender's end is set beside what they say of Linux's. --check: exit 1
when a cell or a contender's captures fall short of Linux's, or when one that was asked for cannot be judged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cells import RATE_MBIT, Cell, cells
from experts import read_all
from ground import sweep
from places import BUILD, must_be_root
from rich.console import Console
from rich.table import Table
from runs import ROLES, Job, Runs
from verdicts import (
    BESIDE,
    Contender,
    captures_read,
    expert_lines,
    expert_short,
    falling_short,
    figures,
    runs_in_words,
    short,
    table_rows,
    thin,
)

from usernet.core import checksum
from usernet.tcp.congestion import BUILT_IN

# Of what is not a terminal: a file, whose tables are to be whole.
WIDTH = 200
QUICK = ("1ms/0%", "20ms/1%", "100ms/0.1%", "20ms/reorder")


def print_tables(ccs: list[str], rows: list[dict[str, Any]], console: Console) -> None:
    found = figures(rows)
    for cc in ccs:
        heads, lines = table_rows(cc, found)
        if not lines:
            continue
        table = Table(title=f"{cc}: ratios to Linux's {cc}")
        for head in heads:
            table.add_column(head, justify="right")
        for line in lines:
            table.add_row(*(text if good else f"[bold red]{text}" for text, good in line))
        console.print(table)


def print_experts(rows: list[dict[str, Any]], console: Console) -> None:
    lines = expert_lines(rows)
    if not lines:
        return
    names_ = list(lines[0][1])
    table = Table(title="tshark's experts at the sender's end, per 10,000 frames")
    table.add_column("")
    for name in names_:
        table.add_column(name, justify="right")
    for message, of in lines:
        table.add_row(message, *(f"{of[name]:.1f}" for name in names_))
    console.print(table)
    console.print(f"captures: {captures_read(rows)}")


def contenders_of(ccs: list[str], roles: list[str]) -> list[Contender]:
    """Those there can be: a control the kernel has not is only sent by us."""
    wanted = []
    for cc in ccs:
        for role in roles:
            if (cc in BESIDE and role != "u2k") or (role == "u2k" and cc not in {cls.name for cls in BUILT_IN}):
                continue
            wanted.append(Contender(role, cc))
    return wanted


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Our TCP beside Linux's over round-trip time and loss. Needs root, ip(8), and tshark for captures."
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="four cells, CUBIC, three runs at most of 4 seconds")
    add("--cells", default="", help="round trips, losses or both, such as 20ms,100ms/1%%,reorder (default: all)")
    add("--cc", default="cubic,bbr,bbr3", help="congestion controls, ours and the kernel's (default: %(default)s)")
    add(
        "--contenders",
        default=",".join(ROLES),
        help="who sends to whom, u for usernet, k for the kernel (default: %(default)s)",
    )
    add("--runs", type=int, default=5, help="runs of each cell, whose median counts (default: %(default)s)")
    add("--more", type=int, default=10, help="turns more where a contender falls short (default: %(default)s)")
    add(
        "--first-seed",
        type=int,
        default=1,
        help="the first run's seed; each further one's is one more (default: %(default)s)",
    )
    add("--seconds", type=float, help="of sending in each run (default: 4 to 20, by the round trip)")
    add("--jobs", type=int, default=2, help="networks at a time; reordering has one alone (default: %(default)s)")
    add("--with", dest="earlier", default="", metavar="FILE", help="JSON of an earlier run, for what is not run now")
    add(
        "--json",
        default=str(BUILD / "matrix.json"),
        metavar="FILE",
        help="where every run is written (default: build/matrix.json)",
    )
    add("--markdown", default="", metavar="FILE", help="a page whose tables are written anew, such as docs/matrix.md")
    add("--plot", default="", metavar="FILE", help="a picture to write, .png or .svg; needs matplotlib")
    add("--keep", default="", metavar="FOLDER", help="keep the captures there")
    add("--no-capture", action="store_true", help="neither capture nor ask tshark")
    add("--check", action="store_true", help="exit status 1 when a cell falls short or was not measured")
    given = parser.parse_args()
    if given.quick:
        given.cells, given.cc, given.runs = given.cells or ",".join(QUICK), "cubic", min(given.runs, 3)
        given.more = 0
        given.seconds = given.seconds or 4.0
    return given


def plan(given: argparse.Namespace, folder: str) -> list[Job]:
    """The runs that are asked for, turn by turn, and which of them leave a capture in the folder."""
    wanted = contenders_of(given.cc.split(","), given.contenders.split(","))

    def pcap(cell: Cell, contender: Contender, run: int) -> str:
        name = f"{cell.name}-{contender.name}-{run + 1}".replace("/", "-").replace("%", "")
        # Whether acknowledged data is sent again under reordering is luck: one turn would not tell.
        captured = not given.no_capture and (run == 0 or cell.alone)
        return f"{folder}/{name}.pcap" if captured else ""

    return [
        Job(cell, contender, given.first_seed + run, pcap(cell, contender, run))
        for cell in cells([word for word in given.cells.split(",") if word])
        for run in range(given.runs)
        for contender in wanted
    ]


def further(rows: list[dict[str, Any]], seeds: range) -> list[Job]:
    """More turns for those that fall short, and for their measures."""
    at = {cell.name: cell for cell in cells([])}
    again: dict[tuple[str, Contender], None] = {}
    for cell, name in falling_short(rows):
        cc, _, role = name.partition("/")
        again |= {(cell, Contender("k2k", cc)): None, (cell, Contender(role, cc)): None}
    return [Job(at[cell], contender, seed, "") for seed in seeds for cell, contender in again]


def earlier_rows(file: str, jobs: list[Job]) -> list[dict[str, Any]]:
    """Of an earlier run, what is not run now; other dice make other goodput."""
    now = {(job.cell.name, job.contender.name) for job in jobs}
    seeds = {job.seed for job in jobs}
    rows: list[dict[str, Any]] = json.loads(Path(file).read_text())
    return [
        row
        for row in rows
        if row["seed"] in seeds and (row["cell"], row["contender"]) not in now and not row.get("pcap")
    ]


def measure(given: argparse.Namespace, jobs: list[Job], matrix: Runs, console: Console) -> list[str]:
    """All runs, and the captures read; what tshark could not read, in words."""
    minutes = matrix.minutes(jobs, given.jobs)
    console.print(f"{len(jobs)} runs, {given.jobs} at a time: some {minutes:.0f} min, then the captures")
    try:
        matrix.run(jobs, given.jobs)
        seed = given.first_seed + given.runs
        more = further(matrix.rows, range(seed, seed + given.more))
        if more:
            minutes = matrix.minutes(more, given.jobs)
            console.print(f"{len(more)} runs more where somebody falls short: some {minutes:.0f} min")
            matrix.run(more, given.jobs)
        with console.status("") as status:
            return read_all(
                matrix.rows, bool(given.keep), lambda n, of: status.update(f"tshark has read {n} of {of} captures")
            )
    finally:
        Path(given.json).parent.mkdir(exist_ok=True)
        Path(given.json).write_text(json.dumps(matrix.rows, indent=1) + "\n")


def report(given: argparse.Namespace, jobs: list[Job], matrix: Runs, unread: list[str], console: Console) -> bool:
    """The tables, and whether no cell falls short."""
    measures = [cc for cc in given.cc.split(",") if cc not in BESIDE]
    print_tables(measures, matrix.rows, console)
    print_experts(matrix.rows, console)
    for failure in matrix.failures:
        console.print(f"failed at first: {failure}", style="yellow")
    asked = list(dict.fromkeys((job.cell.name, job.contender) for job in jobs))
    notes = thin(matrix.rows, asked, given.runs)
    for line in notes:
        console.print(line, style="yellow")
    missing = short(matrix.rows, asked)
    if not given.no_capture:
        missing += [f"tshark: {line}" for line in unread + expert_short(matrix.rows, asked)]
    console.print("\n".join(["falls short:", *missing]) if missing else "no cell falls short", markup=False)
    if given.plot:
        from matrixplot import plot

        plot(matrix.rows, given.plot)
    if given.markdown:
        from matrixdoc import write

        write(matrix.rows, measures, missing, notes, given.markdown)
    return not missing


def main() -> int:
    given = arguments()
    must_be_root()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sweep()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    matrix = Runs(given.seconds, console)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or scratch
        os.makedirs(folder, exist_ok=True)
        jobs = plan(given, folder)
        if given.earlier:
            matrix.add(earlier_rows(given.earlier, jobs))
        unread = measure(given, jobs, matrix, console)
    minutes = (time.monotonic() - started) / 60
    build = "interpreted" if str(checksum.__file__).endswith(".py") else "compiled"
    console.print(
        f"usernet ({build}) beside Linux {platform.release()}; bottleneck {RATE_MBIT} Mbit/s; medians of"
        f" {runs_in_words(matrix.rows)}; {minutes:.0f} min, {matrix.repeated} runs repeated,"
        f" {len(matrix.failures)} failed at first"
    )
    good = report(given, jobs, matrix, unread, console)
    return 1 if given.check and not good else 0


if __name__ == "__main__":
    raise SystemExit(main())
