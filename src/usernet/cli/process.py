"""The life of a process under ``usernet run``: build, patch, run, linger, and end as Python would have ended.

The network is taken down in an atexit callback registered before the program's own, so it outlives its threads and its
callbacks. An end by signal is an end by signal for the parent too.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn

import click

from . import control
from .errors import CliError, errno_text
from .launch import LINGER_NS, Network
from .program import Program, execute

# Tells the second start from the first.
STARTED_AGAIN = "USERNET_STARTED_AGAIN"
PACKAGE = os.path.dirname(os.path.abspath(__file__))


class Terminated(SystemExit):
    """SIGTERM came, and the program has not said what to do then."""


class Launch:
    """A program and the network it is to run on; calling it runs both and ends the process."""

    def __init__(self, program: Program, build: Callable[[], Network]) -> None:
        self.program = program
        self._build = build
        self._pid = os.getpid()
        self._network: Network | None = None
        self._server: control.ControlServer | None = None
        self._main_ended = False
        self._ended_by = 0  # the signal that ended it

    def __call__(self) -> int:
        """Run it; returns the exit status, or raises SystemExit as the program did."""
        if self.program.interpreter_options and os.environ.pop(STARTED_AGAIN, None) is None:
            _start_again(self.program.interpreter_options)
        try:
            self._network = self._build()
        except CliError as error:
            error.show()
            return error.status
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        atexit.register(self._take_down)
        self._serve(self._network)
        _patch(self._network)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminate)
        try:
            return self._run()
        except Terminated:
            # The others of its threads are not waited for: the signal would have killed them too.
            self._ended_by = signal.SIGTERM
            self._take_down()
            return 128 + signal.SIGTERM
        finally:
            self._main_ended = True

    def _run(self) -> int:
        try:
            execute(self.program)
        except CliError as error:
            error.show()
            return error.status
        except SystemExit:
            raise
        except BaseException as error:
            error.__traceback__ = _trimmed(error.__traceback__)
            sys.excepthook(type(error), error, error.__traceback__)
            if isinstance(error, KeyboardInterrupt):
                self._ended_by = signal.SIGINT
                return 128 + signal.SIGINT
            return 1
        return 0

    def _serve(self, network: Network) -> None:
        try:
            self._server = control.serve(
                network.host,
                stack=network.stack.name,
                net=network.url,
                program=self.program.title,
                published=[str(port) for port in network.published],
            )
        except OSError as error:
            # The program matters more than looking into it.
            click.echo(f"usernet: no control socket, ss and its like will not find this: {errno_text(error)}", err=True)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        if self._main_ended:
            # The main thread only waits for the others, where an exception would be lost.
            self._ended_by = number
            self._take_down()
        raise Terminated(128 + number)

    def _take_down(self) -> None:
        network, self._network = self._network, None
        if os.getpid() != self._pid or network is None:
            return
        try:
            network.close(0 if self._ended_by else LINGER_NS)
        except CliError as error:
            error.show()
        except (KeyboardInterrupt, Terminated) as error:
            self._ended_by = signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM
            with contextlib.suppress(CliError):
                network.close(0)
        finally:
            if self._server is not None:
                self._server.close()
        if self._ended_by:
            _die_by(self._ended_by)


def _patch(network: Network) -> None:
    from ..compat.patch import patch

    patch(network.stack)


def _die_by(number: int) -> None:
    """End by this signal, so that the parent sees what happened; output is flushed first."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _trimmed(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback as python would show it: without the frames of this command."""
    while traceback is not None and os.path.dirname(os.path.abspath(traceback.tb_frame.f_code.co_filename)) == PACKAGE:
        traceback = traceback.tb_next
    return traceback


def _start_again(options: list[str]) -> NoReturn:
    """Start the same command in a fresh interpreter that has these options."""
    os.environ[STARTED_AGAIN] = "1"
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *options, "-m", "usernet", *sys.argv[1:]])
