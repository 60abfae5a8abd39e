"""CPython's own tests on the drop-in modules, on the lo of a live host.

    python tests/compat/cpython_runner.py IDS.tsv [--modules test_socket,test_select] [--limit SECONDS]

IDS is a table whose first column is a test id (``test.test_socket.BasicTCPTest.testRecv``); others are ignored, but for
``families``: ids that need IPv6 are left out unless --ipv6. A worker process patches itself and runs the ids one after
the other; one that hangs is killed, counted as ``hang``, and the next worker goes on behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

Row = tuple[str, str, str, float]


def read_ids(path: Path, modules: Iterable[str] = (), ipv6: bool = False) -> list[str]:
    """The ids of a table, in its order."""
    lines = path.read_text().splitlines()
    header = lines[0].split("\t")
    families = header.index("families") if "families" in header else None
    wanted = set(modules)
    ids = []
    for line in lines[1:] if header[0] == "id" else lines:
        cells = line.split("\t")
        name = cells[0]
        module = name.removeprefix("test.")
        if wanted and not any(module == m or module.startswith(m + ".") for m in wanted):
            continue
        if families is not None and "inet6" in cells[families] and not ipv6:
            continue
        ids.append(name)
    return ids


def run(ids: list[str], limit: float, env: dict[str, str] | None = None) -> Iterator[Row]:
    """Run ids; yields (id, outcome, reason, seconds). Outcomes: pass, skip, fail, error, hang."""
    by_module: dict[str, list[str]] = {}
    for name in ids:
        by_module.setdefault(name.rsplit(".", 2)[0], []).append(name)
    for group in by_module.values():
        left = group
        while left:
            done = 0
            for row in _worker(left, limit, env):
                done += 1
                yield row
            left = left[done:]


def _worker(ids: list[str], limit: float, env: dict[str, str] | None) -> Iterator[Row]:
    command = [sys.executable, "-X", "faulthandler", __file__, "--worker"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True, start_new_session=True
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n".join(ids))
    process.stdin.close()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        index = 0
        died = False
        try:
            # The first answer also waits for the imports.
            while index < len(ids) and selector.select(limit + (10 if index == 0 else 0)):
                line = process.stdout.readline()
                if not line:
                    died = True
                    break
                index += 1
                name, outcome, reason, seconds = json.loads(line)
                yield name, outcome, reason, seconds
            if index < len(ids):
                reason = "the worker died" if died else f"no end in {limit:g} s"
                yield ids[index], "error" if died else "hang", reason, limit
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def work() -> None:
    """The worker: ids on stdin, one JSON line per test on the real stdout."""
    ids = sys.stdin.read().split()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    if not os.environ.get("CPYTHON_RUNNER_LOUD"):
        os.dup2(null, 2)

    import usernet

    if not os.environ.get("CPYTHON_RUNNER_KERNEL"):
        usernet.patch()

    import unittest

    for name in ids:
        result = unittest.TestResult()
        started = time.monotonic()
        try:
            unittest.defaultTestLoader.loadTestsFromName(name).run(result)
        except Exception as error:
            answers.write(json.dumps([name, "error", f"{type(error).__name__}: {error}", 0]) + "\n")
            continue
        outcomes = (("error", result.errors), ("fail", result.failures), ("skip", result.skipped))
        outcome, found = next((pair for pair in outcomes if pair[1]), ("pass", []))
        reason = found[0][1].strip().splitlines()[-1] if found and found[0][1].strip() else ""
        if outcome in ("error", "fail") and os.environ.get("CPYTHON_RUNNER_LOUD"):
            os.write(2, f"{name}\n{found[0][1]}\n".encode())
        answers.write(json.dumps([name, outcome, reason, round(time.monotonic() - started, 2)]) + "\n")
    answers.flush()
    os._exit(0)


def main() -> None:
    """Run a table and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", type=Path)
    parser.add_argument("--modules", default="")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds without an answer that count as a hang")
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("--match", default="", help="only ids that contain this")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    modules = [name for name in arguments.modules.split(",") if name]
    ids = [name for name in read_ids(arguments.ids, modules, arguments.ipv6) if arguments.match in name]
    counts: dict[str, Counter[str]] = {}
    started = time.monotonic()
    rows = []
    for name, outcome, reason, seconds in run(ids, arguments.limit):
        rows.append((name, outcome, reason, str(seconds)))
        counts.setdefault(name.rsplit(".", 2)[0], Counter())[outcome] += 1
        if outcome not in ("pass", "skip"):
            print(f"{outcome:5} {name}  {reason}", flush=True)
    for module, counter in counts.items():
        print(module, dict(counter))
    total = sum(counts.values(), Counter())
    print(f"total {dict(total)} of {len(ids)} in {time.monotonic() - started:.0f} s")
    if arguments.out:
        arguments.out.write_text("id\toutcome\treason\tseconds\n" + "".join("\t".join(row) + "\n" for row in rows))


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        work()
    else:
        main()
