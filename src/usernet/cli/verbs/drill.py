"""``usernet drill``: run ``.pkt`` scripts against our TCP in virtual time (docs/drill.md)."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from ..errors import USAGE, CliError
from ..output import json_option, print_json

if TYPE_CHECKING:
    # The public test tools stand below this floor; only this verb is a face of theirs, and it loads them when used.
    from ...testing.drill import Result

COLORS = {"ok": "green", "FAIL": "bold red", "skipped": "yellow", "unsupported": "magenta", "error": "bold red"}
STATUS_FAILED = 1
STATUS_UNTESTED = 2


def script_options(command: Any) -> Any:
    """The options of scripts, which win over those in their heads."""
    numbers = ("bind_port", "connect_port", "mtu", "mss", "tolerance_usecs", "tcp_ts_tick_usecs")
    texts = ("ip_version", "local_ip", "remote_ip", "netmask_ip", "gateway_ip", "tolerance_percent")
    flags = ("tcp_ts_ecr_scaled", "send_omit_free", "strict_segments")
    for name in reversed(numbers):
        command = click.option(f"--{name}", name, type=int, metavar="N", help="As in scripts.")(command)
    for name in reversed(texts):
        command = click.option(f"--{name}", name, metavar="TEXT", help="As in scripts.")(command)
    for name in reversed(flags):
        command = click.option(f"--{name}", name, is_flag=True, default=None, help="As in scripts.")(command)
    return click.option("-D", "--define", "defines", multiple=True, metavar="SYMBOL=VALUE", help="As in scripts.")(
        command
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", metavar="FILES|DIRS", nargs=-1, required=True)
@click.option("-v", "--verbose", is_flag=True, help="Every packet, both ways, with its virtual time.")
@click.option("-q", "--quiet", is_flag=True, help="Only what did not pass, and the totals.")
@click.option("-J", "--jobs", type=click.IntRange(1, 256), default=1, help="Scripts at once.", show_default=True)
@click.option("--pcap", metavar="FILE", help="Write the packets of the run (of one script) as pcapng.")
@json_option
@script_options
def command(
    paths: tuple[str, ...],
    verbose: bool,
    quiet: bool,
    jobs: int,
    pcap: str | None,
    as_json: bool,
    defines: tuple[str, ...],
    **options: Any,
) -> int:
    """Run .pkt scripts (packetdrill's language) against usernet's TCP, in virtual time.

    One line a script: ok, FAIL, skipped (for another IP version), unsupported (it asks for something this machine has
    not) or error (it is no script). Status 0 when none failed, 1 when one did, 2 when one could not be run.
    """
    scripts = list(find(paths))
    if not scripts:
        raise CliError("drill: no .pkt script there", USAGE)
    if pcap is not None and len(scripts) > 1:
        raise CliError("drill: --pcap is for one script", USAGE)
    given: list[tuple[str, str | None]] = [("define", text) for text in defines]
    given += [(name, None if value is True else str(value)) for name, value in options.items() if value is not None]
    results: list[Result] = []
    console = Console(highlight=False, soft_wrap=True)
    for result in run_all(scripts, jobs, pcap, given):
        results.append(result)
        if not as_json and not (quiet and result.outcome in ("ok", "skipped")):
            show(console, result, verbose)
    counts = Counter(result.outcome for result in results)
    if as_json:
        print_json({"scripts": [row(result, verbose) for result in results], "totals": dict(counts)})
    else:
        console.print(totals(counts))
    if counts["FAIL"]:
        return STATUS_FAILED
    return STATUS_UNTESTED if counts["error"] or counts["unsupported"] else 0


def find(paths: tuple[str, ...]) -> Iterator[str]:
    """The scripts: files as given, directories searched for ``*.pkt``."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(str(found) for found in path.rglob("*.pkt"))
        elif path.is_file():
            yield str(path)
        else:
            raise CliError(f"drill: no file or directory {path}", USAGE)


def run_all(scripts: list[str], jobs: int, pcap: str | None, given: list[tuple[str, str | None]]) -> Iterator[Result]:
    """Run them in order, several at once when asked to."""
    run = partial(run_one, pcap=pcap, given=given)
    if jobs == 1 or len(scripts) == 1:
        yield from map(run, scripts)
        return
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(scripts))) as pool:
        yield from pool.imap(run, scripts, chunksize=4)


def run_one(path: str, pcap: str | None, given: list[tuple[str, str | None]]) -> Result:
    """Run one script."""
    drill = import_module("usernet.testing.drill.run")
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    result: Result = drill.run_text(text, path, pcap, given)
    return result


def show(console: Console, result: Result, verbose: bool) -> None:
    """The line of a script, and what belongs to it."""
    line = Text(f"{result.outcome:<11}", style=COLORS[result.outcome])
    line.append(result.name if result.outcome == "ok" else result.message, style="")
    console.print(line)
    if verbose:
        for text in result.trace:
            console.print(Text(f"    {text}", style="dim"))
    if result.outcome in ("FAIL", "error"):
        for text in result.details:
            console.print(Text(f"    {text}"))


def totals(counts: Counter[str]) -> Text:
    """The last line."""
    text = Text(f"{sum(counts.values())} scripts:")
    for outcome, color in COLORS.items():
        if counts[outcome] or outcome == "ok":
            text.append(f" {counts[outcome]} {outcome}", style=color)
            text.append(",")
    text.right_crop(1)
    return text


def row(result: Result, verbose: bool) -> dict[str, Any]:
    """A script's result for --json."""
    found = {
        "name": result.name,
        "outcome": result.outcome,
        "line": result.line,
        "message": result.message,
        "details": result.details,
        "seconds": result.seconds,
    }
    return found | {"trace": result.trace} if verbose else found
