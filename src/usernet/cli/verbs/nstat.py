"""``usernet nstat``: the counters of a running stack (nstat(8))."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import click

from .. import paths
from ..client import choose, instance_options
from ..format import nstat
from ..output import json_option, print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-a", "--ignore", "absolute", is_flag=True, help="Totals, not increments since the last call.")
@click.option("-z", "--zeros", is_flag=True, help="Counters that are zero too.")
@click.option("-r", "--reset", is_flag=True, help="Forget the history: the next call counts from now.")
@click.option("-s", "--noupdate", is_flag=True, help="Do not update the history.")
@click.option("-n", "--nooutput", is_flag=True, help="Only update the history.")
@json_option
@instance_options
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
def command(
    absolute: bool,
    zeros: bool,
    reset: bool,
    noupdate: bool,
    nooutput: bool,
    as_json: bool,
    pid: int | None,
    name: str | None,
    patterns: tuple[str, ...],
) -> None:
    """Counters of a running program under the names of Linux's MIBs, as nstat(8) prints them.

    PATTERN is a shell pattern: `usernet nstat -a 'Tcp*'`. What was dropped is counted as `Drop.reason`.
    """
    instance = choose(pid, name)
    answer = instance.ask("nstat")
    counters: dict[str, int] = answer["counters"]
    history = paths.runtime_dir() / f"{instance.pid}.{answer['stack']}.nstat"
    before = {} if absolute or reset else _read(history)
    if not nooutput:
        shown = nstat.select(counters, patterns, before, zeros=zeros)
        print_json({"kernel": shown}) if as_json else click.echo(nstat.render(shown), nl=False)
    if not noupdate:
        _write(history, counters)


def _read(history: Path) -> dict[str, int]:
    try:
        found = json.loads(history.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(history: Path, counters: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        fresh = history.with_suffix(".new")
        fresh.write_text(json.dumps(counters))
        os.replace(fresh, history)
