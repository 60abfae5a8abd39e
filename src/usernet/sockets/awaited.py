"""What blocked calls of a stream socket wait for, where that is not what its poll() says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import POLLERR, POLLIN, POLLOUT
from ..core.ready import Pollable, Watcher
from ..tcp.const import CLOSED, CLOSING, FIN_WAIT_1, LAST_ACK, RCV_SHUTDOWN

if TYPE_CHECKING:
    import cython

    from ..tcp.tcb import Tcb
    from .tcp import TcpSocket


def is_over(tcb: Tcb) -> cython.bint:
    """Nothing more will come, or an error is to be told first."""
    return tcb.err != 0 or tcb.state == CLOSED or tcb.shutdown & RCV_SHUTDOWN != 0


class Awaited(Pollable):
    """A stream as a blocked call waits for it: for ``octets`` to read, or room, or the end, and not for reports."""

    __slots__ = ("octets", "sock")

    def __init__(self, sock: TcpSocket, octets: cython.longlong) -> None:
        super().__init__()
        self.sock = sock
        self.octets = octets

    def poll(self) -> cython.uint:
        """The socket's bits, as far as they count."""
        bits: cython.uint = self.sock.poll()
        tcb: Tcb | None = self.sock.tcb
        if tcb is None or self.sock.closed:
            return bits
        if tcb.available() < self.octets and not is_over(tcb):
            bits &= ~POLLIN
        # Also at the end of the other half: whoever waits for room would come back at once, and never let it be made.
        return bits if tcb.err else bits & ~POLLERR

    def watch(self, watcher: Watcher) -> None:
        """It is the socket that is woken."""
        self.sock.watch(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """See watch."""
        self.sock.unwatch(watcher)


class Unacknowledged(Pollable):
    """A closing connection, ready when its FIN was acknowledged: what SO_LINGER waits for (sk_stream_wait_close)."""

    __slots__ = ("tcb",)

    def __init__(self, tcb: Tcb) -> None:
        super().__init__()
        self.tcb = tcb

    def poll(self) -> cython.uint:
        """POLLOUT, once it was."""
        return 0 if self.tcb.state in (FIN_WAIT_1, CLOSING, LAST_ACK) else POLLOUT
