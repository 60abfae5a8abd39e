"""What the matrix's runs come to: medians, ratios to Linux's, and which cells fall short.

A run is a row of plain data: ``cell``, ``contender``, ``mbit``, ``again`` (octets sent again per octet sent for the
first time), ``segments_again``, ``starved`` where the box was, and ``experts`` where it was captured. What was starved
is not counted.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

from cells import Cell, cells
from experts import MALFORMED, SPURIOUS

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
    """A contender beside the kernel in a cell: ratios.

    ``again`` is None where too little was sent again to compare; ``goodput`` is no number, and so not good enough,
    where nothing came through between two kernels.
    """

    goodput: float
    again: float | None

    @property
    def good_enough(self) -> bool:
        return self.goodput >= LEAST_GOODPUT and (self.again is None or self.again <= MOST_AGAIN)


def counted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those whose box was not starved."""
    return [row for row in rows if not row.get("starved")]


def figures(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Figure]:
    """Medians by cell and contender."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in counted(rows):
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
    return Verdict(ours.mbit / linux.mbit if linux.mbit else math.nan, again)


def many(value: float | None) -> str:
    return "·" if value is None else "?" if math.isnan(value) else ">99" if value > 99 else f"{value:.2f}"


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


def falling_short(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Verdict]:
    """Cells and contenders that fall short."""
    found = figures(rows)
    fallen = {}
    for (cell, name), ours in sorted(found.items()):
        cc, _, role = name.partition("/")
        linux = found.get((cell, Contender(role, cc).measure))
        if role == "k2k" or linux is None or cc in BESIDE:
            continue
        beside = verdict(ours, linux)
        if not beside.good_enough:
            fallen[cell, name] = beside
    return fallen


def short(rows: list[dict[str, Any]], asked: list[tuple[str, Contender]]) -> list[str]:
    """The cells that fall short, in words; so does one that was asked for and cannot be judged."""
    there = figures(rows).keys()
    judged_by = {(cell, contender.measure) for cell, contender in asked}
    missing = _by_contender("no run of {}", {(cell, contender.name) for cell, contender in asked} - there)
    missing += _by_contender("{}, the measure, is not there", judged_by - there)
    for (cell, name), beside in falling_short(rows).items():
        missing.append(f"{cell} {name}: goodput {many(beside.goodput)}, again {many(beside.again)}")
    return missing


def runs_in_words(rows: list[dict[str, Any]]) -> str:
    """How many runs stand behind a median: of most cells, and of those that were run more often."""
    turns: dict[str, int] = {}
    for cell, seeds in _seeds(rows).items():
        turns[cell] = len(seeds)
    usual = min(turns.values(), default=0)
    more = [f"{n} of {cell}" for cell, n in turns.items() if n > usual]
    return f"{usual} runs" + (f" ({', '.join(more)})" if more else "")


def _seeds(rows: list[dict[str, Any]]) -> dict[str, set[int]]:
    seeds: dict[str, set[int]] = {}
    for row in rows:
        cc = row["contender"].partition("/")[0]
        seeds.setdefault(f"{row['cell']} {BESIDE.get(cc, cc)}", set()).add(row["seed"])
    return seeds


def _by_contender(words: str, lacking: set[tuple[str, str]]) -> list[str]:
    names: dict[str, list[str]] = {}
    for cell, name in sorted(lacking):
        names.setdefault(name, []).append(cell)
    return [f"{words.format(name)}: {', '.join(cells_)}" for name, cells_ in names.items()]


def thin(rows: list[dict[str, Any]], asked: list[tuple[str, Contender]], runs: int) -> list[str]:
    """Where fewer runs count than were asked for, in words."""
    counts = Counter((row["cell"], row["contender"]) for row in counted(rows))
    starved = Counter((row["cell"], row["contender"]) for row in rows if row.get("starved"))
    lines = []
    for cell, contender in asked:
        key = cell, contender.name
        if counts[key] < runs:
            lines.append(f"{cell} {contender.name}: {counts[key]} of {runs} runs count, {starved[key]} were starved")
    return lines


def expert_lines(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    """What tshark's experts say, by message: how many per 10,000 frames for each contender, over its captures."""
    frames, counts = _expert_counts(rows)
    messages = sorted({message for of in counts.values() for message in of} | {MALFORMED, SPURIOUS}) if frames else []
    return [
        (message, {name: _per_10000(counts[name][message], total) for name, total in frames.items()})
        for message in messages
    ]


def captures_read(rows: list[dict[str, Any]]) -> str:
    """How many captures of each contender stand behind what the experts say, in words."""
    counts = Counter(row["contender"] for row in counted(rows) if "experts" in row)
    return ", ".join(f"{counts[name]} of {name}" for name in sorted(counts, key=_order))


def expert_short(rows: list[dict[str, Any]], asked: list[tuple[str, Contender]]) -> list[str]:
    """What tshark's experts find in ours beyond what they find in Linux's, in words."""
    frames, counts = _expert_counts(rows)
    missing = []
    for contender in dict.fromkeys(contender for _, contender in asked):
        name, measure = contender.name, contender.measure
        if name not in frames or measure not in frames:
            missing.append(f"{name}: no capture of {measure if name in frames else name}")
            continue
        if counts[name][MALFORMED] > 0 and contender.role != "k2k":
            missing.append(f"{name}: {counts[name][MALFORMED]} frames are malformed")
        again = counts[name][SPURIOUS]
        ours, linux = (_per_10000(counts[who][SPURIOUS], frames[who]) for who in (name, measure))
        if again >= FEW and ours > MOST_AGAIN * linux and contender.cc not in BESIDE:
            missing.append(f"{name}: acknowledged data sent again {ours:.1f} times in 10,000 frames, Linux {linux:.1f}")
    return missing


def _expert_counts(rows: list[dict[str, Any]]) -> tuple[dict[str, int], dict[str, Counter[str]]]:
    """By contender: frames, and messages."""
    frames: dict[str, int] = {}
    counts: dict[str, Counter[str]] = {}
    for row in counted(rows):
        if "experts" in row:
            name = row["contender"]
            frames[name] = frames.get(name, 0) + row["experts"]["frames"]
            counts.setdefault(name, Counter()).update(row["experts"]["messages"])
    return {name: frames[name] for name in sorted(frames, key=_order)}, counts


def _order(name: str) -> tuple[str, int]:
    cc, _, role = name.partition("/")
    return cc, ("k2k", "u2k", "k2u").index(role)


def _per_10000(count: int, frames: int) -> float:
    return 1e4 * count / max(1, frames)
