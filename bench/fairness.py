"""Two flows through one bottleneck, one ours and one Linux's: how they share it (root).

usage: fairness.py [--cc cubic,bbr] [--rtt 20] [--seconds 40] [--runs 3] [--json FILE] [--plot FILE] [--markdown FILE]
                   [--check]

Both senders stand at the same end and start together; both receivers are the kernel's. The share is ours of what both
got after the first quarter, the median of RUNS. --check: exit 1 when it is not within 40 to 60 per cent.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
from pathlib import Path
from typing import Any

from cells import Cell
from endpoint import SLICE
from ground import ground, sweep
from matrixdoc import between
from places import must_be_root
from rich.console import Console
from rich.table import Table

LEAST, MOST = 0.4, 0.6


def share(cc: str, rtt: int, seconds: float, seed: int) -> dict[str, Any]:
    """One run: our share, and both rates over time in Mbit/s."""
    with ground() as place:
        place.begin(Cell(rtt, "0"), seed)
        told = place.transfers([("usernet", "kernel", cc), ("kernel", "kernel", cc)], seconds)
        box = place.order(report=True)
    rates = [[octets * 8e-6 / SLICE for octets in flow["receiver"]["slices"]] for flow in told]
    ours, linux = (sum(rate[len(rate) // 4 :]) for rate in rates)
    return {
        "cc": cc,
        "share": ours / (ours + linux),
        "usernet": rates[0],
        "linux": rates[1],
        "worst_late_ms": box["worst_late_ms"],
        "senders": [flow["sender"] for flow in told],
    }


def plot(rows: list[dict[str, Any]], file: str) -> None:
    """Both rates over time, the run with the median share for each control."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    ccs = list(dict.fromkeys(row["cc"] for row in rows))
    figure, axes = plt.subplots(len(ccs), 1, figsize=(9, 2.8 * len(ccs)), squeeze=False, layout="constrained")
    for axis, cc in zip((line[0] for line in axes), ccs, strict=True):
        runs = sorted((row for row in rows if row["cc"] == cc), key=lambda row: row["share"])
        row = runs[(len(runs) - 1) // 2]
        for name, colour in (("usernet", "tab:blue"), ("linux", "tab:orange")):
            rate = row[name]
            half = 5  # a second's mean
            smooth = [statistics.mean(rate[max(0, i - half) : i + half]) for i in range(1, len(rate) - 1)]
            axis.plot([i * SLICE for i in range(1, len(rate) - 1)], smooth, label=name, color=colour)
        axis.set_title(f"{cc}: ours {100 * row['share']:.0f}% of what both got after the first quarter", fontsize=10)
        axis.set_xlabel("seconds")
        axis.set_ylabel("Mbit/s")
        axis.set_ylim(bottom=0)
        axis.legend(loc="upper right")
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="How one of our flows shares a bottleneck with one of Linux's. Needs root and ip(8)."
    )
    add = parser.add_argument
    add("--cc", default="cubic,bbr", help="congestion controls that both have (default: %(default)s)")
    add("--rtt", type=int, default=20, help="milliseconds of round trip (default: %(default)s)")
    add("--seconds", type=float, default=40, help="of sending in each run (default: %(default)s)")
    add("--runs", type=int, default=3, help="runs, whose median counts (default: %(default)s)")
    add("--json", default="", metavar="FILE", help="where every run is written")
    add("--plot", default="", metavar="FILE", help="a picture to write, .png or .svg; needs matplotlib")
    add("--markdown", default="", metavar="FILE", help="a page whose table is written anew, such as docs/matrix.md")
    add("--check", action="store_true", help="exit status 1 when our share is not within 40 to 60 per cent")
    given = parser.parse_args()
    must_be_root()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sweep()
    console = Console()
    rows = []
    table = Table(
        "", "our share", "runs", title=f"one bottleneck, {given.rtt} ms, {given.seconds:g} s, ours and Linux's"
    )
    fair = True
    for cc in given.cc.split(","):
        with console.status(f"{cc}: {given.runs} runs of {given.seconds:g} s"):
            runs = [share(cc, given.rtt, given.seconds, 1 + run) for run in range(given.runs)]
        rows += runs
        median = statistics.median(row["share"] for row in runs)
        fair = fair and LEAST <= median <= MOST
        table.add_row(cc, f"{100 * median:.0f}%", " ".join(f"{100 * row['share']:.0f}%" for row in runs))
    console.print(table)
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1) + "\n")
    if given.plot:
        plot(rows, given.plot)
    if given.markdown:
        lines = ["| " + " | ".join(cells) + " |" for cells in zip(*(c.cells for c in table.columns), strict=True)]
        between(given.markdown, "fairness", ["| | our share | runs |", "| --- | ---: | --- |", *lines])
    return 0 if fair or not given.check else 1


if __name__ == "__main__":
    raise SystemExit(main())
