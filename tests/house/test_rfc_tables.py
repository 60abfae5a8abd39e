"""docs/rfc: every requirement that is said to be met names a test or script that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from .tree import ROOT

TABLES = sorted((ROOT / "docs" / "rfc").glob("rfc*.md"))
REFERENCE = re.compile(r"`(tests/[^`]+)`")
ANSWERS = ("yes", "no", "n/a")


def rows(table: Path) -> list[list[str]]:
    """The cells of every row below a header."""
    lines = [line.strip() for line in table.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for i, row in enumerate(cells) if not _is_header(cells, i)]


def _is_header(cells: list[list[str]], i: int) -> bool:
    def ruled(row: list[str]) -> bool:
        return all(set(cell) <= set("-: ") for cell in row)

    return ruled(cells[i]) or (i + 1 < len(cells) and ruled(cells[i + 1]))


@cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(reference: str) -> bool:
    path, _, name = reference.partition("::")
    if not (ROOT / path).exists():
        return False
    return not name or name.split("[")[0].split("::")[-1] in functions_in(path)


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.name)
def test_what_is_met_is_shown(table: Path) -> None:
    wrong = []
    for row in rows(table):
        answer = next((cell for cell in row if cell in ANSWERS), None)
        named = REFERENCE.findall(" ".join(row))
        if answer is None:
            wrong.append(f"neither yes nor no: {row}")
        elif answer == "yes" and not named:
            wrong.append(f"nothing shows it: {row}")
        elif answer != "yes" and not row[-1]:
            wrong.append(f"no reason: {row}")
        wrong += [f"there is no {reference}" for reference in named if not exists(reference)]
    assert not wrong, "\n".join(wrong)


def test_no_requirement_of_rfc_9293_is_left_out() -> None:
    labels = {row[0] for row in rows(ROOT / "docs" / "rfc" / "rfc9293.md")}
    wanted = {f"MUST-{i}" for i in range(1, 70)} | {f"SHLD-{i}" for i in range(1, 32)} | {"REC-1"}
    assert wanted - labels == set()
