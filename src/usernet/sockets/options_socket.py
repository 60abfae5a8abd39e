"""Options of SOL_SOCKET (socket(7))."""

from __future__ import annotations

import struct
from errno import EDOM, EINVAL, ENODEV, EOPNOTSUPP
from typing import Any, Final

from ..core.const import IPPROTO_TCP, IPPROTO_UDP, SECOND, US
from ..tcp.const import CLOSED, RCVBUF_LOCK, SNDBUF_LOCK
from ..tcp.marks import NOTE_COST, OPT_ID, OPT_ID_TCP, RX_SOFTWARE
from ..tcp.send_buffer import cost, piece_size
from ..tcp.settings import buffer_locks
from ..udp.const import REUSEADDR, REUSEPORT
from . import const as so
from .errors import os_error
from .option import Option

# Linux's SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF.
MIN_SNDBUF = 4608
MIN_RCVBUF = 2304
IFNAMSIZ = 16
# Every flag of SO_TIMESTAMPING that Linux knows.
TIMESTAMPING_ALL = (1 << 19) - 1
BIND_PHC = 1 << 15
# SO_MAX_PACING_RATE without a limit.
NO_RATE = 0xFFFFFFFFFFFFFFFF


def _share(bit: int) -> Option:
    def read(sock: Any) -> int:
        return int(sock.sharing & bit != 0)

    def write(sock: Any, value: int) -> None:
        sock.sharing = sock.sharing | bit if value else sock.sharing & ~bit
        if sock.protocol == IPPROTO_UDP:
            sock.udp.sharing = sock.sharing

    return Option(read, write)


def _get_sndbuf(sock: Any) -> int:
    if sock.protocol == IPPROTO_TCP and sock.tcb is not None:
        return int(sock.tcb.snd_buf)
    if sock.sndbuf:
        return int(sock.sndbuf)
    sysctl = sock.stack.context.sysctl
    if sock.protocol == IPPROTO_TCP:
        return int(sysctl.get("net.ipv4.tcp_wmem")[1])
    return int(sysctl.int_of("net.core.wmem_default"))


def _set_sndbuf(sock: Any, value: int) -> None:
    _force_sndbuf(sock, min(value & 0xFFFFFFFF, sock.stack.context.sysctl.int_of("net.core.wmem_max")))


def _force_sndbuf(sock: Any, value: int) -> None:
    sock.sndbuf = max(min(value, 0x3FFFFFFF) * 2, MIN_SNDBUF)
    if sock.protocol == IPPROTO_TCP:
        sock.settings.sndbuf = sock.sndbuf
        sock.settings.unlocked &= ~SNDBUF_LOCK
        sock.settings_changed()


def _get_rcvbuf(sock: Any) -> int:
    if sock.protocol != IPPROTO_TCP:
        return int(sock.endpoint.queue.limit)
    if sock.tcb is not None:
        return int(sock.tcb.rcv_buf)
    return int(sock.rcvbuf or sock.stack.context.sysctl.get("net.ipv4.tcp_rmem")[1])


def _set_rcvbuf(sock: Any, value: int) -> None:
    _force_rcvbuf(sock, min(value & 0xFFFFFFFF, sock.stack.context.sysctl.int_of("net.core.rmem_max")))


def _force_rcvbuf(sock: Any, value: int) -> None:
    sock.rcvbuf = max(min(value, 0x3FFFFFFF) * 2, MIN_RCVBUF)
    if sock.protocol == IPPROTO_TCP:
        sock.settings.rcvbuf = sock.rcvbuf
        sock.settings.unlocked &= ~RCVBUF_LOCK
        sock.settings_changed()
    else:
        sock.endpoint.queue.limit = sock.rcvbuf


def _set_buf_lock(sock: Any, value: int) -> None:
    # What is locked keeps the size it has now, however it came to it; what is unlocked may grow from there.
    settings = sock.settings
    if value & ~(SNDBUF_LOCK | RCVBUF_LOCK):
        raise os_error(EINVAL)
    if value & SNDBUF_LOCK:
        settings.sndbuf = sock.sndbuf = _get_sndbuf(sock)
    if value & RCVBUF_LOCK:
        settings.rcvbuf = sock.rcvbuf = _get_rcvbuf(sock)
    settings.unlocked = ~value & (SNDBUF_LOCK | RCVBUF_LOCK)
    sock.settings_changed()


def _set_keepalive(sock: Any, value: int) -> None:
    sock.keepalive = value != 0
    if sock.protocol == IPPROTO_TCP:
        sock.settings.keepalive = sock.keepalive
        sock.settings_changed()


def _set_broadcast(sock: Any, value: int) -> None:
    sock.broadcast = value != 0
    if sock.protocol != IPPROTO_TCP:
        sock.endpoint.broadcast = sock.broadcast
        sock.forget_path()


def _get_linger(sock: Any) -> bytes:
    return struct.pack("=ii", sock.linger_on, sock.linger_s)


def _set_linger(sock: Any, octets: bytes) -> None:
    if len(octets) < 8:
        raise os_error(EINVAL)
    on, seconds = struct.unpack_from("=ii", octets)
    sock.linger_on = on != 0
    if on:
        sock.linger_s = max(seconds, 0)


def _timeout(field: str) -> Option:
    def read(sock: Any) -> bytes:
        seconds, rest = divmod(getattr(sock, field), SECOND)
        return struct.pack("=qq", seconds, rest // US)

    def write(sock: Any, octets: bytes) -> None:
        if len(octets) < 16:
            raise os_error(EINVAL)
        seconds, micros = struct.unpack_from("=qq", octets)
        if not 0 <= micros < 1_000_000:
            raise os_error(EDOM)
        # 0 is no timeout; a negative one is over at once, for which the shortest span stands.
        span = 1 if seconds < 0 else min(seconds * SECOND + micros * US, 1 << 62)
        setattr(sock, field, span)

    return Option(read, write, raw=True)


def _set_rcvlowat(sock: Any, value: int) -> None:
    octets = 0x7FFFFFFF if value < 0 else value
    if sock.protocol != IPPROTO_TCP:
        sock.rcvlowat = octets or 1
    elif sock.tcb is not None:
        sock.tcb.set_low_water(octets)
    else:
        sock.settings.rcvlowat = min(octets, sock.stack.context.sysctl.get("net.ipv4.tcp_rmem")[2] >> 1) or 1


def _get_rcvlowat(sock: Any) -> int:
    return int(sock.settings.rcvlowat if sock.protocol == IPPROTO_TCP else sock.rcvlowat)


def _get_device(sock: Any) -> bytes:
    return sock.device_name.encode() + b"\0" if sock.device_name else b""


def _set_device(sock: Any, octets: bytes) -> None:
    name = octets[: IFNAMSIZ - 1].split(b"\0")[0].decode("utf-8", "replace")
    index = 0
    if name:
        indexes = [i.index for i in sock.stack.ip.interfaces.values() if i.name == name]
        if not indexes:
            raise os_error(ENODEV)
        index = indexes[0]
    sock.device_name = name
    sock.bind_device(index)


def _timestamp(kind: int) -> Option:
    def read(sock: Any) -> int:
        return int(sock.timestamp == kind)

    def write(sock: Any, value: int) -> None:
        sock.timestamp = kind if value else 0
        if sock.protocol == IPPROTO_TCP:
            _stamp_arrivals(sock)

    return Option(read, write)


def _set_mark(sock: Any, value: int) -> None:
    sock.mark = value
    if sock.protocol == IPPROTO_TCP:
        sock.settings.mark = value & 0xFFFFFFFF
        sock.settings_changed()
    else:
        sock.endpoint.mark = value & 0xFFFFFFFF


def _get_max_pacing_rate(sock: Any, buflen: int) -> bytes:
    rate = int(sock.settings.max_pacing_rate)
    if rate < 0:
        rate = NO_RATE
    return struct.pack("=Q", rate) if buflen >= 8 else struct.pack("=I", min(rate, 0xFFFFFFFF))


def _set_max_pacing_rate(sock: Any, octets: bytes) -> None:
    # An unsigned int, or an unsigned long; all ones is no limit.
    if len(octets) >= 8:
        rate = struct.unpack_from("=Q", octets)[0]
    elif len(octets) >= 4:
        rate = struct.unpack_from("=I", octets)[0]
        rate = NO_RATE if rate == 0xFFFFFFFF else rate
    else:
        raise os_error(EINVAL)
    sock.settings.max_pacing_rate = -1 if rate == NO_RATE else min(rate, 1 << 62)
    sock.settings_changed()


def _get_oobinline(sock: Any) -> int:
    return int(sock.settings.oobinline if sock.protocol == IPPROTO_TCP else sock.oobinline)


def _set_oobinline(sock: Any, value: int) -> None:
    if sock.protocol == IPPROTO_TCP:
        sock.settings.oobinline = value != 0
    else:
        sock.oobinline = value != 0


def _set_zerocopy(sock: Any, value: int) -> None:
    if value not in (0, 1):
        raise os_error(EINVAL)
    sock.zerocopy = value != 0


def _set_timestamping(sock: Any, value: int) -> None:
    tcb = sock.tcb
    if value & ~TIMESTAMPING_ALL:
        raise os_error(EINVAL)
    if value & BIND_PHC:
        # No device here has a clock of its own.
        raise os_error(EOPNOTSUPP)
    if value & OPT_ID and not sock.settings.timestamping & OPT_ID:
        if tcb is None or tcb.state == CLOSED:
            raise os_error(EINVAL)
        # Keys count from what was acknowledged, or with OPT_ID_TCP from what was written.
        tcb.stamp_base = tcb.queue.end if value & OPT_ID_TCP else tcb.queue.base
    sock.settings.timestamping = value
    _stamp_arrivals(sock)


def _stamp_arrivals(sock: Any) -> None:
    sock.settings.stamps_arrivals = sock.timestamp != 0 or sock.settings.timestamping & RX_SOFTWARE != 0
    sock.settings_changed()


def _set_peek_off(sock: Any, value: int) -> None:
    sock.peek_off = value
    sock.rare = sock.rare | so.MSG_PEEK if value >= 0 else sock.rare & ~so.MSG_PEEK


def _get_meminfo(sock: Any) -> bytes:
    # struct of SK_MEMINFO_*: rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops.
    tcb = sock.tcb
    if tcb is None:
        return struct.pack("=9I", 0, _get_rcvbuf(sock), 0, _get_sndbuf(sock), 0, 0, 0, 0, 0)
    queued = cost(tcb, tcb.unsent(), piece_size(tcb)) if tcb.outq() else 0
    optmem = 0 if tcb.marks is None else len(tcb.marks.copies) * NOTE_COST
    held = tcb.space.held + tcb.ofo.memory
    return struct.pack("=9I", held, tcb.rcv_buf, 0, tcb.snd_buf, 0, queued, optmem, 0, 0)


def _set_priority(sock: Any, value: int) -> None:
    sock.priority = value


def _set_no_check(sock: Any, value: int) -> None:
    sock.udp.no_check = value != 0


_TABLE: Final = {
    so.SO_REUSEADDR: _share(REUSEADDR),
    so.SO_REUSEPORT: _share(REUSEPORT),
    so.SO_TYPE: Option(lambda sock: int(sock.type), None),
    so.SO_PROTOCOL: Option(lambda sock: int(sock.protocol), None),
    so.SO_DOMAIN: Option(lambda sock: int(sock.family), None),
    so.SO_ERROR: Option(lambda sock: int(sock.take_error()), None),
    so.SO_ACCEPTCONN: Option(lambda sock: int(getattr(sock, "listener", None) is not None), None),
    so.SO_KEEPALIVE: Option(lambda sock: int(sock.keepalive), _set_keepalive),
    so.SO_BROADCAST: Option(lambda sock: int(sock.broadcast), _set_broadcast),
    so.SO_OOBINLINE: Option(_get_oobinline, _set_oobinline),
    so.SO_ZEROCOPY: Option(lambda sock: int(sock.zerocopy), _set_zerocopy, kinds=(IPPROTO_TCP,)),
    so.SO_TIMESTAMPING: Option(lambda sock: int(sock.settings.timestamping), _set_timestamping, kinds=(IPPROTO_TCP,)),
    so.SO_PEEK_OFF: Option(lambda sock: int(sock.peek_off), _set_peek_off, kinds=(IPPROTO_TCP,)),
    so.SO_MEMINFO: Option(_get_meminfo, None, kinds=(IPPROTO_TCP,)),
    so.SO_SNDBUF: Option(_get_sndbuf, _set_sndbuf),
    so.SO_RCVBUF: Option(_get_rcvbuf, _set_rcvbuf),
    so.SO_SNDBUFFORCE: Option(None, _force_sndbuf),
    so.SO_RCVBUFFORCE: Option(None, _force_rcvbuf),
    so.SO_BUF_LOCK: Option(lambda sock: int(buffer_locks(sock.settings)), _set_buf_lock, kinds=(IPPROTO_TCP,)),
    so.SO_LINGER: Option(_get_linger, _set_linger, raw=True),
    so.SO_RCVTIMEO: _timeout("rcvtimeo_ns"),
    so.SO_SNDTIMEO: _timeout("sndtimeo_ns"),
    so.SO_RCVLOWAT: Option(_get_rcvlowat, _set_rcvlowat),
    so.SO_BINDTODEVICE: Option(_get_device, _set_device, raw=True),
    so.SO_TIMESTAMP: _timestamp(so.SO_TIMESTAMP),
    so.SO_TIMESTAMPNS: _timestamp(so.SO_TIMESTAMPNS),
    so.SO_MARK: Option(lambda sock: int(sock.mark), _set_mark),
    so.SO_PRIORITY: Option(lambda sock: int(sock.priority), _set_priority),
    so.SO_MAX_PACING_RATE: Option(
        _get_max_pacing_rate, _set_max_pacing_rate, raw=True, kinds=(IPPROTO_TCP,), sized=True
    ),
    so.SO_NO_CHECK: Option(lambda sock: int(sock.udp.no_check), _set_no_check, kinds=(IPPROTO_UDP,)),
}
SOCKET_OPTIONS: Final = {(so.SOL_SOCKET, name): option for name, option in _TABLE.items()}
