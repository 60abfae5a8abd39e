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
    """What a running program's network dropped, how often, and what that means.

    Its stack, its user-mode NAT and its impairments together; `usernet nstat 'Drop.*'` is the stack alone.
    """
    found = explain(choose(pid, name).ask("drops"))
    print_json(found) if as_json else click.echo(render(found), nl=False)
