"""``usernet ss``: the sockets of a running stack (ss(8))."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from ..client import choose, instance_options
from ..errors import USAGE, CliError
from ..format import ss
from ..output import json_option, print_json

Row = dict[str, Any]
Test = Callable[[Row], bool]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-t", "--tcp", is_flag=True, help="TCP sockets.")
@click.option("-u", "--udp", is_flag=True, help="UDP sockets.")
@click.option("-w", "--raw", is_flag=True, help="Raw and ping sockets.")
@click.option("-a", "--all", "every", is_flag=True, help="Listening ones and connections.")
@click.option("-l", "--listening", is_flag=True, help="Only listening ones.")
@click.option("-n", "--numeric", is_flag=True, help="Ports as numbers, rates with all digits.")
@click.option("-i", "--info", is_flag=True, help="What TCP knows: congestion window, round-trip time, ...")
@click.option("-m", "--memory", is_flag=True, help="Socket memory.")
@click.option("-o", "--options", "timer", is_flag=True, help="Timers.")
@click.option("-e", "--extended", is_flag=True, help="More detail.")
@click.option("-p", "--processes", is_flag=True, help="Process and descriptor.")
@click.option("-O", "--oneline", is_flag=True, help="One line a socket.")
@click.option("-s", "--summary", is_flag=True, help="Totals.")
@click.option("-H", "--no-header", is_flag=True, help="No heading.")
@json_option
@instance_options
@click.argument("filter_words", metavar="[FILTER]", nargs=-1)
def command(
    tcp: bool,
    udp: bool,
    raw: bool,
    every: bool,
    listening: bool,
    numeric: bool,
    info: bool,
    memory: bool,
    timer: bool,
    extended: bool,
    processes: bool,
    oneline: bool,
    summary: bool,
    no_header: bool,
    as_json: bool,
    pid: int | None,
    name: str | None,
    filter_words: tuple[str, ...],
) -> None:
    """Sockets of a running program, with the flags and columns of ss(8).

    FILTER: `state NAME`, `exclude NAME`, `sport = :PORT`, `dport = :PORT`, `src ADDR[:PORT]`, `dst ADDR[:PORT]`;
    all of them must hold.
    """
    tests, states = parse_filter(filter_words)
    rows: list[Row] = choose(pid, name).ask("ss")
    if summary:
        counts = count(rows)
        print_json(counts) if as_json else click.echo(ss.summary(counts), nl=False)
        return
    kinds = {kind for kind, wanted in (("tcp", tcp), ("udp", udp), ("icmp", raw)) if wanted} or {"tcp", "udp", "icmp"}
    if states is None:
        states = ss.STATE_NAMES["all"] if every else ss.LISTENING if listening else ss.CONNECTED
    rows = [row for row in rows if row["netid"] in kinds and row["state"] in states and all(t(row) for t in tests)]
    if as_json:
        print_json(rows)
        return
    options = ss.Options(
        numeric=numeric,
        netid=len(kinds) > 1,
        header=not no_header,
        info=info,
        memory=memory,
        timer=timer,
        extended=extended,
        processes=processes,
        oneline=oneline,
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
    )
    click.echo(ss.render(rows, options), nl=False)


def parse_filter(words: Sequence[str]) -> tuple[list[Test], frozenset[str] | None]:
    """ss's FILTER, the conjunctions of it: tests a row must pass, and the states if any were named."""
    tests: list[Test] = []
    states: frozenset[str] | None = None
    rest = [word for word in words if word not in {"and", "&&", "(", ")"}]
    while rest:
        word = rest.pop(0)
        if not rest:
            raise CliError(f"ss: {word!r} needs a word behind it", USAGE)
        value = rest.pop(0)
        if word in {"state", "exclude"}:
            if value not in ss.STATE_NAMES:
                raise CliError(f"ss: no state {value!r}; there are {', '.join(ss.STATE_NAMES)}", USAGE)
            if word == "state":
                states = (states or frozenset()) | ss.STATE_NAMES[value]
            else:
                states = (states or ss.STATE_NAMES["all"]) - ss.STATE_NAMES[value]
        elif word in {"sport", "dport"}:
            if value in {"=", "==", "eq"} and rest:
                value = rest.pop(0)
            tests.append(_port_test("local_port" if word == "sport" else "peer_port", value))
        elif word in {"src", "dst"}:
            tests.append(_host_test("local" if word == "src" else "peer", value))
        else:
            raise CliError(f"ss: {word!r} is no filter (see `usernet ss --help`)", USAGE)
    return tests, states


def _port_test(field: str, text: str) -> Test:
    try:
        port = int(text.rpartition(":")[2])
    except ValueError:
        raise CliError(f"ss: {text!r} is no port", USAGE) from None
    return lambda row: bool(row[field] == port)


def _host_test(field: str, text: str) -> Test:
    address, colon, port = text.rpartition(":") if text.count(":") == 1 or "]" in text else (text, "", "")
    address = address.strip("[]")
    port_test = _port_test(f"{field}_port", port) if colon else None
    return lambda row: row[field] == address and (port_test is None or port_test(row))


def count(rows: Sequence[Row]) -> dict[str, int]:
    """The totals of ``ss -s``."""
    counts = {"closed": 0, "orphaned": 0, "raw6": 0, "tcp6": 0, "udp6": 0}
    for kind, netid in (("tcp", "tcp"), ("udp", "udp"), ("raw", "icmp")):
        counts[kind] = sum(row["netid"] == netid and row["state"] != "TIME-WAIT" for row in rows)
    counts["estab"] = sum(row["netid"] == "tcp" and row["state"] == "ESTAB" for row in rows)
    counts["timewait"] = sum(row["state"] == "TIME-WAIT" for row in rows)
    counts["orphaned"] = sum(bool(row.get("orphan")) for row in rows)
    return counts
