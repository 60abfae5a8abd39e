"""Drop reasons in plain words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from .reasons import REASONS


def explain(drops: Mapping[str, int]) -> list[dict[str, Any]]:
    """Every reason that was counted, the most frequent first."""
    ordered = sorted(drops.items(), key=lambda drop: (-drop[1], drop[0]))
    return [{"reason": reason, "count": n, "meaning": REASONS.get(reason, "")} for reason, n in ordered if n]


def render(drops: Iterable[Mapping[str, Any]], width: int = 80) -> str:
    """A paragraph for each reason."""
    text = ""
    for drop in drops:
        text += f"{drop['count']:>10}  {drop['reason']}\n"
        text += textwrap.fill(drop["meaning"], width, initial_indent=" " * 12, subsequent_indent=" " * 12)
        text += "\n" if drop["meaning"] else ""
    return text or "Nothing was dropped.\n"
