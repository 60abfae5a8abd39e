"""Where the time of one bench goes: perf on our server while the generator runs.

usage: where.py MODE        a line of bench/run.py; the report goes to the terminal and build/perf-MODE.data
"""

from __future__ import annotations

import os
import subprocess
import sys

from places import BUILD, generate, must_be_root, places, server
from run import LINES

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))


def main(name: str) -> None:
    must_be_root()
    line = next((line for line in LINES if line.name == name), None)
    if line is None:
        raise SystemExit(f"profile: no bench is named {name}; there are {', '.join(line.name for line in LINES)}")
    data = BUILD / f"perf-{name}.data"
    with places() as (ours, _), server(ours, line.server_mode, 5001) as pid:
        record = ["perf", "record", "-q", "-g", "-F", "2000", "-o", str(data), "-p", str(pid), "sleep", str(SECONDS)]
        perf = subprocess.Popen(record)
        try:
            print(generate(ours, line.generator_mode, 5001, SECONDS + 0.5, line.connections))
        finally:
            perf.wait()
    report = ["perf", "report", "--stdio", "--no-children", "-g", "none", "--percent-limit", "0.5", "-i", str(data)]
    subprocess.run(report, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
