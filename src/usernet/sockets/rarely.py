"""Where send() and recv() go that are not the usual ones: by their flags, or by what their socket is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tcp.repair import in_repair
from .const import MSG_ERRQUEUE, MSG_OOB
from .fastopen import send_fast
from .messages import recv_error, recv_special, recv_urgent
from .repair import recv_repaired, send_repaired

if TYPE_CHECKING:
    from .tcp import TcpSocket


def send_rarely(sock: TcpSocket, octets: bytes, flags: int, deadline: int) -> int:
    """send(2) in repair mode, or of what the SYN is to carry. The lock is held."""
    if in_repair(sock.repair):
        return send_repaired(sock, octets, deadline)
    return send_fast(sock, octets, flags, None, deadline)


def recv_rarely(sock: TcpSocket, n: int, flags: int) -> bytes:
    """recv(2) in repair mode, or with one of ``TcpSocket.rare``. The lock is held."""
    if flags & MSG_OOB:
        return recv_urgent(sock, n, flags)
    if flags & MSG_ERRQUEUE:
        return recv_error(sock, n, 0)[0]
    if in_repair(sock.repair):
        return recv_repaired(sock, n, flags)
    return recv_special(sock, n, flags)
