"""The runs of the matrix: several networks at a time take them from one queue, and what comes is a row each."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from cells import Cell
from ground import Ground, RunFailed
from rich.console import Console
from verdicts import Contender

ROLES = {"k2k": ("kernel", "kernel"), "u2k": ("usernet", "kernel"), "k2u": ("kernel", "usernet")}
ATTEMPTS = 4
# What a run takes beyond the seconds it measures: two processes start, and the receiver's end is waited for.
OVERHEAD = 0.5


@dataclass(frozen=True)
class Job:
    """One run to do."""

    cell: Cell
    contender: Contender
    seed: int
    pcap: str
    attempt: int = 1

    def bound_ms(self) -> float:
        """So late may the box's worst frame leave."""
        return min(max(2.0, self.cell.rtt_ms / 4), 20.0)


class Runs:
    """The runs, and what came of them: rows of plain data, one a run.

    A run in which the box was starved is done again behind all others, when fewer are under way; the row of one that
    was starved to the last says ``starved``, and nobody counts it.
    """

    def __init__(self, seconds: float | None, console: Console) -> None:
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._seconds = seconds
        self._console = console
        self.total = 0
        self.rows: list[dict[str, Any]] = []
        self.repeated = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._places: list[Ground] = []

    def minutes(self, jobs: list[Job], workers: int) -> float:
        """How long these take, so many at a time where they may."""
        spans = [(job.cell.alone, (self._seconds or job.cell.seconds) + OVERHEAD) for job in jobs]
        return sum(span / (1 if alone else workers) for alone, span in spans) / 60

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Rows of runs that were done before."""
        self.rows += rows
        self.total += len(rows)

    def run(self, jobs: list[Job], workers: int) -> None:
        """These as well, those that want to be alone at the end; namespaces are gone afterwards, whatever happened."""
        self.total += len(jobs)
        self._run([job for job in jobs if not job.cell.alone], workers)
        self._run([job for job in jobs if job.cell.alone], 1)

    def _run(self, jobs: list[Job], workers: int) -> None:
        self._stop.clear()
        for job in jobs:
            self._queue.put(job)
        threads = [threading.Thread(target=self._work, name=f"ground {i}") for i in range(min(workers, len(jobs)))]
        self._places = []
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
        last = job.attempt == ATTEMPTS
        try:
            told = place.run(
                sender, receiver, job.contender.cc, job.cell, job.seed, seconds=self._seconds, pcap=job.pcap
            )
        except RunFailed as error:
            if self._stop.is_set():
                return
            self.failures.append(f"{job.cell.name} {job.contender.name}: {error}")
            if last and not self.rows:
                raise  # nothing works here
            if not last:
                self._queue.put(replace(job, attempt=job.attempt + 1))
            return
        starved = told["box"]["worst_late_ms"] > job.bound_ms()
        if starved and not last:
            self.repeated += 1
            self._queue.put(replace(job, attempt=job.attempt + 1))
        else:
            self.rows.append(_row(job, told, starved))


def _row(job: Job, told: dict[str, Any], starved: bool) -> dict[str, Any]:
    box = told["box"]
    marks = {"starved": True} if starved else {"pcap": job.pcap} if job.pcap else {}
    return marks | {
        "cell": job.cell.name,
        "contender": job.contender.name,
        "seed": job.seed,
        "mbit": told["receiver"]["octets"] * 8e-6 / told["receiver"]["seconds"],
        "again": box["again"] / max(1, box["octets"] - box["again"]),
        "segments_again": box["segments_again"],
        "worst_late_ms": box["worst_late_ms"],
        **told,
    }
