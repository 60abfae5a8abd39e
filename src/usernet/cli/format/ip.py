"""Links, addresses, routes and neighbours as iproute2's ``ip`` prints them; the data is what ``ip -j`` gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

STAT_TITLES = ("*X errors:", "packets", "errors", "dropped", "heartbt", "overrun", "compressed")
FOREVER = 0xFFFFFFFF


def links(rows: Iterable[Row], *, stats: bool = False, brief: bool = False) -> str:
    """``ip link``."""
    rows = list(rows)
    if brief:
        return "".join(_brief_link(row) for row in rows)
    return "".join(_link_head(row, mode=True) + (_stats(row["stats64"]) if stats else "") for row in rows)


def addresses(rows: Iterable[Row], *, stats: bool = False, brief: bool = False, family: int = 0) -> str:
    """``ip addr``; family 4 or 6 leaves the others and the link line out."""
    text = ""
    for row in rows:
        inet = [a for a in row["addr_info"] if not family or a["family"] == ("inet" if family == 4 else "inet6")]
        if family and not inet:
            continue
        if brief:
            shown = "".join(f"{a['local']}/{a['prefixlen']} " for a in inet)
            text += f"{_name(row):<16} {row['operstate']:<14} {shown}\n"
            continue
        text += _link_head(row, mode=False, hardware=not family)
        text += "".join(_address(a) for a in inet)
        if stats:
            text += _stats(row["stats64"])
    return text


def _name(row: Row) -> str:
    return f"{row['ifname']}@{row['link']}" if row.get("link") else str(row["ifname"])


def _brief_link(row: Row) -> str:
    flags = ",".join(row["flags"])
    return f"{_name(row):<16} {row['operstate']:<14} {row.get('address', '')} <{flags}> \n"


def _link_head(row: Row, *, mode: bool, hardware: bool = True) -> str:
    linkmode = f"mode {row.get('linkmode', 'DEFAULT')} " if mode else ""
    text = (
        f"{row['ifindex']}: {_name(row)}: <{','.join(row['flags'])}> mtu {row['mtu']} qdisc {row['qdisc']} "
        f"state {row['operstate']} {linkmode}group {row['group']} qlen {row['txqlen']}\n"
    )
    if hardware:
        text += f"    link/{row['link_type']} "
        if row.get("address"):
            text += f"{row['address']} brd {row['broadcast']}"
        text += "\n"
    return text


def _address(address: Row) -> str:
    broadcast = f" brd {address['broadcast']}" if address.get("broadcast") else ""
    label = f" {address['label']}" if address.get("label") else " "
    valid, preferred = _lifetime(address["valid_life_time"]), _lifetime(address["preferred_life_time"])
    network = f"{address['local']}/{address['prefixlen']}{broadcast}"
    return (
        f"    {address['family']} {network} scope {address['scope']}{label}\n"
        f"       valid_lft {valid} preferred_lft {preferred}\n"
    )


def _lifetime(seconds: int) -> str:
    return "forever" if seconds == FOREVER else f"{seconds}sec"


def _stats(stats: Mapping[str, Mapping[str, int]]) -> str:
    rx, tx = stats["rx"], stats["tx"]
    received = [rx[n] for n in ("bytes", "packets", "errors", "dropped", "over_errors", "multicast")]
    sent = [tx[n] for n in ("bytes", "packets", "errors", "dropped", "carrier_errors", "collisions")]
    widths = [
        max(len(title), len(str(a)), len(str(b)))
        for title, a, b in zip(STAT_TITLES, [*received, 0], [*sent, 0], strict=True)
    ]
    return (
        _stat_heading("RX", widths, ("missed", "mcast"))
        + _stat_values(received, widths)
        + _stat_heading("TX", widths, ("carrier", "collsns"))
        + _stat_values(sent, widths)
    )


def _stat_heading(direction: str, widths: Sequence[int], last: tuple[str, str]) -> str:
    titles = ("packets", "errors", "dropped", *last, "")
    columns = " ".join(title.rjust(width) for title, width in zip(titles, widths[1:], strict=True))
    return f"    {direction}: {'bytes'.rjust(widths[0] - 4)} {columns}\n"


def _stat_values(values: Sequence[int], widths: Sequence[int]) -> str:
    return "    " + "".join(f"{value:>{width}} " for value, width in zip(values, widths, strict=False)) + "\n"


def routes(rows: Iterable[Row]) -> str:
    """``ip route``."""
    return "".join(_route(row) + "\n" for row in rows)


def _route(row: Row) -> str:
    text = f"{row['type']} " if row.get("type") else ""
    text += f"{row['dst']} "
    if row.get("gateway"):
        text += f"via {row['gateway']} "
    text += f"dev {row['dev']} "
    if row.get("table"):
        text += f"table {row['table']} "
    for word, name in (("proto", "protocol"), ("scope", "scope"), ("src", "prefsrc"), ("metric", "metric")):
        if row.get(name):
            text += f"{word} {row[name]} "
    for metric in row.get("metrics", ()):
        text += "".join(f"{name} {value} " for name, value in metric.items())
    return text


def route_get(row: Row) -> str:
    """``ip route get``: one answer."""
    return f"{_route(row)}uid {row['uid']} \n    cache \n"


def tcp_metrics(rows: Iterable[Row]) -> str:
    """``ip tcp_metrics``."""
    return "".join(_peer(row) + "\n" for row in rows)


def _peer(row: Row) -> str:
    text = f"{row['dst']} age {row['age']:.3f}sec"
    for name in ("ssthresh", "cwnd", "reordering"):
        if name in row:
            text += f" {name} {row[name]}"
    for name in ("rtt", "rttvar"):
        if name in row:
            text += f" {name} {round(row[name] * 1_000_000)}us"
    if "fopen_miss" in row:
        text += f" fo_mss {row['fopen_miss']}"
    if "fopen_syn_drops" in row:
        text += f" fo_syn_drops {row['fopen_syn_drops']}/{row['fopen_syn_drop_ts']:.3f}sec ago"
    if "fo_cookie" in row:
        text += f" fo_cookie {row['fo_cookie']}"
    return f"{text} source {row['source']}"


def neighbours(rows: Iterable[Row], *, stats: bool = False, brief: bool = False) -> str:
    """``ip neigh``."""
    text = ""
    for row in rows:
        if brief:
            text += f"{row['dst']:<39} {row['dev']:<16} {row.get('lladdr', '')}\n"
            continue
        text += f"{row['dst']} dev {row['dev']} "
        if row.get("lladdr"):
            text += f"lladdr {row['lladdr']} "
        if stats:
            text += f"used {row['used']}/{row['confirmed']}/{row['updated']} probes {row['probes']} "
        text += f"{' '.join(row['state'])} \n"
    return text


def namespaces(rows: Iterable[Row]) -> str:
    """``usernet ip netns``: the running stacks, a line each (Linux lists only names)."""
    table = [("NAME", "PID", "MODE", "NET", "PROGRAM")]
    for row in rows:
        table += [(name, str(row["pid"]), row["mode"], row.get("net", "-"), row["program"]) for name in row["stacks"]]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    return "".join(
        " ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]) + "\n"
        for line in table
    )
