"""A piece of a send queue. It has a file of its own because setup.py pools what this file allocates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class Chunk:
    """A node of a SendQueue: octets, where they stand in the stream, and the next node."""

    __slots__ = ("base", "end", "next", "start")

    base: bytes
    start: int
    end: int
    next: Chunk | None


def make_chunk(base: bytes, start: cython.ulonglong, end: cython.ulonglong) -> Chunk:
    """A node of its own; a constructor with arguments would box them in C."""
    chunk: Chunk = Chunk.__new__(Chunk)
    chunk.base = base
    chunk.start = start
    chunk.end = end
    chunk.next = None
    return chunk
