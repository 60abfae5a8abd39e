"""What tshark's experts say of captures, counted."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MALFORMED = "malformed"
# Data that is sent although it was acknowledged in a frame before.
SPURIOUS = "This frame is a (suspected) spurious retransmission"
CROSSED = SPURIOUS + " that crossed the ACK"
# The box hands over what is due in one go, and then reads what the sender made of the first of it: some 20 to 100 us.
CROSSING = 200e-6
FIELDS = ("_ws.expert.group", "_ws.expert.message", "frame.time_relative", "tcp.srcport", "tcp.dstport", "tcp.seq",
          "tcp.len", "tcp.ack")  # fmt: skip
# One that takes longer has gone astray; the largest capture takes some four seconds.
MOST_SECONDS = 120.0
# Every connection begins and ends; these runs end with a reset.
_PLAIN = ("Connection ", "This frame initiates the connection closing")
# A number in a message ("Duplicate ACK (#3)") does not make it another message.
_NUMBER = re.compile(r"\s*\(#\d+\)|#\d+|\b\d+\b")
# epan/proto.h: PI_MALFORMED, as -T fields writes it.
_GROUP_MALFORMED = str(0x07000000)


class Acknowledged:
    """What each end had acknowledged, and when it was seen."""

    def __init__(self) -> None:
        self._by_port: dict[str, tuple[list[int], list[float]]] = {}

    def crossed(self, at: str, source: str, target: str, seq: str, length: str, ack: str) -> bool:
        """Take in a frame, as tshark writes its fields: was all it carries acknowledged, but only just now?"""
        if not ack:
            return False
        acks, times = self._by_port.setdefault(source, ([], []))
        if not acks or int(ack) > acks[-1]:
            acks.append(int(ack))
            times.append(float(at))
        acks, times = self._by_port.get(target, ([], []))
        first = bisect_left(acks, int(seq) + int(length))
        return first < len(times) and float(at) - times[first] < CROSSING


def experts(file: str) -> dict[str, Any]:
    """{"frames": how many, "messages": {expert message: how many}}; numbers in messages are taken out.

    A spurious retransmission that crossed its ACK in the box is a message of its own: the sender had not seen it yet.
    """
    command = ["tshark", "-n", "-r", file, "-T", "fields", "-E", "aggregator=|"]
    for field in FIELDS:
        command += ["-e", field]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MOST_SECONDS)
    if result.returncode:
        raise RuntimeError(f"tshark cannot read {file}: {result.stderr.strip()}")
    found: Counter[str] = Counter()
    seen = Acknowledged()
    lines = result.stdout.splitlines()
    for line in lines:
        groups, messages, *tcp = line.split("\t")
        crossed = seen.crossed(*(field.partition("|")[0] for field in tcp))
        for message in messages.split("|"):
            if message and not message.startswith(_PLAIN):
                found[CROSSED if crossed and message == SPURIOUS else _NUMBER.sub("", message).strip()] += 1
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
