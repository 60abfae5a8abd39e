"""connect(2) and send(2) in one (RFC 7413; Linux's tcp_sendmsg_fastopen)."""

from __future__ import annotations

from errno import EINPROGRESS, EINVAL, EISCONN, EOPNOTSUPP
from typing import TYPE_CHECKING

from ..tcp.const import TFO_CLIENT
from ..tcp.sending import marks_of
from .address import Address, host_octets, port_of
from .const import MSG_FASTOPEN, MSG_ZEROCOPY
from .errors import os_error

if TYPE_CHECKING:
    from .tcp import TcpSocket


def send_fast(sock: TcpSocket, octets: bytes, flags: int, address: Address | None, deadline: int) -> int:
    """connect(2) and send(2) in one (RFC 7413; Linux's tcp_sendmsg_fastopen)."""
    taken = 0
    sock.check_open()
    if not sock.stack.tcp.sysctls.fastopen & TFO_CLIENT:
        raise os_error(EOPNOTSUPP)
    fresh = not sock.connecting
    if sock.connected or sock.listener is not None:
        raise os_error(EISCONN)
    if fresh:
        if address is None:
            raise os_error(EINVAL)
        sock.start_connect(host_octets(sock.family, address[0]), port_of(address), True)
    tcb = sock.tcb
    assert tcb is not None
    if sock.is_deferred():
        fresh = True
        taken = tcb.open_fast(octets, sock.host.now())
        if taken > 0 and flags & MSG_ZEROCOPY and sock.zerocopy and (taken == len(octets) or deadline == 0):
            marks_of(tcb).zerocopy(tcb.queue.end, True)  # of the SYN's text, a copy
    # What the SYN does not carry follows as soon as it is answered, with the ACK.
    tcb.writers += taken < len(octets)
    try:
        sock.finish_connect(fresh, deadline)
    except OSError as error:
        if error.errno == EINPROGRESS and taken > 0:
            return taken
        raise
    finally:
        tcb.writers = 0
    if taken < len(octets):
        taken += sock.send_octets(octets[taken:], flags & ~MSG_FASTOPEN, deadline)
    return taken
