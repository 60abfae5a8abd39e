"""A runtime directory of the test's own, and processes that never outlive it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import usernet


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where control sockets go; short, because a socket's path is at most 107 octets."""
    directory = tmp_path_factory.mktemp("rt")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(usernet.__file__)))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return directory / "usernet"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "usernet", *words]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 200.0) -> None:
    """Poll until it holds: another process decides when."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


class Running:
    """A ``usernet`` command in a process of its own."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.log = directory / "output"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command(*words), cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid = self.process.pid

    @property
    def output(self) -> str:
        return self.log.read_text()

    def says(self, text: str) -> None:
        wait_for(lambda: text in self.output or self.process.poll() is not None, f"{text!r}")
        assert text in self.output, self.output

    def ends(self) -> int:
        return self.process.wait(200)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def begin(*words: str) -> Running:
        running.append(Running(tmp_path, *words))
        return running[-1]

    yield begin
    for one in running:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait()


def usernet_command(*words: str, cwd: Path | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout)
