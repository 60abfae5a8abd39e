"""``usernet ip``: addresses, links, routes, neighbours of a running stack, and the running stacks (ip(8))."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ..client import Refused, choose, instance_options, instances
from ..errors import FAILURE, USAGE, CliError
from ..format import ip
from ..output import json_option, print_json

OBJECTS = ("address", "link", "route", "neighbour", "netns", "tcp_metrics")
# What tells routes apart, and what a route says to TCP.
NAMES_OF_A_ROUTE = {"via": "gateway", "dev": "dev", "metric": "metric"}
METRICS = ("mtu", "advmss", "initcwnd", "initrwnd", "congctl")
ALIASES = {"neighbor": "neighbour", "a": "address", "l": "link", "r": "route", "n": "neighbour"}


@dataclass
class Query:
    """The command line, read."""

    stats: bool
    brief: bool
    family: int
    as_json: bool
    pid: int | None
    name: str | None
    words: list[str]

    def show(self, data: Any, text: Callable[[Any], str]) -> None:
        """Print JSON or text."""
        print_json(data) if self.as_json else click.echo(text(data), nl=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-s", "-stats", "-statistics", "stats", is_flag=True, help="Statistics too.")
@click.option("-br", "-brief", "brief", is_flag=True, help="One line each.")
@click.option("-4", "ipv4", is_flag=True, help="IPv4 only.")
@click.option("-6", "ipv6", is_flag=True, help="IPv6 only.")
@json_option
@instance_options
@click.argument("what", metavar="OBJECT")
@click.argument("words", metavar="[COMMAND]", nargs=-1)
def command(
    stats: bool,
    brief: bool,
    ipv4: bool,
    ipv6: bool,
    as_json: bool,
    pid: int | None,
    name: str | None,
    what: str,
    words: tuple[str, ...],
) -> None:
    """Addresses, links, routes, neighbours and TCP's metrics of a running program, in the formats of ip(8).

    \b
    usernet ip addr [show [dev] NAME]
    usernet ip link [show [dev] NAME]
    usernet ip route [show | get ADDRESS]
    usernet ip route change PREFIX [via IP] [dev NAME] [metric N] METRIC VALUE...
                                            METRIC: mtu advmss initcwnd initrwnd congctl; the others stay
    usernet ip neigh [show [dev] NAME]
    usernet ip tcp_metrics [show [[address] PREFIX]]
    usernet ip tcp_metrics delete [address] ADDRESS
    usernet ip tcp_metrics flush [[address] PREFIX | all]
                                            what TCP remembers of peers for the next connection
    usernet ip netns                        what is running, and where
    """
    query = Query(stats, brief, 4 if ipv4 else 6 if ipv6 else 0, as_json, pid, name, list(words))
    HANDLERS[_object(what)](query)


def _object(word: str) -> str:
    if word == "tcpmetrics":
        return "tcp_metrics"
    if word in ALIASES:
        return ALIASES[word]
    for name in OBJECTS:
        if name.startswith(word):
            return name
    raise CliError(f"ip: object {word!r} is unknown; there are {', '.join(OBJECTS)}", USAGE)


def _device_word(words: Sequence[str]) -> str | None:
    """The NAME in ``show [dev] NAME``; "" words mean all."""
    rest = list(words)
    if rest and rest[0] in {"show", "list", "ls", "lst"}:
        rest.pop(0)
    elif rest and rest[0] != "dev":
        raise CliError(f"ip: command {rest[0]!r} is unknown; there is only show", USAGE)
    if rest and rest[0] == "dev":
        rest.pop(0)
        if not rest:
            raise CliError("ip: dev needs a name behind it", USAGE)
    if len(rest) > 1:
        raise CliError(f"ip: {rest[1]!r} is one word too many", USAGE)
    return rest[0] if rest else None


def _of_device(rows: list[dict[str, Any]], device: str | None, key: str) -> list[dict[str, Any]]:
    if device is None:
        return rows
    chosen = [row for row in rows if row[key] == device]
    if not chosen and key == "ifname":
        raise CliError(f'Device "{device}" does not exist.')
    return chosen


def _links(query: Query) -> None:
    rows = choose(query.pid, query.name).ask("link", stats=query.stats)
    rows = _of_device(rows, _device_word(query.words), "ifname")
    query.show(rows, lambda data: ip.links(data, stats=query.stats, brief=query.brief))


def _addresses(query: Query) -> None:
    rows = choose(query.pid, query.name).ask("addr", stats=query.stats)
    rows = _of_device(rows, _device_word(query.words), "ifname")
    query.show(rows, lambda data: ip.addresses(data, stats=query.stats, brief=query.brief, family=query.family))


def _routes(query: Query) -> None:
    if query.words[:1] == ["get"]:
        if len(query.words) != 2:
            raise CliError("ip: route get needs one address", USAGE)
        row = choose(query.pid, query.name).ask("route_get", address=query.words[1], family=query.family or 4)
        query.show([row], lambda data: ip.route_get(data[0]))
        return
    if query.words[:1] == ["change"]:
        _change_route(query)
        return
    rows = choose(query.pid, query.name).ask("route", family=query.family or 4)
    query.show(_of_device(rows, _device_word(query.words), "dev"), ip.routes)


def _change_route(query: Query) -> None:
    pairs = query.words[2:]
    if len(pairs) < 2 or len(pairs) % 2:
        raise CliError("ip: route change needs a prefix, and words with a value each", USAGE)
    route: dict[str, Any] = {"dst": query.words[1]}
    metrics: dict[str, Any] = {}
    for word, value in zip(pairs[::2], pairs[1::2], strict=True):
        if word in NAMES_OF_A_ROUTE:
            route[NAMES_OF_A_ROUTE[word]] = _number(word, value) if word == "metric" else value
        elif word in METRICS:
            metrics[word] = value if word == "congctl" else _number(word, value)
        else:
            raise CliError(f"ip: {word!r} is unknown; a route has {', '.join((*NAMES_OF_A_ROUTE, *METRICS))}", USAGE)
    if not metrics:
        raise CliError(f"ip: route change needs one of {', '.join(METRICS)}", USAGE)
    try:
        choose(query.pid, query.name).ask("route_change", route=route, metrics=metrics, family=query.family or 4)
    except Refused as error:
        raise CliError(f"ip: route {query.words[1]}: {error.message}", FAILURE) from None


def _number(word: str, value: str) -> int:
    if not value.isdecimal():
        raise CliError(f"ip: {word} needs a number, not {value!r}", USAGE)
    return int(value)


def _neighbours(query: Query) -> None:
    rows = choose(query.pid, query.name).ask("neigh", stats=query.stats)
    rows = _of_device(rows, _device_word(query.words), "dev")
    query.show(rows, lambda data: ip.neighbours(data, stats=query.stats, brief=query.brief))


def _tcp_metrics(query: Query) -> None:
    words = list(query.words)
    verb = words.pop(0) if words else "show"
    if words[:1] in (["address"], ["addr"]):
        words.pop(0)
    if len(words) > 1:
        raise CliError(f"ip: {words[1]!r} is one word too many", USAGE)
    prefix = words[0] if words and words[0] not in {"all", "any", "default"} else ""
    stack = choose(query.pid, query.name)
    if verb in {"show", "list", "lst"}:
        query.show(stack.ask("tcp_metrics", prefix=prefix), ip.tcp_metrics)
    elif verb in {"delete", "del", "remove"}:
        if not prefix or "/" in prefix:
            raise CliError("ip: tcp_metrics delete needs an address", USAGE)
        if stack.ask("tcp_metrics_delete", prefix=prefix) == 0:
            raise CliError(f"ip: tcp_metrics {prefix}: No such process", FAILURE)
    elif verb == "flush":
        if stack.ask("tcp_metrics_delete", prefix=prefix) == 0 and prefix:
            click.echo("Nothing to flush.", err=True)
    else:
        raise CliError(f"ip: command {verb!r} is unknown; there are show, delete and flush", USAGE)


def _netns(query: Query) -> None:
    _device_word(query.words)
    query.show(instances(), ip.namespaces)


HANDLERS: dict[str, Callable[[Query], None]] = {
    "address": _addresses,
    "link": _links,
    "route": _routes,
    "neighbour": _neighbours,
    "netns": _netns,
    "tcp_metrics": _tcp_metrics,
}
