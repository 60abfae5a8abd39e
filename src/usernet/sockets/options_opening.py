"""Options of IPPROTO_TCP about how connections open (tcp(7)): Fast Open, deferred accept, the saved SYN."""

from __future__ import annotations

from errno import EINVAL, EOPNOTSUPP
from typing import Any, Final

from ..core.const import IPPROTO_TCP
from ..tcp.const import CLOSED, LISTEN, TFO_CLIENT
from ..tcp.deferral import deferred_retries, deferred_seconds
from ..tcp.fastopen import FastOpenKeys
from . import const as so
from .errors import os_error
from .option import Option

TCP: Final = (IPPROTO_TCP,)


def _state(sock: Any) -> int:
    if sock.listener is not None:
        return LISTEN
    return CLOSED if sock.tcb is None else int(sock.tcb.state)


def _get_defer_accept(sock: Any) -> int:
    # Kept as so many timeouts of the SYN,ACK, and told as the seconds these take (Linux).
    return deferred_seconds(deferred_retries(sock.settings.defer_accept))


def _set_defer_accept(sock: Any, value: int) -> None:
    sock.settings.defer_accept = max(value, 0)
    sock.settings_changed()


def _set_fastopen(sock: Any, value: int) -> None:
    if value < 0 or _state(sock) not in (CLOSED, LISTEN):
        raise os_error(EINVAL)
    sock.settings.fastopen_limit = min(value, sock.stack.tcp.sysctls.somaxconn)


def _set_fastopen_connect(sock: Any, value: int) -> None:
    if value not in (0, 1):
        raise os_error(EINVAL)
    if not sock.stack.tcp.sysctls.fastopen & TFO_CLIENT:
        raise os_error(EOPNOTSUPP)
    if _state(sock) != CLOSED:
        raise os_error(EINVAL)
    sock.settings.fastopen_connect = value != 0


def _set_fastopen_no_cookie(sock: Any, value: int) -> None:
    if value not in (0, 1) or _state(sock) not in (CLOSED, LISTEN):
        raise os_error(EINVAL)
    sock.settings.fastopen_no_cookie = value != 0


def _get_fastopen_key(sock: Any) -> bytes:
    keys = sock.settings.fastopen_keys or sock.stack.tcp.fast_opens.keys
    return bytes(keys.octets)


def _set_fastopen_key(sock: Any, octets: bytes) -> None:
    sock.settings.fastopen_keys = FastOpenKeys(octets)


def _set_save_syn(sock: Any, value: int) -> None:
    if not 0 <= value <= 2:
        raise os_error(EINVAL)
    sock.settings.save_syn = value


def _get_saved_syn(sock: Any) -> bytes:
    # Once: whoever asked has it.
    if sock.tcb is None or sock.tcb.saved_syn is None:
        return b""
    octets = bytes(sock.tcb.saved_syn)
    sock.tcb.saved_syn = None
    return octets


_TABLE: Final = {
    so.TCP_DEFER_ACCEPT: Option(_get_defer_accept, _set_defer_accept, kinds=TCP),
    so.TCP_FASTOPEN: Option(lambda sock: int(sock.settings.fastopen_limit), _set_fastopen, kinds=TCP),
    so.TCP_FASTOPEN_CONNECT: Option(lambda sock: int(sock.settings.fastopen_connect), _set_fastopen_connect, kinds=TCP),
    so.TCP_FASTOPEN_NO_COOKIE: Option(
        lambda sock: int(sock.settings.fastopen_no_cookie), _set_fastopen_no_cookie, kinds=TCP
    ),
    so.TCP_FASTOPEN_KEY: Option(_get_fastopen_key, _set_fastopen_key, raw=True, kinds=TCP),
    so.TCP_SAVE_SYN: Option(lambda sock: int(sock.settings.save_syn), _set_save_syn, kinds=TCP),
    so.TCP_SAVED_SYN: Option(_get_saved_syn, None, kinds=TCP),
}
OPENING_OPTIONS: Final = {(IPPROTO_TCP, name): option for name, option in _TABLE.items()}
