"""One line on stderr for whatever goes wrong, with Linux's errno name and what to do."""

from __future__ import annotations

import errno
import os
import socket
from typing import IO, Any

import click

USAGE = 2
FAILURE = 1
NOT_EXECUTABLE = 126
NOT_FOUND = 127

# getaddrinfo's numbers are their own, all negative.
RESOLVER_ERRORS = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}


class CliError(click.ClickException):
    """A mistake or a refusal, told in one line; ``status`` is what the process ends with."""

    def __init__(self, message: str, status: int = FAILURE) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"usernet: {self.message}", file=file, err=file is None)


def errno_text(error: OSError) -> str:
    """``EPERM (Operation not permitted)`` or ``EAI_NONAME (...)``, followed by what the raiser had to add."""
    if error.errno is None:
        return str(error)
    if error.errno < 0:
        return f"{RESOLVER_ERRORS.get(error.errno, error.errno)} ({error.strerror})"
    name = errno.errorcode.get(error.errno, str(error.errno))
    generic = os.strerror(error.errno)
    text = f"{name} ({generic})"
    if error.strerror and error.strerror != generic:
        text += f": {error.strerror}"
    return text


def os_error(what: str, error: OSError, hint: str = "", status: int = FAILURE) -> CliError:
    """The CliError for an OSError: what failed, why by errno, and what to do about it."""
    return CliError(f"{what}: {errno_text(error)}{'; ' + hint if hint else ''}", status)
