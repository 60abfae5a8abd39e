"""Drop reasons in plain words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from .reasons import REASONS

PREFIX = "Drop."


def explain(counters: Mapping[str, int]) -> list[dict[str, Any]]:
    """Every reason that was counted, the most frequent first."""
    drops = [(name.removeprefix(PREFIX), value) for name, value in counters.items() if name.startswith(PREFIX)]
    drops.sort(key=lambda drop: (-drop[1], drop[0]))
    return [{"reason": reason, "count": value, "meaning": REASONS.get(reason, "")} for reason, value in drops if value]


def render(drops: Iterable[Mapping[str, Any]], width: int = 80) -> str:
    """A paragraph for each reason."""
    text = ""
    for drop in drops:
        text += f"{drop['count']:>10}  {drop['reason']}\n"
        text += textwrap.fill(drop["meaning"], width, initial_indent=" " * 12, subsequent_indent=" " * 12)
        text += "\n" if drop["meaning"] else ""
    return text or "Nothing was dropped.\n"
