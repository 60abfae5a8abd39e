"""Our stack over TAP beside the kernel's own over veth, on identical work.

Each line is measured BENCH_RUNS times (3), BENCH_SECONDS each (3), the two sides taking turns; medians are
printed, and written to build/bench.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from places import BUILD, Place, generate, must_be_root, places, server
from rich.console import Console
from rich.table import Table

from usernet.core import checksum

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    server_mode: str
    generator_mode: str
    connections: int
    unit: str
    scale: float


LINES = (
    Line("bulk_receive", "bulk_receive", "bulk_receive", 1, "Gbit/s", 8e-9),
    Line("bulk_send", "bulk_send", "bulk_send", 1, "Gbit/s", 8e-9),
    Line("rr_1", "rr", "rr", 1, "1/s", 1),
    Line("rr_32", "rr_epoll", "rr", 32, "1/s", 1),
    Line("crr_32", "crr", "crr", 32, "1/s", 1),
    Line("udp_rr_64", "udp_rr", "udp_rr", 64, "1/s", 1),
)


def measure(line: Line, sides: tuple[Place, Place]) -> dict[str, Any]:
    rates: dict[str, list[float]] = {side.kind: [] for side in sides}
    lost = 0
    for run in range(RUNS):
        # Fresh servers: no side profits from what the run before left behind.
        for side in sides if run % 2 == 0 else reversed(sides):
            with server(side, line.server_mode, 5001):
                numbers = generate(side, line.generator_mode, 5001, SECONDS, line.connections)
            rates[side.kind].append(numbers["rate"] * line.scale)
            lost += numbers["lost"]
    ours, linux = (statistics.median(rates[side.kind]) for side in sides)
    return {
        "name": line.name,
        "usernet": round(ours, 3),
        "linux": round(linux, 3),
        "ratio": round(ours / linux, 3),
        "unit": line.unit,
        "runs": rates,
        "lost": lost,
    }


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def main() -> None:
    must_be_root()
    build = "interpreted" if str(checksum.__file__).endswith(".py") else "compiled"
    console = Console()
    wanted = sys.argv[1:]
    results = []
    table = Table()
    console.print(
        f"usernet ({build}) over TAP, Linux {platform.release()} over veth, Python {platform.python_version()};"
    )
    console.print(f"medians of {RUNS} interleaved runs of {SECONDS:g} s")
    for column in ("", "usernet", "linux", "unit", "ratio"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    with places() as sides:
        for line in LINES:
            if wanted and line.name not in wanted:
                continue
            with console.status(f"{line.name}: {2 * RUNS} runs of {SECONDS:g} s"):
                result = measure(line, sides)
            results.append(result)
            table.add_row(
                line.name, number(result["usernet"]), number(result["linux"]), line.unit, f"{result['ratio']:.2f}"
            )
    console.print(table)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
