"""What shell lines do to a run's network: routes, links, offloads; and what they read of it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final

from ...ip.address import parse_cidr
from ...tcp.const import LISTEN
from .errors import Unsupported
from .machine import Machine

# What a route may say. Those of Linux that change nothing here are read and left.
_ROUTE_NUMBERS: Final = ("mtu", "advmss", "initcwnd", "initrwnd", "rto_min", "cwnd", "ssthresh", "reordering", "window",
                         "quickack", "hoplimit", "rtt", "rttvar", "metric", "features", "congctl",
                         "fastopen_no_cookie")  # fmt: skip
# Queues that hold nothing back on a device that is never busy.
_QUEUES: Final = ("pfifo", "bfifo", "pfifo_fast", "noqueue", "fq", "fq_codel", "mq", "sfq")


def ip_command(machine: Machine, words: list[str]) -> None:
    """``ip tcp_metrics flush``, ``ip route change``, ``ip link set``, ``ip address add``. Raises Unsupported."""
    rest = [word for word in words if not word.startswith("-")]
    if "-6" in words:
        # Else the IPv4 route of that name would change.
        raise Unsupported(f"`ip {' '.join(words)}`: there is no IPv6 yet")
    if rest[:1] == ["tcp_metrics"] or rest[:1] == ["tcpmetrics"]:
        machine.stack.tcp.peers.clear()
    elif rest[:1] and "route".startswith(rest[0]) and rest[1:2] in (["change"], ["add"], ["replace"], ["append"]):
        _route(machine, rest[2:])
    elif rest[:2] == ["route", "flush"] or rest[:2] == ["route", "show"]:
        return
    elif rest[:2] == ["link", "set"]:
        _link(machine, [word for word in rest[2:] if word != "dev"])
    elif rest[:1] and rest[0] in ("addr", "address") and rest[1:2] == ["add"]:
        address, prefixlen = parse_cidr(rest[2])
        machine.interface.add_address(address, prefixlen)
    else:
        raise Unsupported(f"`ip {' '.join(words)}`")


def _route(machine: Machine, words: list[str]) -> None:
    """A route with its metrics; the destination stays where it is, out of ``tun0``."""
    try:
        prefix, prefixlen = (bytes(4), 0) if words[:1] == ["default"] else parse_cidr(_with_prefix(words[0]))
    except (ValueError, IndexError):
        raise Unsupported(f"`ip route ... {' '.join(words)}`") from None
    given = _route_values(words[1:])
    fib = machine.stack.ip.fib
    old = next((r for r in fib if (r.prefix, r.prefixlen) == (prefix, prefixlen)), None)
    if old is not None:
        fib.remove(prefix, prefixlen)
    route = fib.add(prefix, prefixlen, None, machine.interface, mtu=int(given.pop("mtu", 0)))
    for name, value in given.items():
        if not hasattr(route, name) or (name == "congctl" and value not in machine.stack.tcp.controls.names()):
            raise Unsupported(f"a route with {name} {value}")
        setattr(route, name, int(value) if value.isdecimal() else value)
    if given:
        machine.stack.ip.invalidate()


def _with_prefix(text: str) -> str:
    return text if "/" in text else f"{text}/32"


def _route_values(words: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("dev", "via", "src", "proto", "scope", "table"):
            at += 2
        elif word in ("onlink", "unicast"):
            at += 1
        elif word in _ROUTE_NUMBERS and at + 1 < len(words):
            at += 2 if words[at + 1] == "lock" else 1
            values[word] = words[at]
            at += 1
        else:
            raise Unsupported(f"a route with {word}")
    return values


def _link(machine: Machine, words: list[str]) -> None:
    device = machine.device
    for name, value in zip(words[1:], [*words[2:], ""], strict=True):
        if name == "mtu":
            device.mtu = int(value)
            machine.stack.ip.invalidate()
        elif name in ("gso_max_size", "gso_ipv4_max_size"):
            device.gso_max = int(value)
        elif name in ("up", "txqueuelen", "gso_max_segs") or name.isdecimal():
            continue
        else:
            raise Unsupported(f"`ip link set {' '.join(words)}`")


def ethtool(machine: Machine, words: list[str]) -> None:
    """``ethtool -K tun0 tso off``. Raises Unsupported."""
    if words[:1] != ["-K"] or len(words) < 4:
        raise Unsupported(f"`ethtool {' '.join(words)}`")
    device = machine.device
    for name, value in zip(words[2::2], words[3::2], strict=False):
        if name in ("tso", "gso", "tcp-segmentation-offload", "generic-segmentation-offload"):
            device.gso_max = 65535 if value == "on" else 0
        elif name not in ("gro", "lro", "rx", "tx", "sg", "generic-receive-offload"):
            raise Unsupported(f"`ethtool -K ... {name}`")


def tc_command(machine: Machine, words: list[str]) -> None:
    """``tc qdisc add dev tun0 root pfifo``: packets leave at once; ``fq`` paces, with ``limit 0`` none leaves.

    Raises Unsupported.
    """
    if words[:1] != ["qdisc"]:
        raise Unsupported(f"`tc {' '.join(words)}`")
    if words[1:2] and words[1] in ("del", "delete"):
        machine.device.is_blocked = False
        return
    kinds = [word for word in words[2:] if word in _QUEUES]
    if not kinds and words[1:2] != ["show"]:
        raise Unsupported(f"`tc {' '.join(words)}`")
    machine.device.is_blocked = words[-2:] == ["limit", "0"]
    machine.stack.context.sysctl.set("net.core.default_qdisc", "fq" if "fq" in kinds else "pfifo_fast")


def nstat_text(machine: Machine, words: list[str], before: dict[str, int]) -> tuple[str, dict[str, int]]:
    """What nstat prints, and what it remembers for the next time."""
    letters = "".join(word[1:] for word in words if word.startswith("-") and not word.startswith("--"))
    patterns = [word.lower() for word in words if not word.startswith("-")]
    counters = dict(machine.stack.context.counters.items())
    lines = ["#kernel"]
    for name, value in counters.items():
        shown = value if "a" in letters else value - before.get(name, 0)
        if patterns and not any(fnmatchcase(name.lower(), pattern) for pattern in patterns):
            continue
        if shown or "z" in letters:
            lines.append(f"{name:<32}{shown:<16}{0.0:6.1f}")
    output = "" if "n" in letters else "\n".join(lines) + "\n"
    return output, before if "s" in letters else counters


def proc_net_tcp(machine: Machine) -> str:
    """/proc/net/tcp, its first columns."""
    lines = ["  sl  local_address rem_address   st tx_queue rx_queue"]
    for index, endpoint in enumerate(machine.stack.tcp.tcbs()):
        item: Any = endpoint
        state = int(getattr(item, "state", LISTEN))
        local = _hex(item.local, item.local_port)
        remote = _hex(getattr(item, "remote", b"") or bytes(4), getattr(item, "remote_port", 0))
        lines.append(f"{index:4}: {local} {remote} {state:02X} 00000000:00000000")
    return "\n".join(lines) + "\n"


def _hex(address: bytes, port: int) -> str:
    return f"{int.from_bytes(address or bytes(4), 'little'):08X}:{port:04X}"
