"""``usernet sysctl``: the settings of a running stack (sysctl(8))."""

from __future__ import annotations

import errno
import os
from fnmatch import fnmatchcase
from typing import Any

import click

from ..client import Refused, choose, instance_options
from ..errors import FAILURE, USAGE, CliError
from ..output import json_option, print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-a", "--all", "every", is_flag=True, help="All settings.")
@click.option("-w", "--write", is_flag=True, help="Change settings: NAME=VALUE.")
@click.option("-n", "--values", is_flag=True, help="Values without names.")
@click.option("-N", "--names", is_flag=True, help="Names without values.")
@click.option("--describe", is_flag=True, help="Say what each setting does.")
@json_option
@instance_options
@click.argument("settings", metavar="[NAME[=VALUE]]...", nargs=-1)
def command(
    every: bool,
    write: bool,
    values: bool,
    names: bool,
    describe: bool,
    as_json: bool,
    pid: int | None,
    name: str | None,
    settings: tuple[str, ...],
) -> None:
    """Read and change settings of a running program under Linux's names, as sysctl(8) does.

    \b
    usernet sysctl net.ipv4.tcp_rmem
    usernet sysctl -a                                all of them
    usernet sysctl 'net.ipv4.tcp_k*' --describe      by shell pattern
    usernet sysctl -w net.ipv4.tcp_congestion_control=reno
    """
    if not settings and not every:
        raise CliError("sysctl: name a setting, or ask for all with -a", USAGE)
    instance = choose(pid, name)
    for word in settings:
        if write and "=" not in word:
            raise CliError(f'sysctl: "{word}" must be of the form name=value', USAGE)
    changes = [word for word in settings if "=" in word]
    for word in changes:
        _set(instance, word)
    table: dict[str, dict[str, Any]] = instance.ask("sysctl")
    words = ["*"] if every else [word.partition("=")[0].strip().replace("/", ".") for word in settings]
    wanted = [setting for word in words for setting in _match(table, word)]
    if as_json:
        print_json({n: table[n]["value"] for n in wanted})
        return
    for n in wanted:
        value = text_of(table[n]["value"])
        click.echo(n if names else value if values else f"{n} = {value}")
        if describe:
            click.echo(f"    {table[n]['help']}")
    for word in words:
        if not _match(table, word):
            path = word.replace(".", "/")
            raise CliError(f"sysctl: cannot stat /proc/sys/{path}: {_reason(errno.ENOENT)}", FAILURE)


def _match(table: dict[str, Any], word: str) -> list[str]:
    return [word] if word in table else [name for name in table if fnmatchcase(name, word)]


def _set(instance: Any, word: str) -> None:
    key, _, value = word.partition("=")
    key = key.strip().replace("/", ".")
    try:
        instance.ask("sysctl_set", name=key, value=value.strip())
    except Refused as error:
        raise CliError(f"sysctl: setting {key!r}: {_reason(error.errno)}: {error.reason}", FAILURE) from None


def _reason(number: int) -> str:
    return f"{errno.errorcode[number]} ({os.strerror(number)})"


def text_of(value: Any) -> str:
    """A value as procfs writes it: numbers apart by tabs."""
    return "\t".join(str(part) for part in value) if isinstance(value, list) else str(value)
