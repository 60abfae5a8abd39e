"""What tshark's experts say of a capture, counted."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from typing import Any

# Every connection begins and ends; these runs end with a reset.
_PLAIN = ("Connection ", "This frame initiates the connection closing")
# A number in a message ("Duplicate ACK (#3)") does not make it another message.
_NUMBER = re.compile(r"\s*\(#\d+\)|#\d+|\b\d+\b")


def experts(file: str) -> dict[str, Any]:
    """{"frames": how many, "messages": {expert message: how many}}; numbers in messages are taken out."""
    command = ["nice", "tshark", "-n", "-r", file, "-T", "fields", "-E", "aggregator=|"]
    command += ["-e", "_ws.expert.message", "-e", "_ws.malformed"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"tshark cannot read {file}: {result.stderr.strip()}")
    found: Counter[str] = Counter()
    lines = result.stdout.splitlines()
    for line in lines:
        messages, _, malformed = line.partition("\t")
        for message in messages.split("|"):
            if message and not message.startswith(_PLAIN):
                found[_NUMBER.sub("", message).strip()] += 1
        if malformed:
            found["malformed"] += 1
    return {"frames": len(lines), "messages": dict(found)}
