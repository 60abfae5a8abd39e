"""What a stack tells of itself over the control socket; links, addresses, routes as ``ip -j`` gives them.

Everything here reads engine objects and is called with the host's lock held, except ``info`` and ``find_stack``.
"""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core.const import MS, SECOND, US
from ..ip.address import format_cidr, format_ip, network_of, parse_cidr, parse_ip
from ..ip.const import NUD_NAMES, NUD_VALID, RT_SCOPE_HOST, RT_SCOPE_LINK, RTPROT_KERNEL
from ..link.const import (
    IFF_BROADCAST,
    IFF_LOOPBACK,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_POINTOPOINT,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_UP,
)
from ..link.impair import Impairment

if TYPE_CHECKING:
    from ..host import Host
    from ..ip.interface import Interface
    from ..link.device import Device
    from ..stack import NetStack
    from ..tcp.peers import Peer

Row = dict[str, Any]
Request = dict[str, Any]

# iproute2's order.
FLAG_NAMES = (
    (IFF_LOOPBACK, "LOOPBACK"),
    (IFF_BROADCAST, "BROADCAST"),
    (IFF_POINTOPOINT, "POINTOPOINT"),
    (IFF_MULTICAST, "MULTICAST"),
    (IFF_NOARP, "NOARP"),
    (IFF_PROMISC, "PROMISC"),
)
# The gateway half of a user: network is a stack too, but not one that programs run on.
GATEWAY_STACK = "user-gateway"
FOREVER = 0xFFFFFFFF
# What a route says to TCP, in iproute2's order; 0 or "" takes it back. Linux's least MTU, and the MSS it gives.
ROUTE_METRICS = {
    "mtu": range(68, 0x10000),
    "advmss": range(28, 0x10000),
    "initcwnd": range(1, 0x10000),
    "initrwnd": range(1, 0x10000),
    "congctl": range(0),
}


def info(host: Host) -> Row:
    """Who this process is."""
    return {
        "pid": os.getpid(),
        "mode": host.mode,
        "stacks": [stack.name for stack in host.stacks if not stack.name.startswith(GATEWAY_STACK)],
        "program": " ".join(sys.argv) or "python",
        "python": ".".join(str(part) for part in sys.version_info[:3]),
    }


def find_stack(host: Host, name: str | None) -> Any:
    """The stack of this name; without one, the first. Raises OSError(ENOENT)."""
    for stack in host.stacks:
        if name is None or stack.name == name:
            return stack
    raise OSError(errno.ENOENT, f"no stack {name!r} here; there are {', '.join(s.name for s in host.stacks)}")


def links(stack: NetStack, request: Request) -> list[Row]:
    """``ip -j [-s] link``."""
    return [_link(interface, request) | {"linkmode": "DEFAULT"} for interface in stack.interfaces]


def addresses(stack: NetStack, request: Request) -> list[Row]:
    """``ip -j [-s] addr``."""
    return [_link(i, request) | {"addr_info": [_address(i, a) for a in i.addresses]} for i in stack.interfaces]


def _link(interface: Interface, request: Request) -> Row:
    device = interface.device
    loopback = bool(device.flags & IFF_LOOPBACK)
    row: Row = {
        "ifindex": interface.index,
        "ifname": interface.name,
        "flags": _flags(device),
        "mtu": device.mtu,
        "qdisc": "netem" if device.egress is not None else "noqueue",
        "operstate": _operstate(device),
        "group": "default",
        "txqlen": 1000,
        "link_type": "loopback" if loopback else "ether" if device.address else "none",
    }
    if device.address or loopback:
        row["address"] = _mac(device.address or bytes(6))
        row["broadcast"] = _mac(bytes(6) if loopback else b"\xff" * 6)
    if request.get("stats"):
        row["stats64"] = _stats(device)
    return row


def _flags(device: Device) -> list[str]:
    names = [name for bit, name in FLAG_NAMES if device.flags & bit]
    if device.flags & IFF_UP:
        if not device.flags & IFF_RUNNING:
            names.insert(0, "NO-CARRIER")
        names.append("UP")
    if device.flags & IFF_RUNNING:
        names.append("LOWER_UP")
    return names


def _operstate(device: Device) -> str:
    if not device.flags & IFF_UP or not device.flags & IFF_RUNNING:
        return "DOWN"
    # Linux knows no carrier of these.
    return "UNKNOWN" if device.flags & IFF_LOOPBACK or not device.address else "UP"


def _stats(device: Device) -> Row:
    stats = device.stats
    return {
        "rx": {
            "bytes": stats.rx_bytes,
            "packets": stats.rx_packets,
            "errors": stats.rx_errors,
            "dropped": stats.rx_dropped,
            "over_errors": 0,
            "multicast": 0,
        },
        "tx": {
            "bytes": stats.tx_bytes,
            "packets": stats.tx_packets,
            "errors": stats.tx_errors,
            "dropped": stats.tx_dropped,
            "carrier_errors": 0,
            "collisions": 0,
        },
    }


def _mac(address: bytes) -> str:
    return address.hex(":")


def _address(interface: Interface, address: Any) -> Row:
    octets: bytes = address.addr
    row: Row = {"family": _family(octets), "local": format_ip(octets), "prefixlen": address.prefixlen}
    if address.broadcast:
        row["broadcast"] = format_ip(address.broadcast)
    row["scope"] = "host" if interface.device.flags & IFF_LOOPBACK else "global"
    if len(octets) == 4:
        row["label"] = address.label or interface.name
    return row | {"valid_life_time": FOREVER, "preferred_life_time": FOREVER}


def _family(octets: bytes) -> str:
    return "inet" if len(octets) == 4 else "inet6"


def routes(stack: NetStack, request: Request) -> list[Row]:
    """``ip -j route``."""
    octets = 16 if request.get("family") == 6 else 4
    return [_route(stack, route) for route in stack.ip.fib if len(route.prefix) == octets]


def _route(stack: NetStack, route: Any) -> Row:
    default = route.prefixlen == 0
    host_route = route.prefixlen == 8 * len(route.prefix)
    dst = format_ip(route.prefix) if host_route else format_cidr(route.prefix, route.prefixlen)
    row: Row = {"dst": "default" if default else dst}
    if route.gateway is not None:
        row["gateway"] = format_ip(route.gateway)
    row["dev"] = route.interface.name
    if route.protocol == RTPROT_KERNEL:
        row["protocol"] = "kernel"
    if route.scope in (RT_SCOPE_LINK, RT_SCOPE_HOST):
        row["scope"] = "link" if route.scope == RT_SCOPE_LINK else "host"
    if route.src is not None:
        row["prefsrc"] = format_ip(route.src)
    if route.metric:
        row["metric"] = route.metric
    row["flags"] = []
    metrics = {name: getattr(route, name) for name in ROUTE_METRICS}
    if any(metrics.values()):
        row["metrics"] = [{name: value for name, value in metrics.items() if value}]
    return row


def route_get(stack: NetStack, request: Request) -> Row:
    """``ip -j route get``. Raises OSError(ENETUNREACH, EAFNOSUPPORT)."""
    _only_ipv4(request)
    try:
        dst = parse_ip(str(request["address"]))
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    path = stack.ip.path(dst, None, 0)
    row: Row = {"dst": format_ip(dst)}
    if path.local:
        row |= {"type": "local", "dev": "lo"}
    else:
        route = stack.ip.fib.lookup(dst)
        if route is not None:
            if route.gateway is not None:
                row["gateway"] = format_ip(route.gateway)
            row["dev"] = route.interface.name
    return row | {"prefsrc": format_ip(path.src), "flags": [], "uid": os.getuid(), "cache": []}


def _only_ipv4(request: Request) -> None:
    if request.get("family") == 6:
        raise OSError(errno.EAFNOSUPPORT, "there is no IPv6 yet, and no route of it")


def route_change(stack: NetStack, request: Request) -> None:
    """``ip route change``: set metrics of a route, the first that matches.

    Raises OSError: ESRCH, EINVAL, ENOENT, EAFNOSUPPORT.
    """
    _only_ipv4(request)
    wanted = request["route"]
    route = next(
        (route for route in stack.ip.fib if all(_route(stack, route).get(key) == wanted[key] for key in wanted)), None
    )
    if route is None:
        raise OSError(errno.ESRCH, "no such route")
    metrics: dict[str, Any] = request["metrics"]
    for name, value in metrics.items():
        if name not in ROUTE_METRICS:
            raise OSError(errno.EINVAL, f"a route has no {name}")
        if name == "congctl":
            if not isinstance(value, str):
                raise OSError(errno.EINVAL, "congctl is the name of a congestion control, or nothing")
            if value and value not in stack.tcp.controls.names():
                raise OSError(errno.ENOENT, f"no congestion control {value!r}")
        elif type(value) is not int or (value and value not in ROUTE_METRICS[name]):
            raise OSError(errno.EINVAL, f"{name} is 0 or {ROUTE_METRICS[name].start} to {ROUTE_METRICS[name][-1]}")
    for name, value in metrics.items():
        setattr(route, name, value)
    stack.ip.invalidate()


def tcp_metrics(stack: NetStack, request: Request) -> list[Row]:
    """``ip -j tcp_metrics``: what TCP remembers of each peer, of a prefix if one is given. Raises OSError(EINVAL)."""
    return [_peer(stack, *found) for found in _peers(stack, request)]


def _peers(stack: NetStack, request: Request) -> list[tuple[bytes, bytes, Peer]]:
    every = list(stack.tcp.peers.items())
    if not request.get("prefix"):
        return every
    try:
        address, prefixlen = parse_cidr(str(request["prefix"]))
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    network = network_of(address, prefixlen)
    return [found for found in every if len(found[0]) == len(network) and network_of(found[0], prefixlen) == network]


def _peer(stack: NetStack, remote: bytes, local: bytes, peer: Peer) -> Row:
    # Some names are iproute2's own.
    now = stack.host.now()
    row: Row = {"dst": format_ip(remote), "age": max(now - peer.saved_at, 0) // MS / 1000}
    for name in ("ssthresh", "cwnd", "reordering"):
        if getattr(peer, name):
            row[name] = getattr(peer, name)
    for name in ("rtt", "rttvar"):
        if getattr(peer, name):
            row[name] = getattr(peer, name) // US / 1_000_000
    if peer.mss:
        row["fopen_miss"] = peer.mss
    if peer.syn_drops:
        row["fopen_syn_drops"] = peer.syn_drops
        row["fopen_syn_drop_ts"] = max(now - peer.syn_dropped_at, 0) // MS / 1000
    if peer.cookie:
        row["fo_cookie"] = peer.cookie.hex()
    return row | {"source": format_ip(local)}


def tcp_metrics_delete(stack: NetStack, request: Request) -> int:
    """``ip tcp_metrics delete|flush``: forget the peers of a prefix, or all; how many. Raises OSError(EINVAL)."""
    found = _peers(stack, request)
    for remote, local, _ in found:
        stack.tcp.peers.forget(remote, local)
    return len(found)


def neighbours(stack: NetStack, request: Request) -> list[Row]:
    """``ip -j [-s] neigh``; entries that need no asking (NOARP) are left out, as ip does."""
    now = stack.host.now()
    rows = []
    for interface in stack.interfaces:
        for entry in interface.neighbours:
            row: Row = {"dst": format_ip(entry.address), "dev": interface.name}
            if entry.state & NUD_VALID and entry.lladdr:
                row["lladdr"] = _mac(entry.lladdr)
            if request.get("stats"):
                for name in ("used", "confirmed", "updated"):
                    row[name] = max(now - getattr(entry, f"{name}_at"), 0) // SECOND
                row["probes"] = entry.probes
            rows.append(row | {"state": [NUD_NAMES.get(entry.state, str(entry.state))]})
    return rows


def counters(stack: NetStack, request: Request) -> Row:
    """``nstat``: every counter, zeros included."""
    return {"stack": stack.name, "counters": dict(stack.context.counters.items())}


def drops(host: Host) -> dict[str, int]:
    """Every drop reason of all stacks together, the gateway's and the impairments' too."""
    total: Counter[str] = Counter()
    for stack in host.stacks:
        total.update(stack.context.counters.drops)
        for interface in stack.interfaces:
            for stage in (interface.device.egress, interface.device.ingress):
                if isinstance(stage, Impairment):
                    fate = stage.stats()
                    total.update({f"impair_{name}": fate[name] for name in ("lost", "overlimit", "malformed")})
    return dict(total)


def sysctls(stack: NetStack, request: Request) -> dict[str, Row]:
    """Every setting with its value and what it does."""
    registry = stack.context.sysctl
    return {name: {"value": value, "help": registry.help_of(name)} for name, value in registry.items()}


def sysctl_set(stack: NetStack, request: Request) -> None:
    """``sysctl -w``. Raises OSError: ENOENT, EINVAL."""
    stack.context.sysctl.set(str(request["name"]), str(request["value"]))


def sockets(stack: NetStack, request: Request) -> list[Row]:
    """``ss``: every socket and connection of the stack."""
    from .sockets import rows

    return list(rows(stack))


VERBS: dict[str, Callable[[Any, Request], Any]] = {
    "addr": addresses,
    "link": links,
    "route": routes,
    "route_get": route_get,
    "route_change": route_change,
    "tcp_metrics": tcp_metrics,
    "tcp_metrics_delete": tcp_metrics_delete,
    "neigh": neighbours,
    "nstat": counters,
    "sysctl": sysctls,
    "sysctl_set": sysctl_set,
    "ss": sockets,
}
