"""The machine a script runs on: one simulated host, its ``tun0``, and one call that may block.

A blocking call runs on a thread of its own, but never beside the script: control is handed to it when it starts and
whenever what it waits for has come, and back when it waits or returns. So a run has one order, always the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ...core.const import GSO_ACCECN, NEVER, POLLERR, POLLHUP, POLLIN, SECOND, US
from ...core.packet import Packet
from ...core.ready import Pollable
from ...host import Host, Stack
from ...ip.address import parse_ip
from ...link.const import F_ACCECN
from ...link.loopback import MemoryDevice
from ...tcp.const import ECN_ACCURATE
from .errors import Mismatch
from .files import ENDLESS
from .live import Live, read, write

# Scripts think in milliseconds from their start. Between two ticks of every millisecond clock, nothing depends on
# which side of one an event falls.
START = 1000 * SECOND + 250 * US
# How long a call that a script calls non-blocking may go on, as poll with a timeout does.
PATIENCE = 60 * SECOND


class ScriptDevice(MemoryDevice):
    """``tun0``: what the stack sends is kept, super-segments whole; what the script sends is delivered segment by
    segment.

    As on Linux's tun, super-segments of connections with accurate ECN are cut in software (no NETIF_F_GSO_ACCECN).
    """

    __slots__ = ("fault", "notice", "sent", "stack")

    def __init__(self, mtu: int) -> None:
        super().__init__("tun0", "tun", mtu, b"")
        self.features &= ~F_ACCECN
        self.stack: Stack | None = None
        self.sent: deque[Live] = deque()
        # What the stack raised while it received: it never should.
        self.fault: Exception | None = None
        self.notice: Callable[[Live], None] = lambda live: None

    def receive_batch(self, budget: int, now: int) -> int:
        """As every device in memory; what the stack raises is kept for the script to fail by."""
        try:
            return super().receive_batch(budget, now)
        except Exception as error:
            self.fault = error
            return 1

    def emit(self, packet: Packet, now: int) -> None:
        """As every device; Linux marks each super-segment of a connection with accurate ECN, we those with CWR."""
        if packet.gso_size and self.stack is not None and any(map(_is_accurate, self.stack.tcp.tcbs())):
            packet.gso_type |= GSO_ACCECN
        super().emit(packet, now)

    def transmit(self, packet: Packet, now: int) -> bool:
        """Keep a packet for the script to compare."""
        live = read(packet, now)
        self.notice(live)
        self.sent.append(live)
        return True


def _is_accurate(endpoint: object) -> bool:
    ecn = getattr(endpoint, "ecn", None)
    return ecn is not None and ecn.mode == ECN_ACCURATE


class ScriptHost(Host):
    """A simulated host whose one blocking call gives way to the script."""

    __slots__ = ("call", "impatient", "thread")

    def __init__(self, seed: bytes) -> None:
        super().__init__("sim", seed)
        self.call: BlockingCall | None = None
        self.thread = threading.current_thread()
        self.impatient = False

    def wait(self, source: Pollable, events: int, deadline: int) -> bool:
        """As Host.wait; in a blocking call, with the script going on meanwhile.

        While ``impatient``, in a call that the script says returns at once, raises Mismatch when it goes on and on.
        """
        if threading.current_thread() is self.thread:
            limit = self.now() + PATIENCE
            if not self.impatient or deadline <= limit:
                return bool(super().wait(source, events, deadline))
            if not super().wait(source, events, limit):
                raise Mismatch("the call blocks, although the script says that it returns at once")
            return True
        assert self.call is not None
        return self.call.block(source, events | POLLERR | POLLHUP, deadline)


class Abandoned(BaseException):
    """The script ended while its call still blocks."""


class BlockingCall:
    """A call on its own thread. ``finished_at`` is when it returned, -1 until then; ``outcome`` what it returned."""

    def __init__(self, host: ScriptHost, call: Callable[[], Any]) -> None:
        self._host = host
        self._call = call
        self._here = threading.Semaphore(0)
        self._there = threading.Semaphore(0)
        self._source: Pollable | None = None
        self._events = 0
        self.deadline = NEVER
        self._abandoned = False
        self.finished_at = -1
        self.outcome: Any = None
        self.raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="usernet-drill-call", daemon=True)

    def start(self) -> None:
        """Run it until it waits or returns."""
        self._thread.start()
        self._here.acquire()

    def _run(self) -> None:
        try:
            self.outcome = self._call()
        except BaseException as error:
            self.raised = error
        self.finished_at = self._host.now()
        self._here.release()

    def block(self, source: Pollable, events: int, deadline: int) -> bool:
        """Called by the call itself, the lock held: wait, the script going on."""
        if source.poll() & events:
            return True
        if self._abandoned:
            raise Abandoned
        self._source, self._events, self.deadline = source, events, deadline
        self._host.lock.release()
        self._here.release()
        self._there.acquire()
        self._host.lock.acquire()
        self._source, self.deadline = None, NEVER
        if self._abandoned:
            raise Abandoned
        return bool(source.poll() & events)

    def is_ready(self) -> bool:
        """True when the call can go on."""
        source = self._source
        if self.finished_at >= 0 or source is None:
            return False
        return bool(source.poll() & self._events) or self._host.now() >= self.deadline

    def resume(self) -> None:
        """Go on until it waits again or returns."""
        self._there.release()
        self._here.acquire()

    def abandon(self) -> None:
        """End it where it waits."""
        self._abandoned = True
        while self.finished_at < 0:
            self.resume()
        self._thread.join()


class _Happening(Pollable):
    """Ready when the script has to look: its instant has come, its call can go on, or a packet was sent.

    The host asks before it runs timers: what the script does at an instant comes before timers that are due at
    it, which in Linux fire with the next tick. The first question is answered no, so that waiting devices are run.
    """

    __slots__ = ("asked", "at", "machine", "packets")

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        self.packets = self.asked = False
        self.at = NEVER

    def poll(self) -> int:
        machine = self.machine
        if not self.asked:
            self.asked = True
            return 0
        if (self.packets and machine.device.sent) or machine.host.now() >= self.at:
            return POLLIN
        call = machine.host.call
        return POLLIN if call is not None and call.is_ready() else 0


class Machine:
    """Host, stack and device of one run. Instants are the host's, in nanoseconds."""

    def __init__(self, mtu: int, seed: bytes = b"drill") -> None:
        self.host = ScriptHost(seed)
        self.stack = Stack("drill", self.host)
        self.device = ScriptDevice(mtu)
        self.device.stack = self.stack
        self.interface = self.stack.attach(self.device)
        # Files the script's commands made, and how long they are: all zeros.
        self.files: dict[str, int] = {"/dev/zero": ENDLESS}
        self._happening = _Happening(self)
        self.host.run_until(START)

    def configure(self, local: str, prefixlen: int) -> None:
        """The address of ``tun0``, and everything else reached through it."""
        self.interface.add_address(parse_ip(local), prefixlen)
        self.stack.ip.fib.add(bytes(4), 0, None, self.interface)

    def now(self) -> int:
        """The virtual clock."""
        return self.host.now()

    def script_now(self) -> int:
        """Whole microseconds since the script's start."""
        return (self.host.now() - START) // US

    def run_until(self, at: int) -> None:
        """Let time pass; the blocking call goes on as soon as it can."""
        self._wait(at)

    def next_packet(self, until: int) -> Live | None:
        """The next packet sent, at once if there is one already, else waiting for it until an instant."""
        if not self.device.sent:
            self._wait(until, packets=True)
        return self.device.sent.popleft() if self.device.sent else None

    def _wait(self, at: int, packets: bool = False, finish: bool = False) -> None:
        """Until an instant; or a packet was sent; or the blocking call has returned."""
        happening = self._happening
        happening.packets, happening.at = packets, at
        while True:
            call = self.host.call
            deadline = at if call is None else max(min(at, call.deadline), self.host.now())
            happening.asked = False
            with self.host.lock:
                self.host.wait(happening, POLLIN, deadline)
            if call is not None and call.is_ready():
                call.resume()
                if finish and call.finished_at >= 0:
                    return
            elif (packets and self.device.sent) or self.host.now() >= at:
                return

    def deliver(self, live: Live) -> None:
        """A packet from outside; everything that follows from it at this instant happens before this returns."""
        self.device.notice(live)
        with self.host.lock:
            self.device.enqueue(write(live))
        self.settle()

    def settle(self) -> None:
        """Let packets that wait in devices be run, and the blocking call go on; timers that are due stay."""
        self._wait(self.host.now())

    def start_call(self, call: Callable[[], Any]) -> BlockingCall:
        """Make a call that may block."""
        blocking = BlockingCall(self.host, call)
        self.host.call = blocking
        blocking.start()
        self.settle()
        return blocking

    def finish_call(self, limit: int) -> bool:
        """Let the blocking call return, for so long. False: it did not."""
        call = self.host.call
        if call is not None and call.finished_at < 0:
            self._wait(self.host.now() + limit, finish=True)
        return call is None or call.finished_at >= 0

    def close(self) -> None:
        """End the run: a call that still waits is ended, and the host is closed."""
        call = self.host.call
        if call is not None and call.finished_at < 0:
            call.abandon()
        self.host.close()
