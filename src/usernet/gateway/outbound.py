"""Outbound TCP: a guest's SYN waits until the kernel has connected, and gets the answer the kernel got."""

from __future__ import annotations

from contextlib import suppress
from errno import ECONNREFUSED, ECONNRESET, EINPROGRESS, ETIMEDOUT
from typing import TYPE_CHECKING

from ..core.const import POLLOUT
from ..tcp.forward import Forwarder
from .kernel import Socket, connect_stream, pending_error
from .runner import KernelEnd, Relay, Task
from .splice import Splice

if TYPE_CHECKING:
    import cython

    from ..tcp.forward import ForwardRequest
    from .nat import Nat


class OutboundTcp(Forwarder):
    """Takes every SYN that no listener of the gateway stack wants."""

    __slots__ = ("nat", "services")

    def __init__(self, nat: Nat, services: dict[tuple[bytes, int], Service]) -> None:
        self.nat = nat
        self.services = services

    def syn(self, request: ForwardRequest, now: cython.longlong) -> None:
        """Begin a connection for the guest; nothing is answered while packets are being processed."""
        nat = self.nat
        service = self.services.get((request.local, request.local_port))
        if service is not None:
            nat.runner.soon(service.task(request))
            return
        ip = nat.destination(request.local)
        if ip is None:
            nat.counters.drop("gateway_tcp_destination")
            nat.runner.soon(Refusal(request))
        elif not nat.in_net(request.remote):
            nat.counters.drop("gateway_foreign_source")
            request.drop()
        elif not nat.has_room():
            nat.runner.soon(Refusal(request))
        else:
            nat.runner.soon(Connecting(nat, request, ip))


class Service:
    """Base of what the gateway itself answers at one of its addresses and ports."""

    __slots__ = ()

    def task(self, request: ForwardRequest) -> Task:
        """The task that takes this SYN over."""
        raise NotImplementedError


class Refusal(Task):
    """A SYN that is answered with a RST."""

    __slots__ = ("request",)

    def __init__(self, request: ForwardRequest) -> None:
        super().__init__()
        self.request = request

    def turn(self, now: cython.longlong) -> cython.bint:
        """Answer it."""
        reject(self.request, now)
        return False


class Connecting(Relay):
    """A SYN whose answer depends on a kernel connect under way."""

    __slots__ = ("ip", "kernel", "kernel_end", "nat", "request")

    def __init__(self, nat: Nat, request: ForwardRequest, ip: str) -> None:
        super().__init__()
        self.nat = nat
        self.request = request
        self.ip = ip
        self.kernel: Socket | None = None
        self.kernel_end = KernelEnd(nat.runner, self)
        nat.relays[self] = None

    def turn(self, now: cython.longlong) -> cython.bint:
        """Begin the connect, or hear how it ended."""
        if self.kernel is None:
            self._start(now)
        elif self.events:
            self.events = 0
            self.nat.host.unwatch_fd(self.kernel.fileno(), self.kernel_end)
            self._ended(self.kernel, pending_error(self.kernel), now)
        return False

    def _start(self, now: cython.longlong) -> None:
        try:
            kernel, err = self.nat.open(connect_stream, self.ip, self.request.local_port, 0)
        except OSError:
            # The guest sends its SYN again; there may be a descriptor then.
            self.nat.relays.pop(self, None)
            drop(self.request)
            return
        self.kernel = kernel
        if err == EINPROGRESS:
            self.nat.host.watch_fd(kernel.fileno(), POLLOUT, self.kernel_end)
        else:
            self._ended(kernel, err, now)

    def _ended(self, kernel: Socket, err: int, now: int) -> None:
        nat = self.nat
        nat.relays.pop(self, None)
        if err:
            kernel.close()
            if err == ETIMEDOUT:
                drop(self.request)
                return
            if err in (ECONNREFUSED, ECONNRESET):
                nat.stats.tcp_refused += 1
            else:
                nat.counters.drop("gateway_tcp_unreachable")
            reject(self.request, now)
            return
        splice = Splice(nat, kernel)
        nat.stats.tcp_connected += 1
        try:
            splice.begin(self.request.accept(splice.guest_end, nat.settings(), now))
        except OSError:
            splice.abort(now)

    def abort(self, now: int) -> None:
        """The network is taken down."""
        self.nat.relays.pop(self, None)
        if self.kernel is not None:
            self.nat.host.unwatch_fd(self.kernel.fileno(), self.kernel_end)
            self.kernel.close()
        drop(self.request)


def reject(request: ForwardRequest, now: int) -> None:
    """Answer with a RST, if the guest still waits for an answer."""
    with suppress(OSError):
        request.reject(now)


def drop(request: ForwardRequest) -> None:
    """Answer nothing, if the guest still waits for an answer."""
    with suppress(OSError):
        request.drop()
