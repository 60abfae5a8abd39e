"""Fuzz for so many seconds, interpreted for its coverage and then compiled for its speed.

usage: run.py SECONDS        the corpus grows in build/fuzz; a crash is left there and named
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "build" / "fuzz"


def fuzz(name: str, environment: dict[str, str], seconds: int) -> int:
    corpus = WORK / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=2048",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    command = [sys.executable, str(HERE / "target.py"), *options, f"-artifact_prefix={WORK}/crash-{name}-", str(corpus)]
    command.append(str(HERE / "corpus"))
    log = WORK / f"{name}.log"
    with log.open("w") as out:
        status = subprocess.run(
            command, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=seconds + 120, check=False
        ).returncode
    lines = log.read_text(errors="replace").splitlines()
    for line in lines:
        if "number_of_executed_units" in line or "Traceback" in line or "Error" in line or "crash-" in line:
            print(f"fuzz {name}: {line.strip()}")
    if status:
        print("\n".join(lines[-40:]))
        print(f"fuzz: {name} failed with status {status}; again with: {sys.executable} fuzz/target.py CRASH-FILE")
    return status


def main(seconds: int) -> int:
    half = max(1, seconds // 2)
    print(f"fuzz: {half} s interpreted, {half} s with the installed build", flush=True)
    status = fuzz("interpreted", os.environ | {"PYTHONPATH": str(ROOT / "src")}, half)
    return status or fuzz("installed", dict(os.environ), half)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
