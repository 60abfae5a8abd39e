"""The matrix's table in the documentation."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from verdicts import captures_read, expert_lines, figures, runs_in_words, table_rows

from usernet.core import checksum


def between(file: str, mark: str, lines: list[str]) -> None:
    """Replace what stands between the marks of this name in a Markdown file."""
    begin, end = f"<!-- {mark}: written by bench/{mark}.py -->", f"<!-- {mark}: end -->"
    path = Path(file)
    before, _, rest = path.read_text().partition(begin)
    _, _, behind = rest.partition(end)
    path.write_text("\n".join([before + begin, "", *lines, "", end]) + behind)


def write(rows: list[dict[str, Any]], ccs: list[str], missing: list[str], notes: list[str], file: str) -> None:
    """The results, what falls short and what is to be known of the run, into a Markdown file."""
    found = figures(rows)
    build = "interpreted" if str(checksum.__file__).endswith(".py") else "compiled"
    out = [
        f"`python bench/matrix.py {' '.join(sys.argv[1:])}`, {build} build, Linux {platform.release()}, medians of"
        f" {runs_in_words(rows)}, {len(rows)} in all. **Bold** falls short of 0.9 of Linux's goodput or sends over 1.2"
        " times as much again; · is too little sent again to compare.",
        "",
    ]
    for cc in ccs:
        heads, lines = table_rows(cc, found)
        if not lines:
            continue
        out += ["| " + " | ".join(heads) + " |", "|" + " ---: |" * len(heads)]
        out += ["| " + " | ".join(text if good else f"**{text}**" for text, good in line) + " |" for line in lines]
        out.append("")
    out += ["Falls short:", "", *(f"- {line}" for line in missing), ""] if missing else ["No cell falls short.", ""]
    out += ["Runs that do not count:", "", *(f"- {line}" for line in notes), ""] if notes else []
    experts = expert_lines(rows)
    if experts:
        names = list(experts[0][1])
        out += [
            f"What tshark's experts say at the sender's end, per 10,000 frames; captures: {captures_read(rows)}.",
            "",
        ]
        out += ["| | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
        out += [f"| {message} | " + " | ".join(f"{of[name]:.1f}" for name in names) + " |" for message, of in experts]
        out.append("")
    between(file, "matrix", out[:-1])
