"""Published ports: kernel sockets whose clients reach a port of the guest."""

from __future__ import annotations

from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import TYPE_CHECKING

from ..core.const import IPPROTO_UDP, POLLIN
from ..tcp.tcb import Binding
from .flows import UDP_IDLE_NS, Flow
from .kernel import Socket, accept, listen_datagram, listen_stream, reset
from .runner import KernelEnd, Task
from .splice import Splice
from .udp import Return, flow_key

if TYPE_CHECKING:
    import cython

    from ..tcp.tcb import Tcb
    from .nat import Nat

# Connections or datagrams taken in one turn.
ACCEPTS = 64
BACKLOG = 1024
# Linux's TCP_SYN_RETRIES is for the wide world; the guest is a call away.
GUEST_SYN_RETRIES = 3


class Publication(Task):
    """Base of a published port: the kernel's socket, and the guest's port behind it."""

    __slots__ = ("guest_port", "kernel", "kernel_end", "nat", "paused")

    def __init__(self, nat: Nat, kernel: Socket, guest_port: int) -> None:
        super().__init__()
        self.nat = nat
        self.kernel = kernel
        self.guest_port = guest_port
        self.paused = False
        self.kernel_end = KernelEnd(nat.runner, self)
        nat.host.watch_fd(kernel.fileno(), POLLIN, self.kernel_end)

    @property
    def port(self) -> int:
        """The port the kernel's socket is bound to."""
        return int(self.kernel.getsockname()[1])

    def close(self) -> None:
        """Take no one in any more; who is in stays."""
        fd = self.kernel.fileno()
        if fd >= 0:
            self.nat.host.unwatch_fd(fd, self.kernel_end)
            self.kernel.close()


class TcpPublication(Publication):
    """Accepts kernel connections and dials the guest for each."""

    __slots__ = ()

    def __init__(self, nat: Nat, ip: str, port: int, guest_port: int) -> None:
        super().__init__(nat, listen_stream(ip, port, BACKLOG), guest_port)

    def turn(self, now: cython.longlong) -> cython.bint:
        """Take in who waits."""
        if self.kernel.fileno() < 0:
            return False
        if self.paused:
            self.paused = False
            self.nat.host.watch_fd(self.kernel.fileno(), POLLIN, self.kernel_end)
        for _ in range(ACCEPTS):
            try:
                client, peer = accept(self.kernel)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                    self._pause(now)
                    return False
                continue  # this client is gone already (accept(2), ECONNABORTED and its like)
            self._take(client, peer, now)
        return True

    def _pause(self, now: int) -> None:
        # The listener stays readable; polled on, it would keep the driver busy with nothing.
        self.nat.counters.drop("gateway_no_descriptors")
        self.paused = True
        self.nat.host.watch_fd(self.kernel.fileno(), 0, self.kernel_end)
        self.nat.runner.later(self, now)

    def _take(self, client: Socket, peer: tuple[str, int], now: int) -> None:
        nat = self.nat
        if not nat.has_room():
            reset(client)
            return
        nat.stats.tcp_accepted += 1
        splice = Splice(nat, client)
        try:
            splice.begin(self._dial(splice, peer, now))
        except OSError:
            nat.counters.drop("gateway_dial_failed")
            splice.abort(now)

    def _dial(self, splice: Splice, peer: tuple[str, int], now: int) -> Tcb:
        tcp = self.nat.stack.tcp
        source = self.nat.source(peer[0])
        settings = self.nat.settings()
        settings.syncnt = GUEST_SYN_RETRIES
        binding = None
        if source != self.nat.gateway:
            # The client's own address and port. Not taken in the stack's table: a connection needs no more than a
            # free 4-tuple.
            binding = Binding(source, peer[1], 4, 0)
            binding.is_open = False
        tcb: Tcb = tcp.connect(splice.guest_end, binding, self.nat.guest, self.guest_port, settings, now)
        return tcb


class UdpPublication(Publication):
    """Hands datagrams of kernel clients to the guest, a flow for each client."""

    __slots__ = ()

    def __init__(self, nat: Nat, ip: str, port: int, guest_port: int) -> None:
        super().__init__(nat, listen_datagram(ip, port), guest_port)

    def turn(self, now: cython.longlong) -> cython.bint:
        """Take in who waits."""
        for _ in range(ACCEPTS):
            if self.kernel.fileno() < 0:
                return False
            try:
                octets, peer = self.kernel.recvfrom(65536)
            except BlockingIOError:
                return False
            except OSError:
                continue  # an earlier answer found nobody (ECONNREFUSED)
            flow = self._flow(peer)
            if flow is not None:
                flow.from_client(octets, now)
        return True

    def _flow(self, peer: tuple[str, int]) -> InboundFlow | None:
        nat = self.nat
        source = nat.source(peer[0])
        # Several of the machine's addresses may share the gateway's, and the same port on it.
        for port in (peer[1], *range(49152, 49152 + 64)):
            key = inbound_key(nat, source, port, self.guest_port)
            flow = nat.flows.get(key)
            if flow is None:
                return InboundFlow(nat, key, source, port, self, peer)
            if isinstance(flow, InboundFlow) and flow.publication is self and flow.peer == peer:
                return flow
        nat.counters.drop("gateway_publish_ports")
        return None


class InboundFlow(Flow):
    """One kernel client of a published UDP port."""

    __slots__ = ("back", "peer", "publication")

    def __init__(
        self, nat: Nat, key: bytes, source: bytes, port: int, publication: UdpPublication, peer: tuple[str, int]
    ) -> None:
        super().__init__(nat, key, UDP_IDLE_NS)
        self.publication = publication
        self.peer = peer
        self.back = Return(nat, nat.guest, publication.guest_port, source, port)

    def from_client(self, octets: bytes, now: int) -> None:
        """A datagram of the client's, to the guest."""
        self.timer.arm(now + self.idle_ns)
        self.nat.flows.touched(self)
        self.back.send(octets, now)

    def send(self, payload: memoryview, now: cython.longlong) -> None:
        """The guest's answer, from the published port."""
        try:
            self.publication.kernel.sendto(payload, self.peer)
        except OSError:
            self.nat.counters.drop("gateway_datagram_not_sent")


def inbound_key(nat: Nat, source: bytes, port: int, guest_port: int) -> bytes:
    """The key under which the guest's answers will look for the flow."""
    return flow_key(IPPROTO_UDP, nat.guest + source, guest_port.to_bytes(2, "big") + port.to_bytes(2, "big"))
