"""Options of IPPROTO_TCP that take a connection out of a socket and put it into another (Linux's TCP_REPAIR)."""

from __future__ import annotations

import struct
from errno import EINVAL, EPERM
from typing import Any, Final

from ..core.const import IPPROTO_TCP, MASK32
from ..tcp.const import ESTABLISHED, FORCE_REUSE, REUSEADDR
from ..tcp.repair import (
    RECV_QUEUE,
    SEND_QUEUE,
    Repair,
    ask_window,
    check_window,
    in_repair,
    is_gone,
    offset_of,
    set_option,
    set_window,
    stamp_of,
    window_of,
    write_seq,
)
from . import const as so
from .const import MSG_ALWAYS
from .errors import os_error
from .option import Option

TCP: Final = (IPPROTO_TCP,)
OFF: Final = 0
ON: Final = 1
OFF_NO_PROBE: Final = -1
# code, value.
_OPTION: Final = struct.Struct("=II")
_WINDOW: Final = struct.Struct("=5I")


def _repair_of(sock: Any) -> Repair:
    if sock.repair is None:
        sock.repair = Repair()
    return sock.repair  # type: ignore[no-any-return]


def _set_repair(sock: Any, value: int) -> None:
    # A stack is its owner's: no privilege is asked for.
    if sock.listener is not None:
        raise os_error(EPERM)
    if value not in (ON, OFF, OFF_NO_PROBE):
        raise os_error(EINVAL)
    repair = _repair_of(sock)
    repair.is_on = value == ON
    # Whatever SO_REUSEADDR said before (Linux).
    sock.sharing &= ~(REUSEADDR | FORCE_REUSE)
    if repair.is_on:
        repair.queue = 0
        sock.sharing |= FORCE_REUSE
        sock.rare |= MSG_ALWAYS
    else:
        sock.rare &= ~MSG_ALWAYS
        if value == OFF and sock.tcb is not None:
            ask_window(sock.tcb, sock.host.now())


def _get_queue(sock: Any) -> int:
    if not in_repair(sock.repair):
        raise os_error(EINVAL)
    return int(sock.repair.queue)


def _set_queue(sock: Any, value: int) -> None:
    if not in_repair(sock.repair):
        raise os_error(EPERM)
    if not 0 <= value <= SEND_QUEUE:
        raise os_error(EINVAL)
    sock.repair.queue = value


def _get_queue_seq(sock: Any) -> bytes:
    repair = _repair_of(sock)
    if repair.queue == SEND_QUEUE:
        seq = repair.send_seq if is_gone(sock.tcb) else write_seq(sock.tcb)
    elif repair.queue == RECV_QUEUE:
        seq = repair.receive_seq if is_gone(sock.tcb) else sock.tcb.rcv_nxt
    else:
        raise os_error(EINVAL)
    return struct.pack("=I", seq)


def _set_queue_seq(sock: Any, value: int) -> None:
    repair = _repair_of(sock)
    if sock.listener is not None or not is_gone(sock.tcb):
        raise os_error(EPERM)
    if repair.queue == SEND_QUEUE:
        repair.send_seq = value & MASK32
    elif repair.queue == RECV_QUEUE:
        if sock.tcb is not None and sock.tcb.available():
            raise os_error(EPERM)
        repair.receive_seq = value & MASK32
    else:
        raise os_error(EINVAL)


def _set_options(sock: Any, octets: bytes) -> None:
    if len(octets) < 4 or not in_repair(sock.repair):
        raise os_error(EINVAL)
    tcb = sock.tcb
    if tcb is None or tcb.state != ESTABLISHED or tcb.bytes_sent:
        # Not while something is under way that was built on what was agreed (Linux).
        raise os_error(EPERM)
    for at in range(0, len(octets) - _OPTION.size + 1, _OPTION.size):
        code, value = _OPTION.unpack_from(octets, at)
        set_option(tcb, code, value, sock.host.now())


def _get_window(sock: Any, buflen: int) -> bytes:
    if buflen != _WINDOW.size:
        raise os_error(EINVAL)
    if not in_repair(sock.repair):
        raise os_error(EPERM)
    return _WINDOW.pack(*((0, 0, 0, 0, 0) if sock.tcb is None else window_of(sock.tcb)))


def _set_window(sock: Any, octets: bytes) -> None:
    if len(octets) < 4:
        raise os_error(EINVAL)
    if not in_repair(sock.repair):
        raise os_error(EPERM)
    if len(octets) != _WINDOW.size:
        raise os_error(EINVAL)
    window = _WINDOW.unpack(octets)
    check_window(sock.repair.receive_seq if is_gone(sock.tcb) else sock.tcb.rcv_nxt, *window)
    if not is_gone(sock.tcb):
        # connect() begins with windows of its own: before it there is nothing to keep.
        set_window(sock.tcb, *window)


def _get_timestamp(sock: Any) -> bytes:
    offset = sock.tcb.ts_offset if sock.tcb is not None else _repair_of(sock).stamp_offset
    return struct.pack("=I", stamp_of(offset, sock.host.now()))


def _set_timestamp(sock: Any, value: int) -> None:
    if not in_repair(sock.repair):
        raise os_error(EPERM)
    sock.repair.stamp_offset = offset_of(value, sock.host.now())
    if sock.tcb is not None:
        sock.tcb.ts_offset = sock.repair.stamp_offset


_TABLE: Final = {
    so.TCP_REPAIR: Option(lambda sock: int(in_repair(sock.repair)), _set_repair, kinds=TCP),
    so.TCP_REPAIR_QUEUE: Option(_get_queue, _set_queue, kinds=TCP),
    so.TCP_QUEUE_SEQ: Option(_get_queue_seq, _set_queue_seq, kinds=TCP),
    so.TCP_REPAIR_OPTIONS: Option(None, _set_options, raw=True, kinds=TCP),
    so.TCP_REPAIR_WINDOW: Option(_get_window, _set_window, raw=True, kinds=TCP, sized=True),
    so.TCP_TIMESTAMP: Option(_get_timestamp, _set_timestamp, kinds=TCP),
}
REPAIR_OPTIONS: Final = {(IPPROTO_TCP, name): option for name, option in _TABLE.items()}
