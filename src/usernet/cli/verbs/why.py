"""``usernet why``: what a running stack dropped, and why."""

from __future__ import annotations

import click

from ..client import choose, instance_options
from ..format.why import explain, render
from ..output import json_option, print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@json_option
@instance_options
def command(as_json: bool, pid: int | None, name: str | None) -> None:
    """What a running program's stack dropped, how often, and what that means."""
    counters: dict[str, int] = choose(pid, name).ask("nstat")["counters"]
    found = explain(counters)
    print_json(found) if as_json else click.echo(render(found), nl=False)
