"""The rows of ``ss``: every socket and connection of a stack, read with the host's lock held."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.const import MS, NEVER
from ..ip.address import format_ip
from ..tcp import const as tcp
from ..tcp.listen import Listener
from ..tcp.tcb import Tcb

if TYPE_CHECKING:
    from ..stack import NetStack

Row = dict[str, Any]

STATE_NAMES = {
    tcp.ESTABLISHED: "ESTAB",
    tcp.SYN_SENT: "SYN-SENT",
    tcp.SYN_RECEIVED: "SYN-RECV",
    tcp.FIN_WAIT_1: "FIN-WAIT-1",
    tcp.FIN_WAIT_2: "FIN-WAIT-2",
    tcp.TIME_WAIT: "TIME-WAIT",
    tcp.CLOSED: "UNCONN",
    tcp.CLOSE_WAIT: "CLOSE-WAIT",
    tcp.LAST_ACK: "LAST-ACK",
    tcp.LISTEN: "LISTEN",
    tcp.CLOSING: "CLOSING",
}
# What tcp_info's option bits mean (linux/tcp.h).
OPTIONS = {"ts": 1, "sack": 2, "wscale": 4, "ecn": 8, "ecnseen": 16, "fastopen": 32}


def rows(stack: NetStack) -> Iterator[Row]:
    """Listeners first, as ss lists them, then connections, then datagram and ping sockets."""
    users = _Users(stack)
    now = stack.host.now()
    for number, endpoint in enumerate(stack.tcp.tcbs(), 1):
        yield _tcp(endpoint, now, users) | {"sk": number}
    for number, datagrams in enumerate(stack.udp.endpoints(), 0x1001):
        yield _datagram("udp", datagrams, users) | {"sk": number}
    for number, echoes in enumerate(stack.ping.endpoints(), 0x2001):
        yield _datagram("icmp", echoes, users) | {"sk": number}


class _Users:
    """Who holds a socket: process and descriptors."""

    def __init__(self, stack: NetStack) -> None:
        self._fds: dict[int, list[int]] = {}
        for fd, file in stack.host.fds:
            self._fds.setdefault(id(file), []).append(fd)
        self._name = os.path.basename(sys.argv[0] or "python")
        if self._name in {"-m", "-c", "-"}:
            self._name = "python"

    def of(self, owner: object) -> list[Row]:
        return [{"name": self._name, "pid": os.getpid(), "fd": fd} for fd in self._fds.get(id(owner), ())]


def _ends(endpoint: Any) -> Row:
    """Both names, "any" spelt out."""
    local, remote = endpoint.local, getattr(endpoint, "remote", b"")
    none = bytes(len(local or remote) or 4)
    return {
        "local": format_ip(local or none),
        "local_port": endpoint.local_port,
        "peer": format_ip(remote or none),
        "peer_port": getattr(endpoint, "remote_port", 0),
    }


def _tcp(endpoint: Any, now: int, users: _Users) -> Row:
    row: Row = {"netid": "tcp", "state": STATE_NAMES[endpoint.state], "recv_q": 0, "send_q": 0, **_ends(endpoint)}
    if isinstance(endpoint, Listener):
        row |= {"recv_q": len(endpoint.accepted), "send_q": endpoint.backlog, "users": users.of(endpoint.owner)}
        chosen = endpoint.settings.congestion or endpoint.engine.context.sysctl.get("net.ipv4.tcp_congestion_control")
        row["info"] = {"ca_name": chosen, "snd_cwnd": tcp.INIT_CWND}
    elif isinstance(endpoint, Tcb):
        row |= {"recv_q": endpoint.available(), "send_q": endpoint.outq(), "orphan": endpoint.is_orphan}
        row |= {"users": users.of(endpoint.owner), "info": _info(endpoint, now), "skmem": _skmem(endpoint)}
    timer = _timer(endpoint, now)
    if timer is not None:
        row["timer"] = timer
    return row


def _info(tcb: Tcb, now: int) -> Row:
    """tcp_info, its option bits apart, and its instants as milliseconds ago."""
    info: Row = dict(tcb.info(now))
    options = info["options"]
    info["ca_name"] = info.pop("congestion")
    info |= {name: bool(options & bit) for name, bit in OPTIONS.items()}
    for name in ("last_data_sent", "last_data_recv", "last_ack_recv"):
        info[name] = max(now - info.pop(f"{name}_at"), 0) // MS
    return info


def _skmem(tcb: Tcb) -> Row:
    """skmem's letters (ss(8)): receive queue and its limit, send queue and its limit, the rest unused here."""
    used = {"r": tcb.available(), "rb": tcb.rcv_buf, "t": 0, "tb": tcb.snd_buf, "f": 0, "w": tcb.outq()}
    return used | {"o": 0, "bl": 0, "d": 0}


def _timer(endpoint: Any, now: int) -> Row | None:
    """The timer ss shows: of several the retransmission or probe timer, else keep-alive, else TIME-WAIT."""
    if endpoint.state == tcp.TIME_WAIT:
        return _countdown("timewait", endpoint.timer.expires_at, now, 0)
    if not isinstance(endpoint, Tcb):
        return None
    if endpoint.rtx_timer.is_armed():
        probing = endpoint.rtx_kind == tcp.RTX_PROBE
        name, count = ("persist", endpoint.probes_out) if probing else ("on", endpoint.retransmits)
        return _countdown(name, endpoint.rtx_timer.expires_at, now, count)
    if endpoint.keep_timer.is_armed():
        return _countdown("keepalive", endpoint.keep_timer.expires_at, now, endpoint.probes_out)
    return None


def _countdown(name: str, at: int, now: int, retrans: int) -> Row | None:
    return None if at == NEVER else {"name": name, "expires_ms": max(at - now, 0) // MS, "retrans": retrans}


def _datagram(netid: str, endpoint: Any, users: _Users) -> Row:
    row: Row = {"netid": netid, "state": "ESTAB" if endpoint.remote else "UNCONN", **_ends(endpoint)}
    row |= {"recv_q": endpoint.queue.used, "send_q": 0, "users": users.of(endpoint.owner)}
    return row
