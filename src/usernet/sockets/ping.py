"""Ping sockets: SOCK_DGRAM with IPPROTO_ICMP (icmp(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import IPPROTO_ICMP
from ..core.scheduler import Scheduler
from .datagram import DatagramSocket
from .errors import os_error

if TYPE_CHECKING:
    import cython

    from ..stack import NetStack


class PingSocket(DatagramSocket):
    """A ping socket: messages begin with their ICMP header, whose identifier is the local port."""

    __slots__ = ()

    def __init__(self, stack: NetStack, host: Scheduler, family: int) -> None:
        endpoint = stack.ping.open(None, 4 if family == 2 else 6)
        super().__init__(stack, host, family, IPPROTO_ICMP, endpoint, 0)
        endpoint.owner = self

    def _connect(self, octets: bytes, port: int) -> None:
        self.endpoint.connect(octets)

    def transmit(self, octets: bytes, dst: bytes, port: cython.uint, flags: cython.uint) -> cython.Py_ssize_t:
        """Send one echo request. The lock is held."""
        sent: cython.Py_ssize_t = self.endpoint.send(octets, dst, self.host.now())
        if sent < 0:
            raise os_error(sent)
        return sent

    def forget_path(self) -> None:
        """An option that chooses the way was changed; every request asks for it anew."""

    def bind_device(self, index: int) -> None:
        """SO_BINDTODEVICE."""
        self.endpoint.ifindex = index
