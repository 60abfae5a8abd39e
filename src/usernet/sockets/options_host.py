"""Options about the machine around a socket: which it is, CPUs and queues, busy polling (socket(7), Linux's sock.c).

Packets here belong to no CPU and no queue of a device, and whoever waits polls the devices himself: what is set is kept
and given back, as Linux keeps it where there is no such device.
"""

from __future__ import annotations

import struct
from errno import EINVAL, EOPNOTSUPP
from typing import Any, Final

from ..core.const import IPPROTO_TCP
from . import const as so
from .errors import os_error
from .option import Option

# SO_INCOMING_CPU of a socket that no packet came for.
NO_CPU: Final = -1


def _kept(name: int, default: int, low: int, high: int) -> Option:
    """A number that does nothing."""

    def read(sock: Any) -> int:
        return int((sock.kept or {}).get(name, default))

    def write(sock: Any, value: int) -> None:
        if not low <= value <= high:
            raise os_error(EINVAL)
        if sock.kept is None:
            sock.kept = {}
        sock.kept[name] = value

    return Option(read, write)


def _flag(name: int) -> Option:
    option = _kept(name, 0, 0, 1)
    keep = option.set
    assert keep is not None
    return option._replace(set=lambda sock, value: keep(sock, int(value != 0)))


def _get_cookie(sock: Any, buflen: int) -> bytes:
    # Given out when first asked for, and to no other socket of the host (Linux's sock_gen_cookie).
    if buflen < 8:
        raise os_error(EINVAL)
    if sock.cookie == 0:
        sock.host.cookies += 1
        sock.cookie = sock.host.cookies
    return struct.pack("=Q", sock.cookie)


def _get_netns_cookie(sock: Any, buflen: int) -> bytes:
    # The stack's, which is its namespace; no other of the host has it.
    stack = sock.stack
    if buflen != 8:
        raise os_error(EINVAL)
    if stack.cookie == 0:
        sock.host.cookies += 1
        stack.cookie = sock.host.cookies
    return struct.pack("=Q", stack.cookie)


def _get_txrehash(sock: Any) -> int:
    _only_streams(sock)
    return int((sock.kept or {}).get(so.SO_TXREHASH, 1))


def _set_txrehash(sock: Any, value: int) -> None:
    # -1 takes the system's, net.core.txrehash, which is 1.
    _only_streams(sock)
    if not -1 <= value <= 1:
        raise os_error(EINVAL)
    sock.kept = {**(sock.kept or {}), so.SO_TXREHASH: abs(value)}


def _only_streams(sock: Any) -> None:
    if sock.protocol != IPPROTO_TCP:
        raise os_error(EOPNOTSUPP)


INT_MAX: Final = 0x7FFFFFFF
_TABLE: Final = {
    so.SO_COOKIE: Option(_get_cookie, None, sized=True),
    so.SO_NETNS_COOKIE: Option(_get_netns_cookie, None, sized=True),
    so.SO_INCOMING_CPU: _kept(so.SO_INCOMING_CPU, NO_CPU, -INT_MAX - 1, INT_MAX),
    so.SO_INCOMING_NAPI_ID: Option(lambda sock: 0, None),
    so.SO_BUSY_POLL: _kept(so.SO_BUSY_POLL, 0, 0, INT_MAX),
    so.SO_PREFER_BUSY_POLL: _flag(so.SO_PREFER_BUSY_POLL),
    so.SO_BUSY_POLL_BUDGET: _kept(so.SO_BUSY_POLL_BUDGET, 0, 0, 0xFFFF)._replace(get=None),
    so.SO_TXREHASH: Option(_get_txrehash, _set_txrehash),
    so.SO_SNDLOWAT: Option(lambda sock: 1, None),
}
HOST_OPTIONS: Final = {(so.SOL_SOCKET, name): option for name, option in _TABLE.items()}
