"""Our TCP beside Linux's over round-trip time and loss, through our own impairment between two TAPs (root).

usage: matrix.py [--quick] [--cells WORD,...] [--cc cubic,bbr] [--contenders NAME,...] [--runs 5] [--seconds S]
                 [--jobs 2] [--with FILE] [--json FILE] [--markdown FILE] [--plot FILE] [--keep DIR] [--no-capture]
                 [--check]

Each cell of round-trip time x loss is run for every contender in turn, RUNS times over, with the same dice for all in
a turn. Contenders: k2k, the kernel at both ends, which is the measure; u2k, our sender; k2u, our receiver. Goodput is
what the receiver read, as a ratio to k2k's; retransmissions are counted by the box, by sequence number, as octets sent
again per octet sent for the first time. Medians. A run in which the box was starved (a frame left over a quarter of a
round trip late, at least 2 ms and at most 20) is repeated. The first turn of each cell is captured, and what tshark's
experts say of the sender's end is set beside what they say of Linux's. --check: exit 1 when a cell falls short.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cells import RATE_MBIT, Cell, cells
from experts import experts
from ground import Ground, RunFailed, sweep
from places import BUILD, must_be_root
from rich.console import Console
from rich.table import Table
from verdicts import BESIDE, Contender, expert_lines, figures, short, table_rows

from usernet.core import checksum
from usernet.tcp.congestion import BUILT_IN

ROLES = {"k2k": ("kernel", "kernel"), "u2k": ("usernet", "kernel"), "k2u": ("kernel", "usernet")}
QUICK = ("1ms/0%", "20ms/1%", "100ms/0.1%", "20ms/reorder")
ATTEMPTS = 4


@dataclass(frozen=True)
class Job:
    """One run to do."""

    cell: Cell
    contender: Contender
    seed: int
    pcap: str


class Matrix:
    """The runs, and what came of them: rows of plain data, one a run."""

    def __init__(self, jobs: list[Job], workers: int, seconds: float | None, console: Console) -> None:
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            self._queue.put(job)
        self._workers = workers
        self._seconds = seconds
        self._console = console
        self.total = len(jobs)
        self.rows: list[dict[str, Any]] = []
        self.repeated = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._places: list[Ground] = []

    def run(self) -> None:
        """All of it; namespaces are gone afterwards, whatever happened."""
        threads = [threading.Thread(target=self._work, name=f"ground {i}") for i in range(self._workers)]
        with self._console.status("") as status:
            for thread in threads:
                thread.start()
            try:
                while any(thread.is_alive() for thread in threads):
                    time.sleep(0.2)
                    last = self.rows[-1] if self.rows else None
                    where = f"last {last['cell']} {last['contender']}: {last['mbit']:.2f} Mbit/s" if last else ""
                    status.update(f"{len(self.rows)}/{self.total} runs, {self.repeated} repeated; {where}")
            finally:
                self._stop.set()
                for place in self._places:
                    place.abort()
                for thread in threads:
                    thread.join()
        if self._errors:
            raise self._errors[0]

    def _work(self) -> None:
        try:
            place = Ground()
            self._places.append(place)
            try:
                while not self._stop.is_set():
                    try:
                        job = self._queue.get_nowait()
                    except queue.Empty:
                        return
                    self._do(place, job)
            finally:
                place.close()
        except BaseException as error:
            self._errors.append(error)
            self._stop.set()

    def _do(self, place: Ground, job: Job) -> None:
        sender, receiver = ROLES[job.contender.role]
        told = None
        for attempt in range(ATTEMPTS):
            try:
                told = place.run(
                    sender, receiver, job.contender.cc, job.cell, job.seed, seconds=self._seconds, pcap=job.pcap
                )
            except RunFailed as error:
                if self._stop.is_set():
                    return
                self.failures.append(f"{job.cell.name} {job.contender.name}: {error}")
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if told["box"]["worst_late_ms"] <= min(max(2.0, job.cell.rtt_ms / 4), 20.0) or self._stop.is_set():
                break
            self.repeated += 1
        if told is None:
            return
        box = told["box"]
        if job.pcap:
            told["experts"] = experts(job.pcap)
        self.rows.append(
            {
                "cell": job.cell.name,
                "contender": job.contender.name,
                "seed": job.seed,
                "mbit": told["receiver"]["octets"] * 8e-6 / told["receiver"]["seconds"],
                "again": box["again"] / max(1, box["octets"] - box["again"]),
                "segments_again": box["segments_again"],
                "worst_late_ms": box["worst_late_ms"],
                **told,
            }
        )


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


def contenders_of(ccs: list[str], roles: list[str]) -> list[Contender]:
    """Those there can be: a control the kernel has not is only sent by us."""
    wanted = []
    for cc in ccs:
        for role in roles:
            if (cc in BESIDE and role != "u2k") or (role == "u2k" and cc not in {cls.name for cls in BUILT_IN}):
                continue
            wanted.append(Contender(role, cc))
    return wanted


def main() -> int:
    parser = argparse.ArgumentParser(description="Our TCP beside Linux's over round-trip time and loss.")
    parser.add_argument("--quick", action="store_true", help="four cells, CUBIC, three short runs")
    parser.add_argument("--cells", default="", help="such as 20ms,100ms/1%%,reorder")
    parser.add_argument("--cc", default="cubic,bbr,bbr3")
    parser.add_argument("--contenders", default=",".join(ROLES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--jobs", type=int, default=2, help="networks at a time")
    parser.add_argument("--with", dest="earlier", default="", help="JSON of an earlier run, for what is not run now")
    parser.add_argument("--json", default=str(BUILD / "matrix.json"))
    parser.add_argument("--markdown", default="")
    parser.add_argument("--plot", default="")
    parser.add_argument("--keep", default="", help="a folder for the captures")
    parser.add_argument("--no-capture", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    must_be_root()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sweep()
    if given.quick:
        given.cells, given.cc, given.runs = given.cells or ",".join(QUICK), "cubic", min(given.runs, 3)
        given.seconds = given.seconds or 4.0
    ccs = given.cc.split(",")
    wanted = contenders_of(ccs, given.contenders.split(","))
    chosen = cells([word for word in given.cells.split(",") if word])
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or scratch
        os.makedirs(folder, exist_ok=True)

        def pcap(cell: Cell, contender: Contender, run: int) -> str:
            name = f"{cell.name}-{contender.name}".replace("/", "-").replace("%", "")
            return "" if run or given.no_capture else f"{folder}/{name}.pcap"

        jobs = [
            Job(cell, contender, given.first_seed + run, pcap(cell, contender, run))
            for cell in chosen
            for run in range(given.runs)
            for contender in wanted
        ]
        matrix = Matrix(jobs, given.jobs, given.seconds, console)
        if given.earlier:
            now = {(job.cell.name, job.contender.name) for job in jobs}
            seeds = {job.seed for job in jobs}  # other dice make other goodput
            rows = [row for row in json.loads(Path(given.earlier).read_text()) if row["seed"] in seeds]
            matrix.rows += [row for row in rows if (row["cell"], row["contender"]) not in now]
            matrix.total += len(matrix.rows)
        started = time.monotonic()
        try:
            matrix.run()
        finally:
            Path(given.json).parent.mkdir(exist_ok=True)
            Path(given.json).write_text(json.dumps(matrix.rows, indent=1) + "\n")
    minutes = (time.monotonic() - started) / 60
    build = "interpreted" if str(checksum.__file__).endswith(".py") else "compiled"
    console.print(
        f"usernet ({build}) beside Linux {platform.release()}; bottleneck {RATE_MBIT} Mbit/s; medians of {given.runs};"
        f" {minutes:.0f} min, {matrix.repeated} runs repeated, {len(matrix.failures)} failed at first"
    )
    measures = [cc for cc in ccs if cc not in BESIDE]
    print_tables(measures, matrix.rows, console)
    print_experts(matrix.rows, console)
    for failure in matrix.failures:
        console.print(f"failed at first: {failure}", style="yellow")
    missing = short(matrix.rows)
    console.print("\n".join(["falls short:", *missing]) if missing else "no cell falls short")
    if given.plot:
        from matrixplot import plot

        plot(matrix.rows, given.plot)
    if given.markdown:
        from matrixdoc import write

        write(matrix.rows, measures, given.markdown)
    return 1 if given.check and missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
