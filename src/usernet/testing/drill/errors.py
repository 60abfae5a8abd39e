"""What can be wrong with a script, or with what a script found."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ScriptError(Exception):
    """The text is no script: a mistake at a line and a column (both from 1)."""

    def __init__(self, message: str, line: int, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Unsupported(Exception):
    """The script asks for something this machine does not have, so that it says nothing about the stack.

    ``line`` is 0 where it is not of one line.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class Skipped(Exception):
    """The script is not for this run (another IP version)."""


class Mismatch(Exception):
    """The stack did something else than the script says. ``details`` are further lines of the report."""

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class CodeError(Exception):
    """An assertion of a ``%{ }%`` block does not hold, or the block fails otherwise, at a line of the script."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name nobody knows, to go behind a message."""
    found = get_close_matches(name, known, 1, 0.8)
    return f"; is {found[0]} meant?" if found else ""
