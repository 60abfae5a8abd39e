"""Datagram flows: one kernel socket for each conversation of the guest, bounded in number and in idle time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from ..core.const import POLLIN, SECOND
from ..core.packet import Packet
from ..core.timers import Timer
from .kernel import Socket
from .runner import KernelEnd, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    import cython

    from .nat import Nat

# Idle times: RFC 4787 4.3 (REQ-5) asks for two minutes and lets well-known services have less; a DNS exchange is over
# when it is answered.
UDP_IDLE_NS = 120 * SECOND
DNS_IDLE_NS = 10 * SECOND
ECHO_IDLE_NS = 10 * SECOND
IDLE = 0
# Datagrams one flow may bring in one turn.
DATAGRAMS = 64
# Of a datagram that may have to be answered with an ICMP error: its headers (RFC 792: 64 bits of the data).
QUOTED = 8


class FlowTable:
    """The flows by their key, the one idle for longest first."""

    __slots__ = ("_flows", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._flows: OrderedDict[bytes, Flow] = OrderedDict()

    def __len__(self) -> int:
        return len(self._flows)

    def __iter__(self) -> Iterator[Flow]:
        return iter(list(self._flows.values()))

    def get(self, key: bytes) -> Flow | None:
        """The flow of this key."""
        return self._flows.get(key)

    def add(self, flow: Flow) -> None:
        """Take a flow in; the oldest leaves when there is no room."""
        if len(self._flows) >= self.limit:
            flow.nat.counters.drop("gateway_flows_full")
            self.evict()
        self._flows[flow.key] = flow

    def touched(self, flow: Flow) -> None:
        """This flow is the youngest now."""
        self._flows.move_to_end(flow.key)

    def evict(self) -> bool:
        """Close the oldest flow; False when there is none."""
        for flow in self._flows.values():
            flow.close()
            return True
        return False

    def forget(self, flow: Flow) -> None:
        """A flow has closed itself."""
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]


class Flow(Task):
    """Base of a conversation: what comes from the guest goes out by ``send``, the kernel's answers by ``turn``."""

    __slots__ = ("idle_ns", "kernel", "kernel_end", "key", "nat", "quote", "timer")

    def __init__(self, nat: Nat, key: bytes, idle_ns: int) -> None:
        super().__init__()
        self.nat = nat
        self.key = key
        self.idle_ns = idle_ns
        self.kernel: Socket | None = None
        self.kernel_end = KernelEnd(nat.runner, self)
        self.timer = Timer(nat.host.timers, self, IDLE)
        self.quote: Packet | None = None
        nat.flows.add(self)

    def use(self, kernel: Socket) -> None:
        """This socket is the flow's from now on; one it had before is closed."""
        self._drop_kernel()
        self.kernel = kernel
        self.nat.host.watch_fd(kernel.fileno(), POLLIN, self.kernel_end)

    def from_guest(self, packet: Packet, payload: memoryview, now: cython.longlong) -> None:
        """One datagram of the guest."""
        self.timer.arm(now + self.idle_ns)
        self.nat.flows.touched(self)
        self.quote = quoted(packet)
        self.send(payload, now)

    def send(self, payload: memoryview, now: cython.longlong) -> None:
        """Send it on; an error that struck an earlier datagram is told to the guest, and this one still goes."""
        kernel = self.kernel
        if kernel is None:
            return
        for _ in range(2):
            try:
                kernel.send(payload)
                return
            except BlockingIOError:
                break
            except OSError as error:
                self.failed(error.errno or 0, now)
        self.nat.counters.drop("gateway_datagram_not_sent")

    def turn(self, now: cython.longlong) -> cython.bint:
        """Take the kernel's answers in."""
        kernel = self.kernel
        buffer = self.nat.buffer
        self.events = 0
        for _ in range(DATAGRAMS):
            if kernel is None or kernel is not self.kernel:
                return False
            try:
                size = kernel.recv_into(buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                self.failed(error.errno or 0, now)
                continue
            self.timer.arm(now + self.idle_ns)
            self.answered(bytes(buffer[:size]), now)
        return True

    def answered(self, octets: bytes, now: cython.longlong) -> None:
        """One datagram of the kernel's."""
        raise NotImplementedError

    def failed(self, err: int, now: cython.longlong) -> None:
        """The kernel reports an error about something sent before."""
        if self.quote is not None:
            self.nat.unreachable(self.quote, err, now)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Idle for too long."""
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        self.timer.destroy()
        self.nat.flows.forget(self)
        self._drop_kernel()

    def _drop_kernel(self) -> None:
        kernel, self.kernel = self.kernel, None
        if kernel is not None:
            self.nat.host.unwatch_fd(kernel.fileno(), self.kernel_end)
            kernel.close()


def quoted(packet: Packet) -> Packet:
    """The headers of a received packet as a packet of its own, for an ICMP error that may follow later."""
    start = packet.l3
    short = Packet(bytearray(packet.buf[start : packet.l4 + QUOTED]), 0, packet.l4 + QUOTED - start)
    short.l3 = 0
    short.l4 = packet.l4 - start
    short.addr_off = packet.addr_off - start
    short.addr_len = packet.addr_len
    short.protocol = packet.protocol
    short.device = packet.device
    return short
