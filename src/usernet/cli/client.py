"""The asking side of the control socket: find a running host, ask it, and say plainly when there is none."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from . import paths
from .errors import USAGE, CliError, errno_text, os_error

Command = TypeVar("Command", bound=Callable[..., Any])

TIMEOUT_S = 15.0


class Instance:
    """One running process and the stack in it that questions are about."""

    def __init__(self, pid: int, stack: str | None = None) -> None:
        self.pid = pid
        self.stack = stack

    def ask(self, verb: str, **words: Any) -> Any:
        """The data of one answer. Raises CliError for a refusal, with its errno."""
        for answer in self._exchange(verb, words):
            if "data" in answer:
                return answer["data"]
        raise CliError(f"process {self.pid} ended while it was asked")

    def stream(self, verb: str, **words: Any) -> Iterator[Any]:
        """The items of a streaming answer, as they come."""
        for answer in self._exchange(verb, words):
            if "item" in answer:
                yield answer["item"]
            elif "data" in answer:
                return

    def _exchange(self, verb: str, words: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request = json.dumps({"verb": verb, "stack": self.stack, **words}).encode() + b"\n"
        with self._connect() as control, control.makefile("rb") as lines:
            try:
                control.sendall(request)
                for line in lines:
                    answer: dict[str, Any] = json.loads(line)
                    if "error" in answer:
                        failure = answer["error"]
                        raise Refused(failure["errno"], failure["message"])
                    yield answer
            except (ConnectionError, TimeoutError) as error:
                raise os_error(f"process {self.pid} does not answer", error) from None

    def _connect(self) -> socket.socket:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.settimeout(TIMEOUT_S)
        try:
            control.connect(os.fspath(paths.socket_path(self.pid)))
        except OSError as error:
            control.close()
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
                raise CliError(
                    f"no usernet host in process {self.pid}; `usernet ip netns` lists the running ones"
                ) from None
            raise os_error(f"cannot ask process {self.pid}", error) from None
        return control


class Refused(CliError):
    """The host answered with an errno."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(errno_text(OSError(number, message)))
        self.errno = number
        self.reason = message


def instances() -> list[dict[str, Any]]:
    """What every running host of this user tells of itself; those that end meanwhile are left out."""
    found = []
    for pid in paths.live_pids():
        with contextlib.suppress(CliError):
            found.append(Instance(pid).ask("info"))
    return found


def choose(pid: int | None, name: str | None) -> Instance:
    """The instance a verb is about: the one named, or the only one there is."""
    if pid is not None:
        return Instance(pid, name)
    running = instances()
    if name is not None:
        running = [info for info in running if name in info["stacks"]]
        if not running:
            raise CliError(f"no running stack is named {name!r}; `usernet ip netns` lists them")
    if not running:
        raise CliError("nothing is running; start a program with `usernet run -- python app.py` in another terminal")
    if len(running) > 1:
        several = ", ".join(f"{info['pid']} ({info['program']})" for info in running)
        raise CliError(f"{len(running)} hosts are running, choose one with --pid: {several}", USAGE)
    return Instance(running[0]["pid"], name)


def instance_options(command: Command) -> Command:
    """Click options ``--pid`` and ``--name`` of every verb that asks a running host."""
    command = click.option("--name", metavar="NS", help="Ask about the stack of this name.")(command)
    return click.option("--pid", type=int, metavar="PID", help="Ask the process of this pid.")(command)
