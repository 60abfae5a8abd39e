"""Sending, receiving and ending in repair mode (Linux's TCP_REPAIR); what the engine does of it is tcp/repair.py's."""

from __future__ import annotations

from errno import ECONNABORTED, ECONNRESET, EFAULT, EINVAL, EPERM, EPIPE
from typing import TYPE_CHECKING

from ..core.const import POLLOUT
from ..tcp import repair as engine
from ..tcp.const import CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, SYN_RECEIVED, SYN_SENT
from ..tcp.repair import NO_QUEUE, RECV_QUEUE, SEND_QUEUE, chosen, in_repair
from .const import MSG_PEEK
from .errors import os_error
from .messages import recv_special

if TYPE_CHECKING:
    from ..tcp.tcb import Tcb
    from .tcp import TcpSocket

# Where disconnect() breaks a connection off.
RESET_BY_DISCONNECT = (SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, FIN_WAIT_2)


def send_repaired(sock: TcpSocket, octets: bytes, deadline: int) -> int:
    """send(2) into the queue that TCP_REPAIR_QUEUE names. Raises OSError: EPIPE, EINVAL for none, ENOMEM, EAGAIN."""
    sock.check_open()
    tcb = sock.tcb
    if tcb is None or not engine.can_send(tcb):
        raise os_error(EPIPE)
    if chosen(sock.repair) == RECV_QUEUE:
        return engine.put_received(tcb, octets)
    if chosen(sock.repair) == NO_QUEUE:
        raise os_error(EINVAL)
    done = 0
    while True:
        done += engine.put_sent(tcb, octets, done, sock.host.now())
        if done == len(octets) or (done > 0 and (deadline == 0 or sock.timeout_ns >= 0)):
            return done
        sock.block(POLLOUT, deadline)


def recv_repaired(sock: TcpSocket, n: int, flags: int) -> bytes:
    """recv(2), which may only peek: into the send queue whole, or as ever. Raises OSError: EPERM, EINVAL, EFAULT."""
    sock.check_open()
    if not flags & MSG_PEEK:
        raise os_error(EPERM)
    if chosen(sock.repair) == NO_QUEUE:
        raise os_error(EINVAL)
    if chosen(sock.repair) == RECV_QUEUE:
        return recv_special(sock, n, flags)
    text = b"" if sock.tcb is None else engine.sent_text(sock.tcb)
    if len(text) > n:
        # A part is not given (Linux).
        raise os_error(EFAULT)
    return text


def end_at_once(sock: TcpSocket, tcb: Tcb, now: int) -> None:
    """Let go of a connection: with a RST, or in repair mode without a word."""
    tcb.owner = None
    if in_repair(sock.repair):
        sock.err = ECONNABORTED
        engine.vanish(tcb)
    else:
        # disconnect() leaves a socket that tells what became of its connection, once (Linux).
        sock.err = tcb.err or (ECONNRESET if tcb.state in RESET_BY_DISCONNECT else 0)
        tcb.abort(now)


def shut_repaired(sock: TcpSocket, tcb: Tcb, now: int) -> None:
    """shutdown(SHUT_WR): with the send queue chosen the FIN counts as sent, else it is sent (Linux)."""
    if chosen(sock.repair) == SEND_QUEUE and engine.can_send(tcb):
        engine.put_fin(tcb, now)
    else:
        tcb.shutdown_send(now)
