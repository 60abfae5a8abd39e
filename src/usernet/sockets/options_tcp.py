"""Options of IPPROTO_TCP (tcp(7))."""

from __future__ import annotations

import struct
from collections.abc import Callable
from errno import EINVAL, ENOENT, EPERM
from typing import Any, Final

from ..core.const import IPPROTO_TCP, MS, POLLOUT, SECOND, US
from ..tcp.const import CLOSED, DEFAULT_MSS, DELACK_MAX, LISTEN, MIN_MSS, SYN_SENT
from ..tcp.info import unconnected_info
from ..tcp.repair import in_repair
from . import const as so
from .errors import os_error
from .option import Option
from .options_socket import MIN_RCVBUF
from .tcp_info import pack_cc_info, pack_tcp_info

TCP: Final = (IPPROTO_TCP,)
# Linux's limits (include/net/tcp.h).
MAX_WINDOW = 32767
MAX_KEEPIDLE = 32767
MAX_KEEPINTVL = 32767
MAX_KEEPCNT = 127
MAX_SYNCNT = 127
FIN_TIMEOUT_MAX_S = 120
CA_NAME_MAX = 16
RTO_MAX_MS = 1000, 120_000
MAX_TX_DELAY_US = 1 << 28
KEEPIDLE_SYSCTL = "net.ipv4.tcp_keepalive_time"


def _flag(field: str) -> Option:
    def read(sock: Any) -> int:
        return int(getattr(sock.settings, field))

    def write(sock: Any, value: int) -> None:
        setattr(sock.settings, field, value != 0)
        sock.settings_changed()

    return Option(read, write, kinds=TCP)


def _number(field: str, unit: int, low: int, high: int, sysctl: str) -> Option:
    """A number of seconds or tries within Linux's limits; while it is not set, a sysctl speaks."""

    def read(sock: Any) -> int:
        value = int(getattr(sock.settings, field)) // unit
        return value or (int(sock.stack.context.sysctl.int_of(sysctl)) if sysctl else 0)

    def write(sock: Any, value: int) -> None:
        if not low <= value <= high:
            raise os_error(EINVAL)
        setattr(sock.settings, field, value * unit)
        sock.settings_changed()

    return Option(read, write, kinds=TCP)


def _ticks(field: str, default: Callable[[Any], int]) -> Option:
    """A span told in microseconds and kept in Linux's ticks of a millisecond, rounded up: two of them to 200 ms."""

    def read(sock: Any) -> int:
        return int(getattr(sock.settings, field) or default(sock)) // US

    def write(sock: Any, value: int) -> None:
        span = -(-value // 1000) * MS
        if not 2 * MS <= span <= 200 * MS:
            raise os_error(EINVAL)
        setattr(sock.settings, field, span)
        sock.settings_changed()

    return Option(read, write, kinds=TCP)


def _set_keepidle(sock: Any, value: int) -> None:
    if not 1 <= value <= MAX_KEEPIDLE:
        raise os_error(EINVAL)
    if sock.tcb is None:
        sock.settings.keepidle_ns = value * SECOND
    else:
        sock.tcb.set_keepidle(value * SECOND, sock.host.now())


def _get_maxseg(sock: Any) -> int:
    if sock.tcb is not None and sock.tcb.state != CLOSED:
        # In repair mode what the peer's SYN said, for the one who is to be told it.
        return int(sock.tcb.mss_clamp if in_repair(sock.repair) else sock.tcb.mss)
    return int(sock.settings.maxseg or DEFAULT_MSS)


def _set_maxseg(sock: Any, value: int) -> None:
    if value and not MIN_MSS <= value <= MAX_WINDOW:
        raise os_error(EINVAL)
    sock.settings.maxseg = value
    sock.settings_changed()


def _get_linger2(sock: Any) -> int:
    value = int(sock.settings.linger2_ns)
    if value < 0:
        return -1
    return value // SECOND or int(sock.stack.context.sysctl.int_of("net.ipv4.tcp_fin_timeout"))


def _set_linger2(sock: Any, value: int) -> None:
    if value < 0:
        sock.settings.linger2_ns = -1
    else:
        sock.settings.linger2_ns = min(value, FIN_TIMEOUT_MAX_S) * SECOND
    sock.settings_changed()


def _set_window_clamp(sock: Any, value: int) -> None:
    is_open = sock.listener is not None or (sock.tcb is not None and sock.tcb.state != CLOSED)
    if value == 0 and is_open:
        raise os_error(EINVAL)
    # Linux: never below half of the least buffer, and a negative number is below it.
    sock.settings.window_clamp = max(value, MIN_RCVBUF // 2) if value else 0
    sock.settings_changed()


def _get_window_clamp(sock: Any) -> int:
    if sock.tcb is not None and sock.tcb.state not in (CLOSED, SYN_SENT):
        return int(sock.tcb.space.clamp)
    return int(sock.settings.window_clamp)


def _set_nodelay(sock: Any, value: int) -> None:
    sock.settings.nodelay = value != 0
    sock.settings_changed()
    if value and sock.tcb is not None:
        # Whatever else holds it back: TCP_CORK, MSG_MORE (tcp(7)).
        sock.tcb.push(sock.host.now())


def _get_notsent_lowat(sock: Any) -> bytes:
    return struct.pack("=I", sock.settings.notsent_lowat & 0xFFFFFFFF)


def _set_notsent_lowat(sock: Any, value: int) -> None:
    sock.settings.notsent_lowat = value & 0xFFFFFFFF
    if sock.tcb is not None:
        sock.tcb.wake(POLLOUT)


def _set_inq(sock: Any, value: int) -> None:
    if value not in (0, 1):
        raise os_error(EINVAL)
    sock.inq = value != 0


def _get_quickack(sock: Any) -> int:
    return int(sock.settings.quickack if sock.tcb is None else sock.tcb.quickack())


def _set_quickack(sock: Any, value: int) -> None:
    sock.settings.quickack = value != 0
    if sock.tcb is not None:
        sock.tcb.set_quickack(value, sock.host.now())


def _get_congestion(sock: Any) -> bytes:
    if sock.tcb is not None:
        return str(sock.tcb.cc.name).encode().ljust(CA_NAME_MAX, b"\0")
    name = sock.settings.congestion or str(sock.stack.context.sysctl.get("net.ipv4.tcp_congestion_control"))
    return name.encode().ljust(CA_NAME_MAX, b"\0")


def _set_congestion(sock: Any, octets: bytes) -> None:
    name = octets[: CA_NAME_MAX - 1].split(b"\0")[0].decode("ascii", "replace")
    controls = sock.stack.tcp.controls
    if name not in controls.names():
        raise os_error(ENOENT)
    if not controls.may_choose(name):
        raise os_error(EPERM)
    sock.settings.congestion = name
    sock.settings_changed()


def _set_user_timeout(sock: Any, value: int) -> None:
    if value < 0:
        raise os_error(EINVAL)
    sock.settings.user_timeout_ns = value * MS
    sock.settings_changed()


def _set_thin_linear(sock: Any, value: int) -> None:
    if value not in (0, 1):
        raise os_error(EINVAL)
    sock.settings.thin_linear = value != 0


def _set_thin_dupack(sock: Any, value: int) -> None:
    # It has done nothing since Linux 4.16, but is still looked at.
    if value not in (0, 1):
        raise os_error(EINVAL)


def _set_tx_delay(sock: Any, value: int) -> None:
    if not 0 <= value < MAX_TX_DELAY_US:
        raise os_error(EINVAL)
    sock.settings.tx_delay_ns = value * US
    sock.settings_changed()


def _get_info(sock: Any) -> bytes:
    if sock.tcb is not None:
        return pack_tcp_info(sock.tcb.info(sock.host.now()), sock.host.now())
    if sock.listener is None:
        return pack_tcp_info(_unconnected(sock, CLOSED), sock.host.now())
    # Of a listener Linux gives the accept queue and its bound here.
    queue = {"unacked": len(sock.listener.accepted), "sacked": sock.listener.backlog}
    return pack_tcp_info({**_unconnected(sock, LISTEN), **queue}, 0)


def _unconnected(sock: Any, state: int) -> dict[str, int | str]:
    return unconnected_info(state, sock.stack.tcp.sysctls.reordering, sock.settings.max_pacing_rate)


def _get_cc_info(sock: Any) -> bytes:
    return pack_cc_info(sock.tcb.cc_info()) if sock.tcb is not None else b""


_TABLE: Final = {
    so.TCP_NODELAY: _flag("nodelay")._replace(set=_set_nodelay),
    so.TCP_CORK: _flag("cork"),
    so.TCP_QUICKACK: Option(_get_quickack, _set_quickack, kinds=TCP),
    so.TCP_MAXSEG: Option(_get_maxseg, _set_maxseg, kinds=TCP),
    so.TCP_KEEPIDLE: _number("keepidle_ns", SECOND, 1, MAX_KEEPIDLE, KEEPIDLE_SYSCTL)._replace(set=_set_keepidle),
    so.TCP_KEEPINTVL: _number("keepintvl_ns", SECOND, 1, MAX_KEEPINTVL, "net.ipv4.tcp_keepalive_intvl"),
    so.TCP_KEEPCNT: _number("keepcnt", 1, 1, MAX_KEEPCNT, "net.ipv4.tcp_keepalive_probes"),
    so.TCP_SYNCNT: _number("syncnt", 1, 1, MAX_SYNCNT, "net.ipv4.tcp_syn_retries"),
    so.TCP_RTO_MAX_MS: _number("rto_max_ns", MS, *RTO_MAX_MS, "net.ipv4.tcp_rto_max_ms"),
    so.TCP_RTO_MIN_US: _ticks("rto_min_ns", lambda sock: sock.stack.tcp.sysctls.rto_min_ns),
    so.TCP_DELACK_MAX_US: _ticks("delack_max_ns", lambda sock: DELACK_MAX),
    so.TCP_THIN_LINEAR_TIMEOUTS: Option(lambda sock: int(sock.settings.thin_linear), _set_thin_linear, kinds=TCP),
    so.TCP_THIN_DUPACK: Option(lambda sock: 0, _set_thin_dupack, kinds=TCP),
    so.TCP_IS_MPTCP: Option(lambda sock: 0, None, kinds=TCP),
    so.TCP_TX_DELAY: Option(lambda sock: int(sock.settings.tx_delay_ns) // US, _set_tx_delay, kinds=TCP),
    so.TCP_LINGER2: Option(_get_linger2, _set_linger2, kinds=TCP),
    so.TCP_WINDOW_CLAMP: Option(_get_window_clamp, _set_window_clamp, kinds=TCP),
    so.TCP_NOTSENT_LOWAT: Option(_get_notsent_lowat, _set_notsent_lowat, kinds=TCP),
    so.TCP_INQ: Option(lambda sock: int(sock.inq), _set_inq, kinds=TCP),
    so.TCP_INFO: Option(_get_info, None, kinds=TCP),
    so.TCP_CC_INFO: Option(_get_cc_info, None, kinds=TCP),
    so.TCP_CONGESTION: Option(_get_congestion, _set_congestion, raw=True, kinds=TCP),
    so.TCP_USER_TIMEOUT: Option(lambda sock: int(sock.settings.user_timeout_ns) // MS, _set_user_timeout, kinds=TCP),
}
TCP_OPTIONS: Final = {(IPPROTO_TCP, name): option for name, option in _TABLE.items()}
