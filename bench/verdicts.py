"""What the matrix's runs come to: medians, ratios to Linux's, and which cells fall short.

A run is a row of plain data: ``cell``, ``contender``, ``mbit``, ``again`` (octets sent again per octet sent for the
first time), ``segments_again``, and ``experts`` where it was captured.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from cells import Cell, cells

# Controls the kernel has not, shown beside its nearest and not judged: version 3 of BBR heeds loss, version 1 does not.
BESIDE = {"bbr3": "bbr"}
# What the issue asks for; so few segments sent again say nothing.
LEAST_GOODPUT = 0.9
MOST_AGAIN = 1.2
FEW = 10


@dataclass(frozen=True)
class Contender:
    """Who sends to whom, with which control; ``measure`` is the kernel's own run it is set beside."""

    role: str
    cc: str

    @property
    def name(self) -> str:
        return f"{self.cc}/{self.role}"

    @property
    def measure(self) -> str:
        return f"{BESIDE.get(self.cc, self.cc)}/k2k"


@dataclass(frozen=True)
class Figure:
    """A contender in a cell: medians."""

    mbit: float
    again: float
    segments_again: float


@dataclass(frozen=True)
class Verdict:
    """A contender beside the kernel in a cell. ``again`` is None where too little was sent again to compare."""

    goodput: float
    again: float | None

    @property
    def good_enough(self) -> bool:
        return self.goodput >= LEAST_GOODPUT and (self.again is None or self.again <= MOST_AGAIN)


def figures(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Figure]:
    """Medians by cell and contender."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["cell"], row["contender"]), []).append(row)
    return {
        key: Figure(*(statistics.median(row[name] for row in some) for name in ("mbit", "again", "segments_again")))
        for key, some in grouped.items()
    }


def verdict(ours: Figure, linux: Figure) -> Verdict:
    """The ratios."""
    again = None
    if max(ours.segments_again, linux.segments_again) >= FEW:
        again = ours.again / max(linux.again, 1e-9)
        # Where Linux sends nothing again, a few segments make any ratio; what counts is whether they are few.
        if ours.segments_again < FEW:
            again = min(again, 1.0)
    return Verdict(ours.mbit / linux.mbit, again)


def many(value: float | None) -> str:
    return "·" if value is None else ">99" if value > 99 else f"{value:.2f}"


def table_rows(cc: str, found: dict[tuple[str, str], Figure]) -> tuple[list[str], list[list[tuple[str, bool]]]]:
    """Headings, then lines of (text, good enough) for the controls beside the kernel's ``cc``."""
    beside = [name for name in (cc, *BESIDE) if BESIDE.get(name, name) == cc]
    contenders = [Contender(role, name) for name in beside for role in ("u2k", "k2u")]
    seen = [contender for contender in contenders if any(key[1] == contender.name for key in found)]
    heads = ["RTT ms", "loss", "Linux Mbit/s", "again %"]
    for contender in seen:
        what = {"u2k": "sends", "k2u": "receives"}[contender.role]
        heads += [f"{contender.cc}: ours {what}", "again"]
    lines = []
    for cell in cells([]):
        linux = found.get((cell.name, f"{cc}/k2k"))
        if linux is None:
            continue
        line = [(text, True) for text in (str(cell.rtt_ms), _condition(cell), f"{linux.mbit:.2f}")]
        line.append((f"{100 * linux.again:.2f}", True))
        for contender in seen:
            ours = found.get((cell.name, contender.name))
            if ours is None:
                line += [("", True), ("", True)]
                continue
            judged, shown_only = verdict(ours, linux), contender.cc in BESIDE
            line.append((many(judged.goodput), shown_only or judged.goodput >= LEAST_GOODPUT))
            line.append((many(judged.again), shown_only or judged.again is None or judged.again <= MOST_AGAIN))
        lines.append(line)
    return heads, lines


def _condition(cell: Cell) -> str:
    return "reorder 1%" if cell.condition == "reorder" else f"{cell.condition}%"


def short(rows: list[dict[str, Any]]) -> list[str]:
    """The cells that fall short, in words."""
    found = figures(rows)
    missing = []
    for (cell, name), ours in sorted(found.items()):
        cc, _, role = name.partition("/")
        linux = found.get((cell, Contender(role, cc).measure))
        if role == "k2k" or linux is None or cc in BESIDE:
            continue
        judged = verdict(ours, linux)
        if not judged.good_enough:
            missing.append(f"{cell} {name}: goodput {many(judged.goodput)}, again {many(judged.again)}")
    return missing


def expert_lines(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    """What tshark's experts say, by message: how many per 10,000 frames for each contender, over its captures."""
    counts: dict[str, dict[str, int]] = {}
    frames: dict[str, int] = {}
    for row in rows:
        if "experts" not in row:
            continue
        name = row["contender"]
        frames[name] = frames.get(name, 0) + row["experts"]["frames"]
        for message, count in row["experts"]["messages"].items():
            of = counts.setdefault(message, {})
            of[name] = of.get(name, 0) + count
    return [
        (message, {name: 1e4 * of.get(name, 0) / max(1, total) for name, total in frames.items()})
        for message, of in sorted(counts.items())
    ]
