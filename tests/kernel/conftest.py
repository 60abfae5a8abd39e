"""Fixtures of the tests against the kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .ground import Ground, missing


@pytest.fixture(scope="session")
def machine() -> None:
    reason = missing("curl", "tshark", "ping", "setpriv")
    if reason:
        pytest.skip(reason)


@pytest.fixture
def ground(machine: None, tmp_path: Path) -> Iterator[Ground]:
    with Ground(tmp_path) as ground:
        yield ground


class Content:
    """A file of seeded octets and their sha256."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        digest = hashlib.sha256()
        block = b"".join(hashlib.blake2b(str(i).encode()).digest() for i in range(1 << 14))
        with path.open("wb") as out:
            while size:
                part = block[: min(size, len(block))]
                digest.update(part)
                out.write(part)
                size -= len(part)
                block = block[1:] + block[:1]
        self.sha256 = digest.hexdigest()


@pytest.fixture
def large(tmp_path: Path, compiled: bool) -> Content:
    """256 MB; a sixteenth of it for the interpreted engine."""
    return Content(tmp_path / "large.bin", (256 if compiled else 16) << 20)


@pytest.fixture
def small(tmp_path: Path) -> Content:
    return Content(tmp_path / "small.bin", 200_000)
