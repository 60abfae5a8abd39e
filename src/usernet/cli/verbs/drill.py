"""``usernet drill``: run ``.pkt`` scripts against our TCP in virtual time (docs/drill.md)."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from ..errors import USAGE, CliError, errno_text
from ..output import json_option, print_json

if TYPE_CHECKING:
    # The public test tools stand below this floor; only this verb is a face of theirs, and it loads them when used.
    from ...testing.drill import Result

COLORS = {"ok": "green", "FAIL": "bold red", "skipped": "yellow", "unsupported": "magenta", "error": "bold red"}
STATUS_FAILED = 1
STATUS_UNTESTED = 2


VERSIONS = click.Choice(["ipv4", "ipv6", "ipv4-mapped-ipv6"])
# What testing/drill/config.py allows; this verb loads it only when it runs.
MTUS = 68, 65535
MSSES = 28, 65495
# The options of scripts: name, what its value is (none: a flag), help.
SCRIPT_OPTIONS = (
    ("ip_version", VERSIONS, "Sockets and packets; scripts for another than ipv4 are skipped so far. [ipv4]"),
    ("local_ip", "ADDRESS", "The stack's address, which is tun0's. [192.168.0.1]"),
    ("remote_ip", "ADDRESS", "Where the peer is. [192.0.2.1]"),
    ("netmask_ip", "MASK", "Of tun0's network. [255.255.0.0]"),
    ("bind_port", "N", "The port that bind() means by an address of '...'. [8080]"),
    ("connect_port", "N", "The port that connect() means by an address of '...'. [8080]"),
    ("mtu", click.IntRange(*MTUS), "Of tun0: the largest packet either way. [1500]"),
    (
        "mss",
        click.IntRange(*MSSES),
        "Longer packets to the stack come as super-segments of it. [as they are]",
    ),
    ("tolerance_usecs", "MICROSECONDS", "So much too early or late is in time. [4000]"),
    ("tolerance_percent", "PERCENT", "So much of the time since the event before is in time too. [12.5]"),
    ("tcp_ts_tick_usecs", "MICROSECONDS", "A tick of the stack's timestamps; 0 does not compare them. [0]"),
    ("tcp_ts_ecr_scaled", "", "Timestamps that the stack never sent may be echoed to it."),
    ("send_omit_free", "", "Read, and without effect: buffers are always kept."),
    ("strict_segments", "", "Packets are cut exactly as the script says; else equal ones add up."),
    ("dry_run", "", "Scripts are read, and not run."),
    ("gateway_ip", "ADDRESS", "Read, and without effect: tun0 needs no gateway."),
    ("speed", "MBIT", "Read, and without effect: tun0 has no speed."),
    ("init_scripts", "FILES", "Read, and without effect: no program is run."),
    ("non_fatal", "KINDS", "Read, and without effect: what differs fails the script."),
    ("code_command", "PROGRAM", "Read, and without effect: the code of scripts is Python."),
    ("code_format", "NAME", "Read, and without effect."),
    ("code_sockopt", "NAME", "Read, and without effect: what code sees is TCP_INFO, SO_MEMINFO and TCP_CC_INFO."),
    ("is_anyip", "", "Unsupported: only the local address is this stack's."),
)
NUMBERS = ("N", "MICROSECONDS")


def script_options(command: Any) -> Any:
    """The options of scripts, which win over those in their heads."""
    for name, value, words in reversed(SCRIPT_OPTIONS):
        if isinstance(value, click.ParamType):
            shown = "OCTETS" if isinstance(value, click.IntRange) else None
            command = click.option(f"--{name}", name, type=value, metavar=shown, help=words)(command)
        elif value:
            kind = int if value in NUMBERS else str
            command = click.option(f"--{name}", name, type=kind, metavar=value, help=words)(command)
        else:
            command = click.option(f"--{name}", name, is_flag=True, default=None, help=words)(command)
    words = "What a name in the script stands for; may be given more than once."
    return click.option("-D", "--define", "defines", multiple=True, metavar="SYMBOL=VALUE", help=words)(command)


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
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(scripts)), mp_context=spawn) as pool:
        try:
            yield from pool.map(run, scripts, chunksize=4)
        except BrokenProcessPool:
            raise CliError("drill: a script has ended the process it ran in; without -J it can be found") from None


def run_one(path: str, pcap: str | None, given: list[tuple[str, str | None]]) -> Result:
    """Run one script."""
    drill = import_module("usernet.testing.drill.run")
    try:
        text = drill.read_text(path)
    except OSError as error:
        raise CliError(f"drill: {path}: {errno_text(error)}", USAGE) from None
    try:
        result: Result = drill.run_text(text, path, pcap, given)
    except OSError as error:
        raise CliError(f"drill: --pcap {pcap}: {errno_text(error)}", USAGE) from None
    return result


def show(console: Console, result: Result, verbose: bool) -> None:
    """The line of a script, and what belongs to it."""
    line = Text(f"{result.outcome:<12}", style=COLORS[result.outcome])
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
    count = sum(counts.values())
    text = Text(f"{count} script{'s' * (count != 1)}:")
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
