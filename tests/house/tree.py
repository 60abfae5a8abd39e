"""The source tree as the structure tests see it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "usernet"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEADERS = sorted(PACKAGE.rglob("*.pxd"))


def dotted(path: Path) -> str:
    """Name of the module a file holds: usernet.core.seq."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def name_of(path: Path) -> str:
    """A short name for a test's id."""
    return str(path.relative_to(PACKAGE))


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))
