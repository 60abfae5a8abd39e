"""Every drop reason of the engine is explained, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import usernet
from usernet.cli.format.reasons import REASONS

FLOORS = ("filter", "gateway", "ip", "link", "raw", "sockets", "tcp", "udp")
REASON = re.compile(r"(arp|ethernet|gateway|icmp|ip|neigh|ping|pmtu|raw|tcp|udp)_[a-z0-9_]+")
# Reasons go to Counters.drop, sometimes through a method that counts more.
SINKS = re.compile(r"_?(drop|error|refuse|spoil|discard|reject|bad|ignore)\w*")


def reasons_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and SINKS.fullmatch(getattr(node.func, "attr", getattr(node.func, "id", ""))):
            parts = (part for argument in node.args for part in ast.walk(argument))
            words = (str(part.value) for part in parts if isinstance(part, ast.Constant))
            yield from (word for word in words if REASON.fullmatch(word))


def test_every_reason_is_explained_and_every_explanation_is_used() -> None:
    package = Path(usernet.__file__).parent
    found = {
        reason
        for floor in FLOORS
        for file in (package / floor).rglob("*.py")
        for reason in reasons_in(file.read_text())
    }
    assert sorted(found - set(REASONS)) == [], "not explained in cli/format/reasons.py"
    assert sorted(reason for reason in set(REASONS) - found if not reason.startswith("impair_")) == [], (
        "counted nowhere"
    )
