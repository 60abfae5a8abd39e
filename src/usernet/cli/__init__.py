"""The command line: ``usernet run``, ``demo``, ``doctor``, ``ss``, ``ip``, ``nstat``, ``ping`` and their like."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``usernet`` command."""
    from .app import run

    run()


__all__ = ["main"]
