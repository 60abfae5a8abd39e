"""``usernet doctor``: what this machine allows, and what works anyway."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import probe
from ..output import json_option, print_json

MARKS = {"yes": ("\u2713", "green"), "part": ("~", "yellow"), "no": ("\u2717", "red")}
PLAIN_MARKS = {"yes": "yes", "part": "part", "no": "no"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@json_option
def command(as_json: bool) -> None:
    """What this machine allows (TAP, namespaces, AF_XDP, a compiler), why not, and what works anyway."""
    if as_json:
        print_json(probe.as_dicts())
        return
    console = Console(highlight=False)
    section = ""
    table = _table()
    found = list(probe.findings())
    for finding in found:
        if finding.section != section:
            if section:
                console.print(table)
            section = finding.section
            console.print(Text(f"\n{section}" if finding is not found[0] else section, style="bold"))
            table = _table()
        table.add_row(_mark(finding.mark), finding.name, _reason(finding))
    console.print(table)
    console.print(f"\n{_verdict(found)}")


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=4 if not sys.stdout.isatty() else 1)
    table.add_column(width=18, no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _mark(mark: probe.Mark) -> Text:
    if not sys.stdout.isatty():
        return Text(PLAIN_MARKS[mark])
    sign, color = MARKS[mark]
    return Text(sign, style=color)


def _reason(finding: probe.Finding) -> Text:
    text = Text(finding.reason)
    if finding.anyway:
        text.append("\n\u2192 " if sys.stdout.isatty() else "\n-> ", style="dim")
        text.append(finding.anyway, style="dim")
    return text


def _verdict(found: list[probe.Finding]) -> str:
    marks = {finding.name: finding.mark for finding in found}
    if marks["User-mode NAT"] != "yes":
        return "Not even a server socket on 127.0.0.1 is allowed here: only simulations will run."
    if marks["TAP, TUN"] == "yes":
        return "Everything runs here. Try: usernet demo"
    return "Programs run here through user-mode NAT (--net user:, the default). Try: usernet demo"
