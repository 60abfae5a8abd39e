"""``usernet ping``: ICMP echo from a running program's stack, or from a stack of its own (ping(8))."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from ..client import Refused, choose, instance_options
from ..errors import USAGE, os_error
from ..format import ping
from ..launch import Network, network_options
from ..output import json_option, print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "count", type=click.IntRange(1), metavar="N", help="Stop after N requests.")
@click.option("-i", "interval", type=float, default=1.0, metavar="S", help="Seconds between requests (1).")
@click.option("-W", "timeout", type=float, default=10.0, metavar="S", help="Seconds to wait for the last reply (10).")
@click.option("-s", "size", type=int, default=56, metavar="N", help="Octets of payload (56).")
@click.option("-t", "ttl", type=click.IntRange(1, 255), metavar="N", help="Time to live.")
@click.option("-q", "quiet", is_flag=True, help="Only the summary.")
@json_option
@instance_options
@network_options
@click.argument("host")
def command(
    count: int | None,
    interval: float,
    timeout: float,
    size: int,
    ttl: int | None,
    quiet: bool,
    as_json: bool,
    pid: int | None,
    name: str | None,
    host: str,
    **network: Any,
) -> int:
    """Send ICMP echo requests to HOST, as ping(8) does.

    From the stack of the running program; with --net from a stack made for it: `usernet ping --net user: 10.0.2.2`.
    """
    words = {"host": host, "count": count or 0, "interval": interval, "timeout": timeout, "size": size, "ttl": ttl}
    if network["net"] is None:
        items = choose(pid, name).stream("ping", **words)
        return _report(host, items, quiet=quiet or as_json, as_json=as_json)
    with Network.open(name or "ping", **network) as net:
        from ..echo import echo

        return _report(host, echo(net.stack, words), quiet=quiet or as_json, as_json=as_json)


def _report(host: str, items: Iterator[dict[str, Any]], *, quiet: bool, as_json: bool) -> int:
    """Print what comes. As ping(8) ends: 0 when a reply came, 1 when none did, 2 when nothing could be sent."""
    stats = ping.Statistics(host)
    started_at = time.monotonic_ns()
    seen: list[dict[str, Any]] = []
    try:
        for item in items:
            seen.append(item)
            line = _count(stats, item)
            stats.elapsed_ns = time.monotonic_ns() - started_at
            if line and not (quiet and item["kind"] != "start") and not as_json:
                click.echo(line)
    except KeyboardInterrupt:
        pass
    except Refused as error:
        raise os_error(f"ping: {host}", OSError(error.errno, error.reason), status=USAGE) from None
    except OSError as error:
        raise os_error(f"ping: {host}", error, status=USAGE) from None
    if as_json:
        print_json({**vars(stats), "replies": [item for item in seen if item["kind"] == "reply"]})
    else:
        click.echo("\n" + ping.summary(stats), nl=False)
    return 0 if stats.received else 1


def _count(stats: ping.Statistics, item: dict[str, Any]) -> str:
    kind = item["kind"]
    if kind == "start":
        return ping.heading(stats.host, item["address"], item["size"])
    if kind == "sent":
        stats.transmitted += 1
        return ""
    if kind == "error":
        stats.errors += 1
        return ping.trouble(item["address"], item["seq"], item["errno"])
    if item["duplicate"]:
        stats.duplicates += 1
    else:
        stats.received += 1
        stats.rtts_ns.append(item["rtt_ns"])
    return ping.reply(
        item["address"], item["octets"], item["seq"], item["ttl"], item["rtt_ns"], duplicate=item["duplicate"]
    )
