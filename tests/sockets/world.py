"""A host with virtual time whose wait runs packets, timers and a script; and files whose level a test sets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from usernet.core.const import NEVER, POLLERR, POLLHUP
from usernet.core.context import Context
from usernet.core.entropy import Entropy
from usernet.core.ready import Pollable
from usernet.core.scheduler import FdWatcher, Scheduler
from usernet.ip.layer import IpLayer
from usernet.link.device import Device, ReadySink
from usernet.link.lock import HostLock
from usernet.link.loopback import Loopback
from usernet.link.veth import veth_pair
from usernet.raw.ping import Ping
from usernet.sockets.file import File
from usernet.sockets.table import FdTable
from usernet.tcp.protocol import Tcp
from usernet.udp.protocol import Udp

# More waits than any test has use for.
SPINNING = 10_000


class Devices(ReadySink):
    def __init__(self) -> None:
        self.ready: deque[Device] = deque()

    def device_ready(self, device: Device) -> None:
        self.ready.append(device)


class World(Scheduler):
    """``at(instant, call)`` scripts what happens while somebody waits; waiting for nothing more fails the test."""

    def __init__(self) -> None:
        super().__init__(HostLock(), FdTable())
        self.clock = 1_000_000_000
        self.devices = Devices()
        self.script: list[tuple[int, Callable[[], object]]] = []
        self.watched: dict[int, dict[FdWatcher, int]] = {}
        self.waits = 0

    def now(self) -> int:
        return self.clock

    def at(self, delay_ns: int, call: Callable[[], object]) -> None:
        """Make a call, without the lock, this long from now."""
        self.script.append((self.clock + delay_ns, call))
        self.script.sort(key=lambda entry: entry[0])

    def settle(self) -> None:
        """Deliver every frame under way."""
        with self.lock:
            self._deliver()

    def _deliver(self) -> None:
        while self.devices.ready:
            device = self.devices.ready.popleft()
            device.receive_batch(64, self.clock)

    def advance(self, span_ns: int) -> None:
        """Let time pass."""
        with self.lock:
            self._run(Pollable(), None, self.clock + span_ns)

    def wait(self, source: Pollable, events: int, deadline: int) -> bool:
        assert self.lock.is_owned()
        self.waits += 1
        assert self.waits < SPINNING, "a call waits for what it does not want, over and over"
        return self._run(source, events | POLLERR | POLLHUP, deadline)

    def _run(self, source: Pollable, events: int | None, deadline: int) -> bool:
        while True:
            self._deliver()
            if events is not None and source.poll() & events:
                return True
            following = min(self.timers.next_at(), self.script[0][0] if self.script else NEVER)
            if following > deadline or following == NEVER:
                assert deadline != NEVER, "nothing will ever happen, and somebody waits forever"
                self.clock = max(deadline, self.clock)
                return False
            self.clock = max(following, self.clock)
            self.timers.run(self.clock)
            while self.script and self.script[0][0] <= self.clock:
                call = self.script.pop(0)[1]
                self.lock.release()
                try:
                    call()
                finally:
                    self.lock.acquire()

    def watch_fd(self, fd: int, events: int, watcher: FdWatcher) -> None:
        self.watched.setdefault(fd, {})[watcher] = events

    def unwatch_fd(self, fd: int, watcher: FdWatcher) -> None:
        self.watched.get(fd, {}).pop(watcher, None)

    def fd_ready(self, fd: int, events: int) -> None:
        """The kernel says so."""
        with self.lock:
            for watcher in list(self.watched.get(fd, {})):
                watcher.fd_ready(fd, events, self.clock)


class Net:
    """What a socket needs of a stack: two of them stand at the ends of a cable."""

    def __init__(self, world: World, name: str, memory: int = 16 << 20) -> None:
        self.host = world
        self.name = name
        self.cookie = 0
        self.context = Context(world.timers, Entropy(name.encode()), memory)
        self.ip = IpLayer(self.context)
        self.udp = Udp(self.context, self.ip)
        self.ping = Ping(self.context, self.ip)
        self.tcp = Tcp(self.context, self.ip)
        self.ip.register(6, self.tcp)
        self.ip.register(17, self.udp)
        self.ip.echo_handler = self.ping
        self.attach(Loopback("lo"), "127.0.0.1/8")

    def attach(self, device: Device, cidr: str) -> None:
        device.sink = self.host.devices
        interface = self.ip.add_device(device)
        address, _, length = cidr.partition("/")
        interface.add_address(octets(address), int(length))


def octets(address: str) -> bytes:
    return bytes(int(part) for part in address.split("."))


def cable(world: World) -> tuple[Net, Net]:
    """Two stacks, 10.0.0.1/24 and 10.0.0.2/24."""
    a, b = Net(world, "a"), Net(world, "b")
    left, right = veth_pair("eth0", "eth0")
    a.attach(left, "10.0.0.1/24")
    b.attach(right, "10.0.0.2/24")
    return a, b


class Flag(File):
    """A file whose level the test sets."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.level = 0

    def poll(self) -> int:
        return super().poll() or self.level

    def set(self, level: int) -> None:
        """The level changes; what is new is an edge."""
        rising = level & ~self.level
        self.level = level
        if rising:
            self.wake(rising)

    def edge(self, events: int) -> None:
        """More of the same came."""
        self.wake(events)
