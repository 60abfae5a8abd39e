"""UDP sockets (udp(7))."""

from __future__ import annotations

from errno import EDESTADDRREQ, EMSGSIZE
from typing import TYPE_CHECKING

from ..core.const import IPPROTO_UDP, MAX_DATAGRAM
from ..core.scheduler import Scheduler
from ..udp.endpoint import UdpEndpoint
from .const import MSG_MORE
from .datagram import DatagramSocket
from .errors import os_error
from .multicast import leave_all

if TYPE_CHECKING:
    import cython

    from ..stack import NetStack

HEADER_LEN = 8


class UdpSocket(DatagramSocket):
    """A UDP socket. What MSG_MORE held back waits in ``_held`` for the rest of its datagram."""

    __slots__ = ("_held", "_held_port", "_held_to", "udp")

    def __init__(self, stack: NetStack, host: Scheduler, family: int) -> None:
        endpoint = stack.udp.open(None, 4 if family == 2 else 6)
        super().__init__(stack, host, family, IPPROTO_UDP, endpoint, HEADER_LEN)
        self.udp: UdpEndpoint = endpoint
        endpoint.owner = self
        self._held: bytes | None = None
        self._held_to: bytes = b""
        self._held_port = 0

    def _connect(self, octets: bytes, port: int) -> None:
        self.udp.connect(octets, port)

    def _peer_port(self) -> int:
        return self.udp.remote_port

    def transmit(self, octets: bytes, dst: bytes, port: cython.uint, flags: cython.uint) -> cython.Py_ssize_t:
        """Send one datagram, or with MSG_MORE a part of one. The lock is held."""
        sent: cython.Py_ssize_t
        if flags & MSG_MORE or self._held is not None:
            return self._transmit_more(octets, dst, port, flags)
        sent = self.udp.send(octets, dst, port, self.host.now())
        if sent < 0:
            raise os_error(sent)
        return sent

    def _transmit_more(self, octets: bytes, dst: bytes, port: int, flags: int) -> int:
        if self._held is None:
            if not dst and not self.udp.remote:
                raise os_error(EDESTADDRREQ)
            self._held, self._held_to, self._held_port = b"", dst, port
        if len(self._held) + len(octets) > MAX_DATAGRAM - HEADER_LEN:
            raise os_error(EMSGSIZE)
        self._held += octets
        if not flags & MSG_MORE:
            whole, self._held = self._held, None
            sent = self.udp.send(whole, self._held_to, self._held_port, self.host.now())
            if sent < 0:
                raise os_error(sent)
        return len(octets)

    def forget_path(self) -> None:
        """An option that chooses the way was changed."""
        self.udp.forget_path()

    def bind_device(self, index: int) -> None:
        """SO_BINDTODEVICE."""
        self.udp.ifindex = index
        self.udp.forget_path()

    def release(self) -> None:
        """close(2): leaves every group."""
        leave_all(self.stack.udp, self.udp, self.stack.ip.interfaces)
        self.udp.close()
