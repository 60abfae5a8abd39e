"""Descriptors of a run, by the numbers the script gives them, and what a call on them gave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from errno import EBADF
from typing import Any

from ...sockets.errors import os_error
from ...sockets.file import File
from .errors import Mismatch
from .machine import Machine


@dataclass(slots=True)
class Answer:
    """What a call gave: its result, its errno, and what is to be done or looked at when both are as expected."""

    result: int
    errno: int = 0
    after: Callable[[int], None] | None = None
    is_descriptor: bool = False


class Descriptors:
    """``fds`` are the run's descriptors by the script's."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.host = machine.host
        self.fds: dict[int, int] = {}

    def live_fd(self, script_fd: int) -> int:
        """The run's descriptor for the script's. Raises Mismatch when no call of the script opened it."""
        if script_fd not in self.fds:
            raise Mismatch(f"no call of the script has opened descriptor {script_fd}")
        return self.fds[script_fd]

    def file(self, script_fd: Any) -> Any:
        """What a descriptor of the script refers to."""
        return self.host.fds.get(self.live_fd(script_fd))

    def _sock(self, script_fd: Any) -> Any:
        file = self.file(script_fd)
        if not hasattr(file, "setsockopt"):
            raise os_error(EBADF)
        return file

    def _opened(self, file: File) -> Answer:
        fd = self.host.fds.open(file)
        return Answer(fd, after=lambda script_fd: self._name(script_fd, fd), is_descriptor=True)

    def _name(self, script_fd: int, fd: int) -> None:
        if script_fd in self.fds:
            raise Mismatch(f"the script has descriptor {script_fd} open already")
        self.fds[script_fd] = fd
