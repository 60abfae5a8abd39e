"""What tshark's experts say of captures, counted."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MALFORMED = "malformed"
# One that takes longer has gone astray; the largest capture takes some four seconds.
MOST_SECONDS = 120.0
# Every connection begins and ends; these runs end with a reset.
_PLAIN = ("Connection ", "This frame initiates the connection closing")
# A number in a message ("Duplicate ACK (#3)") does not make it another message.
_NUMBER = re.compile(r"\s*\(#\d+\)|#\d+|\b\d+\b")
# epan/proto.h: PI_MALFORMED, as -T fields writes it.
_GROUP_MALFORMED = str(0x07000000)


def experts(file: str) -> dict[str, Any]:
    """{"frames": how many, "messages": {expert message: how many}}; numbers in messages are taken out."""
    command = ["tshark", "-n", "-r", file, "-T", "fields", "-E", "aggregator=|"]
    command += ["-e", "_ws.expert.group", "-e", "_ws.expert.message"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MOST_SECONDS)
    if result.returncode:
        raise RuntimeError(f"tshark cannot read {file}: {result.stderr.strip()}")
    found: Counter[str] = Counter()
    lines = result.stdout.splitlines()
    for line in lines:
        groups, _, messages = line.partition("\t")
        for message in messages.split("|"):
            if message and not message.startswith(_PLAIN):
                found[_NUMBER.sub("", message).strip()] += 1
        found[MALFORMED] += groups.split("|").count(_GROUP_MALFORMED)
    return {"frames": len(lines), "messages": dict(+found)}


def read_all(rows: list[dict[str, Any]], keep: bool, told: Callable[[int, int], None]) -> list[str]:
    """Give each row that names its capture (``pcap``) what the experts say of it (``experts``); what cannot be read.

    After the runs, so that nothing here takes a processor from them. Unless they are to be kept the captures go as
    they are read. ``told`` hears how many of how many are done.
    """
    captured = [row for row in rows if row.get("pcap")]
    failures = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        reading = [(row, pool.submit(_read, row.pop("pcap"), keep)) for row in captured]
        for done, (row, coming) in enumerate(reading):
            told(done, len(reading))
            try:
                row["experts"] = coming.result()
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                failures.append(f"{row['cell']} {row['contender']}: {error}")
    return failures


def _read(file: str, keep: bool) -> dict[str, Any]:
    try:
        return experts(file)
    finally:
        if not keep:
            with contextlib.suppress(OSError):
                Path(file).unlink()
