"""``usernet sysctl``: the settings of a running stack (sysctl(8))."""

from __future__ import annotations

import errno
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
    wanted = list(table) if every else [n for word in settings for n in _match(table, word.partition("=")[0].strip())]
    if as_json:
        print_json({n: table[n]["value"] for n in wanted})
        return
    for n in wanted:
        value = text_of(table[n]["value"])
        click.echo(n if names else value if values else f"{n} = {value}")
        if describe:
            click.echo(f"    {table[n]['help']}")


def _match(table: dict[str, Any], word: str) -> list[str]:
    key = word.replace("/", ".")
    found = [key] if key in table else [n for n in table if fnmatchcase(n, key)]
    if not found:
        raise CliError(f"sysctl: cannot stat /proc/sys/{key.replace('.', '/')}: {_reason(errno.ENOENT)}", FAILURE)
    return found


def _set(instance: Any, word: str) -> None:
    key, _, value = word.partition("=")
    key = key.strip().replace("/", ".")
    try:
        instance.ask("sysctl_set", name=key, value=value.strip())
    except Refused as error:
        raise CliError(f"sysctl: setting {key!r}: {_reason(error.errno)}: {error.reason}", FAILURE) from None


def _reason(number: int) -> str:
    import os

    return f"{errno.errorcode[number]} ({os.strerror(number)})"


def text_of(value: Any) -> str:
    """A value as procfs writes it: numbers apart by tabs."""
    return "\t".join(str(part) for part in value) if isinstance(value, list) else str(value)
