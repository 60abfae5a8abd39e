"""What recvmsg(2) and the rarer flags of a stream give: urgent octets, the error queue, TCP_INQ, MSG_WAITALL."""

from __future__ import annotations

import struct
from errno import EAGAIN, EINVAL, ENOTCONN, ENOTTY
from typing import TYPE_CHECKING

from ..core.const import IPPROTO_TCP, POLLIN, SECOND, US
from ..tcp.const import CLOSED, FIN_WAIT_2, SYN_SENT, URG_AT_END
from ..tcp.errqueue import ORIGIN_TIMESTAMPING
from ..tcp.marks import OPT_RX_FILTER, RX_SOFTWARE, SOFTWARE
from ..tcp.urgent import is_at_mark, readable_before_mark
from .awaited import Awaited, is_over
from .base import Ancillary
from .const import (
    IP_RECVERR,
    IPPROTO_IP,
    MSG_CTRUNC,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SCM_TIMESTAMPING,
    SIOCATMARK,
    SIOCINQ,
    SIOCOUTQ,
    SIOCOUTQNSD,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SOL_SOCKET,
    TCP_CM_INQ,
)
from .errors import os_error

if TYPE_CHECKING:
    from ..tcp.tcb import Tcb
    from .tcp import TcpSocket

CMSG_HEADER = 16


def recv_urgent(sock: TcpSocket, n: int, flags: int) -> bytes:
    """recv(MSG_OOB): at most one octet, b"" at the end. Raises OSError: EINVAL when there is none, EAGAIN, ENOTCONN."""
    tcb = sock.tcb
    if tcb is None or tcb.state == SYN_SENT:
        raise os_error(ENOTCONN)
    octet = tcb.recv_urgent(bool(flags & MSG_PEEK))
    if octet == URG_AT_END:
        return b""
    if octet < 0:
        raise os_error(octet)
    return bytes((octet,))[:n]


def recv_special(sock: TcpSocket, n: int, flags: int) -> bytes:
    """MSG_WAITALL collects, MSG_TRUNC throws away, MSG_PEEK looks behind SO_PEEK_OFF. The lock is held."""
    if n == 0:
        sock.readable(0, 0)
        return b""
    deadline = sock.deadline(sock.rcvtimeo_ns, flags)
    octets = _peek(sock, n, flags, deadline) if flags & MSG_PEEK else _collect(sock, n, flags, deadline)
    return bytes(len(octets)) if flags & MSG_TRUNC else octets


def _collect(sock: TcpSocket, n: int, flags: int, deadline: int) -> bytes:
    parts: list[bytes] = []
    left = n
    while left > 0:
        tcb = sock.readable(1 if flags & MSG_WAITALL else n, deadline)
        data = None if tcb is None else tcb.recv(left, False, sock.host.now())
        if data is not None:
            parts.append(data)
            left -= len(data)
            sock.was_read(len(data))
            # An urgent octet ends what is read at once (Linux).
            if not data or not flags & MSG_WAITALL or (tcb is not None and is_at_mark(tcb)):
                break
            continue
        if tcb is not None and ((parts and tcb.err) or sock.at_end(tcb)):
            break
        try:
            deadline = sock.wait_for_text(deadline)
        except OSError:
            if not parts:
                raise
            break
    return b"".join(parts)


def _peek(sock: TcpSocket, n: int, flags: int, deadline: int) -> bytes:
    """Octets from SO_PEEK_OFF on. They stay, so that all that are wanted must lie there at once."""
    skip = max(sock.peek_off, 0)
    while True:
        tcb = sock.readable(n, 0)
        assert tcb is not None  # n is not 0
        wanted = skip + (n if flags & MSG_WAITALL else min(n, tcb.settings.rcvlowat))
        stops = is_over(tcb) or readable_before_mark(tcb) < tcb.available()
        if deadline == 0 or stops or tcb.available() >= wanted:
            data = _look_behind(tcb, skip, n)
            if data:
                if sock.peek_off >= 0:
                    sock.peek_off += len(data)
                return data
            if is_over(tcb) and (tcb.err == 0 or sock.at_end(tcb)):
                return b""
            wanted = tcb.available() + 1
        try:
            sock.wait_for(Awaited(sock, wanted), POLLIN, deadline)
        except OSError:
            if tcb.available() <= skip or deadline == 0:
                raise
            deadline = 0


def _look_behind(tcb: Tcb, skip: int, n: int) -> bytes:
    # As far as an urgent octet, which itself is left out.
    mark = readable_before_mark(tcb)
    if mark < tcb.available():
        if skip < mark:
            n = min(n, mark - skip)
        elif skip == mark:
            skip += 1
    return tcb.rcv_queue.look(skip, n)


def recv_error(sock: TcpSocket, n: int, room: int) -> tuple[bytes, Ancillary, int]:
    """recvmsg(MSG_ERRQUEUE): the oldest report. Raises OSError(EAGAIN); it never waits."""
    tcb = sock.tcb
    errors = sock.errors if tcb is None else tcb.errors
    report = None if errors is None else errors.take()
    if report is None:
        raise os_error(EAGAIN)
    items: Ancillary = []
    if report.origin == ORIGIN_TIMESTAMPING and sock.settings.timestamping & SOFTWARE:
        seconds, rest = divmod(report.at, SECOND)
        items.append((SOL_SOCKET, SCM_TIMESTAMPING, struct.pack("=6q", seconds, rest, 0, 0, 0, 0)))
    # struct sock_extended_err, and the address of an offender, who is nobody here.
    error = struct.pack("=IBBBBII", report.err, report.origin, 0, report.code, 0, report.info, report.data)
    items.append((IPPROTO_IP, IP_RECVERR, error + bytes(16)))
    kept, flags = fitting(items, room)
    if len(report.payload) > n:
        flags |= MSG_TRUNC
    return report.payload[:n], kept, flags | MSG_ERRQUEUE


def recv_message(sock: TcpSocket, n: int, room: int, flags: int) -> tuple[bytes, Ancillary, int]:
    """recvmsg(2) on the stream itself: when the last octet came, and with TCP_INQ how much is left to read.

    The lock is held from the reading on, so that what is told belongs to what was read.
    """
    data = sock.recv_octets(n, flags)
    out = MSG_OOB if flags & MSG_OOB else 0
    items: Ancillary = []
    tcb = sock.tcb
    if tcb is None:
        return data, items, out
    if tcb.arrivals is not None and data and not out:
        read = tcb.bytes_received - tcb.available()
        if flags & MSG_PEEK:
            read += sock.peek_off if sock.peek_off >= 0 else len(data)
        else:
            tcb.arrivals.were_read(read)
        items = stamps(sock, tcb.arrivals.of(read - 1))
    if sock.inq:
        # After a FIN there is always something more: the end.
        left = tcb.available() or int(tcb.rcv_fin)
        items.append((IPPROTO_TCP, TCP_CM_INQ, struct.pack("=i", min(left, 0x7FFFFFFF))))
    kept, cut = fitting(items, room)
    return data, kept, out | cut


def stamps(sock: TcpSocket, at: int) -> Ancillary:
    """An instant as the options want it told: SO_TIMESTAMP or SO_TIMESTAMPNS, and SO_TIMESTAMPING."""
    items: Ancillary = []
    seconds, rest = divmod(at, SECOND)
    if at == 0:
        return items
    if sock.timestamp == SO_TIMESTAMP:
        items.append((SOL_SOCKET, SO_TIMESTAMP, struct.pack("=qq", seconds, rest // US)))
    elif sock.timestamp == SO_TIMESTAMPNS:
        items.append((SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("=qq", seconds, rest)))
    wanted = sock.settings.timestamping
    if wanted & SOFTWARE and (wanted & RX_SOFTWARE or not wanted & OPT_RX_FILTER):
        items.append((SOL_SOCKET, SCM_TIMESTAMPING, struct.pack("=6q", seconds, rest, 0, 0, 0, 0)))
    return items


def fitting(items: Ancillary, room: int) -> tuple[Ancillary, int]:
    """What fits into so many octets of control messages, the last cut off (Linux), and then MSG_CTRUNC."""
    kept: Ancillary = []
    for level, kind, octets in items:
        room -= CMSG_HEADER
        if room < 0:
            return kept, MSG_CTRUNC
        kept.append((level, kind, octets[:room]))
        if len(octets) > room:
            return kept, MSG_CTRUNC
        room -= (len(octets) + 7) // 8 * 8
    return kept, 0


def ioctl(sock: TcpSocket, request: int) -> int:
    """ioctl(2) of a stream socket: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK. Raises OSError: EINVAL, ENOTTY."""
    with sock.host.lock:
        sock.check_open()
        tcb = sock.tcb
        if sock.listener is not None:
            raise os_error(EINVAL)
        if request == SIOCINQ:
            return 0 if tcb is None else int(readable_before_mark(tcb))
        if request == SIOCATMARK:
            return int(tcb is not None and is_at_mark(tcb))
        fin = int(tcb is not None and tcb.fin_queued and tcb.state not in (CLOSED, FIN_WAIT_2))
        if request == SIOCOUTQ:
            return 0 if tcb is None else tcb.outq() + fin
        if request == SIOCOUTQNSD:
            return 0 if tcb is None else max(tcb.unsent(), 0) + int(fin and not tcb.fin_sent)
        raise os_error(ENOTTY)
