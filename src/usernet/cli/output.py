"""``--json`` of every verb, as iproute2's ``-j`` prints it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Click option ``-j``/``--json``, as the argument ``as_json``."""
    return click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(data: object) -> None:
    """Compact into a pipe, as iproute2 prints it; indented for a reader at a terminal."""
    if sys.stdout.isatty():
        click.echo(json.dumps(data, indent=4))
    else:
        click.echo(json.dumps(data, separators=(",", ":")))
