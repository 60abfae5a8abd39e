"""The matrix as a picture: ratios to Linux's, green where ours does better, red where it does worse."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from cells import CONDITIONS, RTTS, Cell
from matplotlib.colors import TwoSlopeNorm
from verdicts import BESIDE, LEAST_GOODPUT, MOST_AGAIN, Contender, figures, verdict

mpl.use("Agg")
from matplotlib import pyplot as plt


def plot(rows: list[dict[str, Any]], file: str) -> None:
    """Write a PNG: a column for each contender of ours, goodput above, what was sent again below."""
    found = figures(rows)
    names = sorted({key[1] for key in found if not key[1].endswith("/k2k")}, key=_order)
    figure, axes = plt.subplots(
        2, len(names), figsize=(1.4 + 3.3 * len(names), 6.4), squeeze=False, layout="constrained"
    )
    for column, name in enumerate(names):
        cc, _, role = name.partition("/")
        contender = Contender(role, cc)
        values: list[list[list[float | None]]] = [[], []]
        for rtt in RTTS:
            judged = []
            for condition in CONDITIONS:
                cell = Cell(rtt, condition).name
                ours, linux = found.get((cell, name)), found.get((cell, contender.measure))
                judged.append(verdict(ours, linux) if ours and linux else None)
            values[0].append([v.goodput if v else None for v in judged])
            values[1].append([v.again if v else None for v in judged])
        what = "sends" if role == "u2k" else "receives"
        beside = f" beside Linux's {BESIDE[cc]}" if cc in BESIDE else ""
        _panel(axes[0][column], values[0], f"{cc}: ours {what}{beside}\ngoodput", good_is_high=True)
        _panel(axes[1][column], values[1], "sent again", good_is_high=False)
    figure.suptitle("usernet beside Linux, ratios of medians (bold: under 0.9, or over 1.2)", fontsize=11)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _order(name: str) -> tuple[str, int]:
    cc, _, role = name.partition("/")
    return cc, ("u2k", "k2u").index(role)


def _panel(axis: Any, values: list[list[float | None]], title: str, good_is_high: bool) -> None:
    numbers = [[1.0 if v is None else v for v in line] for line in values]
    axis.imshow(numbers, cmap="RdYlGn" if good_is_high else "RdYlGn_r", norm=TwoSlopeNorm(1.0, 0.5, 2.0), aspect="auto")
    axis.set_title(title, fontsize=10)
    axis.set_xticks(range(len(CONDITIONS)), ["reord." if c == "reorder" else c + "%" for c in CONDITIONS], fontsize=8)
    axis.set_yticks(range(len(RTTS)), [f"{rtt} ms" for rtt in RTTS], fontsize=8)
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            if value is None:
                continue
            bad = value < LEAST_GOODPUT if good_is_high else value > MOST_AGAIN
            text = ">9" if value > 9.99 else f"{value:.2f}"
            dark = not 0.6 < value < 1.7
            axis.text(
                x, y, text, ha="center", va="center", fontsize=8, weight="bold" if bad else "normal",
                color="white" if dark else "black",
            )  # fmt: skip
