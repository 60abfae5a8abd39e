"""Host: the machine around the stacks: the clock, the timers, the descriptors, the wait.

``Host.wait`` is the only place in the program that blocks, and whoever waits, drives (DESIGN decisions 3 and 4): the
thread inside it polls the devices, runs packets to completion and returns when its own condition holds. Threads that
wait meanwhile are followers, woken by the driver. A background thread drives while nobody has waited for a while.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import threading
import time
import traceback
from collections.abc import Callable
from errno import EDEADLK, ESHUTDOWN
from functools import reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Any

from .core.const import MS, NEVER, POLLERR, POLLHUP, POLLIN
from .core.entropy import Entropy
from .core.ready import Nothing, Pollable, Watcher
from .core.ring import Ring
from .core.scheduler import FdWatcher, Scheduler
from .link.const import LONGEST_SLEEP
from .link.device import Device, ReadySink
from .link.lock import HostLock
from .link.poller import Poller, WakeUp
from .link.url import open_device
from .sockets.table import FdTable
from .stack import DEFAULT_MEMORY, NetStack, entered_stack

if TYPE_CHECKING:
    import cython

    from .ip.interface import Interface

COMPILED = not __file__.endswith(".py")
MODES = ("live", "realtime", "sim")
# Frames one device may bring before the others get their turn.
BATCH = 64
# How long the background driver stands back after a thread has driven.
DOZE_S = 0.01
# A lingering host looks this often whether it is done.
LINGER_STEP = 2 * MS


class Follower(Watcher):
    """A thread that waits while another drives: told by its source, woken through its gate."""

    __slots__ = ("deadline", "gate", "queued", "woken")

    def __init__(self, deadline: cython.longlong, woken: list[Follower]) -> None:
        self.deadline = deadline
        self.gate = threading.Lock()
        self.gate.acquire()
        self.queued = False
        self.woken: list[Follower] = woken

    def notify(self, source: Pollable, events: cython.uint) -> None:
        """Note that the condition may hold; the driver opens the gate when its batch is done."""
        if not self.queued:
            self.queued = True
            self.woken.append(self)


class MemoryDevices(ReadySink):
    """Devices in memory with frames to deliver, in the order they became ready."""

    __slots__ = ("host", "queue")

    def __init__(self, host: Host) -> None:
        self.host: Host | None = host
        self.queue = Ring()

    def device_ready(self, device: Device) -> None:
        """Deliver this device's frames in the next round, which a sleeping driver begins at once."""
        self.queue.append(device)
        if self.host is not None and self.host.timers.slept_until >= 0:
            self.host.interrupt()


class Host(Scheduler):
    """Stacks that share a clock, a lock, timers and descriptors.

    ``mode`` is ``live`` (the machine's clock and wires), ``realtime`` (the machine's clock, wires in memory) or ``sim``
    (virtual time that jumps to the next deadline; the same ``seed`` gives the same run). ``seed`` is an int or bytes;
    None draws one from the operating system, which ``sim`` refuses.
    """

    __slots__ = (
        "_abandoned", "_background", "_background_poll", "_devices", "_driver", "_drives", "_fd_watchers",
        "_followers", "_leaving", "_memory", "_poller", "_stand_back", "_virtual", "_wake", "_woken", "closed",
        "entropy", "mode", "stacks",
    )  # fmt: skip

    def __init__(self, mode: str = "live", seed: int | bytes | None = None) -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is not one of {', '.join(MODES)}")
        if seed is None:
            if mode == "sim":
                raise ValueError("a simulation needs a seed: Host('sim', seed=7)")
            seed = os.urandom(32)
        super().__init__(HostLock(), FdTable())
        self.mode = mode
        self.entropy = Entropy(seed if isinstance(seed, bytes) else str(seed).encode())
        self.stacks: list[Stack] = []
        self._abandoned: list[Any] = self.fds.abandoned
        self.closed = False
        self._virtual = 0 if mode == "sim" else -1
        self._memory = MemoryDevices(self)
        self._poller = Poller()
        self._wake = WakeUp()
        self._poller.set(self._wake.fd, POLLIN)
        self.timers.alarm = self._wake
        self._devices: dict[int, Device] = {}
        self._fd_watchers: dict[int, dict[FdWatcher, int]] = {}
        self._driver: object = None
        self._drives = 0
        self._followers: dict[Follower, None] = {}
        self._woken: list[Follower] = []
        self._background: threading.Thread | None = None
        self._leaving = False
        self._stand_back = WakeUp()
        self._background_poll = select.poll()
        self._background_poll.register(self._poller.fileno(), POLLIN)
        self._background_poll.register(self._stand_back.fd, POLLIN)

    def __repr__(self) -> str:
        return f"<usernet.Host {self.mode}, {len(self.stacks)} stacks>"

    # The clock.

    def now(self) -> cython.longlong:
        """Nanoseconds since an arbitrary start; since 0 in a simulation."""
        if self._virtual >= 0:
            return self._virtual
        if COMPILED:
            return monotonic_ns()  # type: ignore[name-defined,no-any-return]  # noqa: F821
        return time.monotonic_ns()

    # Devices and kernel descriptors.

    def add_device(self, device: Device) -> None:
        """Poll a device from now on. Its stack's ``attach`` calls this."""
        fd: cython.int = device.fileno()
        if fd >= 0:
            self._devices[fd] = device
            self._poller.set(fd, POLLIN)
        else:
            device.sink = self._memory
        self._start_background()

    def remove_device(self, device: Device) -> None:
        """Poll it no longer."""
        fd: cython.int = device.fileno()
        device.sink = None
        if self._devices.pop(fd, None) is not None:
            self._poller.remove(fd)

    def watch_fd(self, fd: cython.int, events: cython.uint, watcher: FdWatcher) -> None:
        """Poll a kernel descriptor for a watcher, as Scheduler.watch_fd says."""
        watchers = self._fd_watchers.setdefault(fd, {})
        before = dict(watchers)
        watchers[watcher] = events
        try:
            self._poller.set(fd, reduce(or_, watchers.values()))
        except OSError:
            self._fd_watchers[fd] = before
            if not before:
                del self._fd_watchers[fd]
            raise
        self._start_background()

    def unwatch_fd(self, fd: cython.int, watcher: FdWatcher) -> None:
        """Poll it no longer for this watcher."""
        watchers = self._fd_watchers.get(fd)
        if watchers is None or watchers.pop(watcher, None) is None:
            return
        if watchers:
            with contextlib.suppress(OSError):  # closed already: the kernel forgot it
                self._poller.set(fd, reduce(or_, watchers.values()))
        else:
            del self._fd_watchers[fd]
            self._poller.remove(fd)

    def interrupt(self) -> None:
        """End the sleep of a blocked driver, from any thread; what it waits for is looked at again."""
        self._wake.ring()

    # Waiting, and thereby driving.

    def wait(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        """Block until the source has one of the events, as Scheduler.wait says. The lock is held."""
        events |= POLLERR | POLLHUP
        if source.poll() & events:
            return True
        if self.closed:
            raise OSError(ESHUTDOWN, "the host is closed")
        if self._driver is None or self._driver is self._background:
            return self._lead(source, events, deadline)
        return self._follow(source, events, deadline)

    def run_until(self, at: cython.longlong) -> None:
        """Drive until this instant of now() has come. Takes the lock itself."""
        with self.lock:
            self.wait(Nothing(), 0, at)

    def run_for(self, span_ns: cython.longlong) -> None:
        """Drive for this long."""
        self.run_until(self.now() + span_ns)

    def _lead(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        if self._driver is not None:
            self._stand_back.ring()  # the background driver sleeps in the poll, and nobody needs to wake it any more
            self.timers.slept_until = -1
        self._driver = source
        self._drives += 1
        try:
            return self._drive(source, events, deadline)
        finally:
            self._driver = None
            self._hand_over()

    def _drive(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        now: cython.longlong = self.now()
        polled: cython.bint = False
        while True:
            if COMPILED and self._virtual >= 0:
                # Nothing here runs bytecode or sleeps: a simulation must hear Ctrl-C between two instants.
                PyErr_CheckSignals()  # type: ignore[name-defined]  # noqa: F821
            self._run_memory(now)
            if source.poll() & events:
                return True
            if self._run_timers(now) > 0:
                continue
            if now >= deadline:
                # A program that only ever asks "anything now?" still drives: once around before the answer is no.
                if polled:
                    return False
                self._poll_kernel(0, NEVER)
            else:
                self._sleep(now, deadline)
            polled = True
            now = self.now()
            if self.closed:
                raise OSError(ESHUTDOWN, "the host is closed")

    def _sleep(self, now: cython.longlong, deadline: cython.longlong) -> None:
        """Block until a descriptor, a deadline or an interrupt; then run what came."""
        until: cython.longlong = self.timers.next_at()
        timeout: cython.longlong = 0
        if deadline < until:
            until = deadline
        if self._virtual >= 0:
            self._sleep_virtual(until)
            return
        if until > now and self._memory.queue.length == 0:
            timeout = -1 if until == NEVER else until - now
        self._poll_kernel(timeout, until)

    def _sleep_virtual(self, until: cython.longlong) -> None:
        follower: Follower
        if self._memory.queue.length > 0:
            return
        for item in self._followers:
            follower = item
            if follower.queued:
                self._give_way()  # whoever was woken goes on before time does
                return
            if follower.deadline < until:
                until = follower.deadline
        if self._fd_watchers:
            # Kernel descriptors are served between two instants; only a run without deadlines waits for them.
            if self._poll_kernel(-1 if until == NEVER else 0, NEVER) == 0 and until != NEVER:
                self._virtual = until
        elif until == NEVER:
            raise OSError(EDEADLK, "the simulation has nothing left to do, and somebody waits forever")
        else:
            self._virtual = until
        for item in self._followers:
            follower = item
            if follower.deadline <= self._virtual:
                follower.queued = True
                self._woken.append(follower)

    def _poll_kernel(self, timeout: cython.longlong, until: cython.longlong) -> cython.int:
        poller: Poller = self._poller
        device: Device | None
        count: cython.int
        i: cython.int = 0
        fd: cython.int
        now: cython.longlong
        if timeout == 0:
            count = poller.wait(0)
        else:
            self.timers.slept_until = until
            self.lock.release()
            try:
                count = poller.wait(timeout)
            finally:
                self.timers.slept_until = -1
                self._relock()
        if count == 0:
            return 0
        now = self.now()
        while i < count:
            fd = poller.fd(i)
            device = self._devices.get(fd)
            if device is not None:
                self._run_device(device, now)
            elif fd == self._wake.fd:
                self._wake.clear()
            else:
                self._run_fd(fd, poller.events(i), now)
            i += 1
        if self._woken:
            self._open_gates()
        return count

    def _run_device(self, device: Device, now: cython.longlong) -> None:
        try:
            device.receive_batch(BATCH, now)
            device.flush()
        except Exception:
            _report(f"device {device.name}")

    def _run_memory(self, now: cython.longlong) -> None:
        queue: Ring = self._memory.queue
        device: Device
        if self._abandoned:
            self.fds.reap()
        while queue.length > 0:
            device = queue.pop()
            self._run_device(device, now)
        if self._woken:
            self._open_gates()

    def _run_timers(self, now: cython.longlong) -> cython.int:
        try:
            return self.timers.run(now)
        except Exception:
            _report("a timer")
            return 1

    def _run_fd(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        watchers = self._fd_watchers.get(fd)
        if watchers is None:
            self._poller.remove(fd)
            return
        for watcher, wanted in list(watchers.items()):
            if events & (wanted | POLLERR | POLLHUP) and watcher in watchers:
                try:
                    watcher.fd_ready(fd, events, now)
                except Exception:
                    _report(f"descriptor {fd}")

    # Followers.

    def _follow(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        follower = Follower(deadline, self._woken)
        self._followers[follower] = None
        source.watch(follower)
        try:
            while not source.poll() & events:
                now = self.now()
                if now >= deadline:
                    return False
                if self.closed:
                    raise OSError(ESHUTDOWN, "the host is closed")
                if self._driver is None or self._driver is self._background:
                    del self._followers[follower]
                    return self._lead(source, events, deadline)
                endless = deadline == NEVER or self._virtual >= 0
                if self._virtual >= 0 and deadline < self.timers.slept_until:
                    self.interrupt()  # virtual time is the driver's to watch
                self.lock.release()
                try:
                    follower.gate.acquire(timeout=-1 if endless else (deadline - now) / 1e9)
                finally:
                    self._relock()
                follower.queued = False
            return True
        finally:
            source.unwatch(follower)
            self._followers.pop(follower, None)
            self._hand_over()

    def _open_gates(self) -> None:
        for follower in self._woken:
            if follower.gate.locked():
                follower.gate.release()
        self._woken.clear()

    def _hand_over(self) -> None:
        """The driver leaves: the follower that has waited longest becomes the next."""
        if self._driver is None and self._followers:
            self._woken.append(next(iter(self._followers)))
            self._open_gates()

    # The background driver.

    def _start_background(self) -> None:
        if self._background is None and self.mode != "sim":
            self._background = threading.Thread(target=self._run_background, name="usernet-driver", daemon=True)
            self._background.start()
            atexit.register(self._stop_background)

    def _stop_background(self) -> bool:
        """True when it is gone. At exit, a thread that dies with the interpreter would take the lock with it."""
        background: threading.Thread | None = self._background
        if background is None or background is threading.current_thread():
            return background is None
        atexit.unregister(self._stop_background)
        self._leaving = True
        self._stand_back.ring()
        background.join(1.0)
        return not background.is_alive()

    def _run_background(self) -> None:
        """Drive while nobody waits: doze as long as threads drive, sleep in the poll when they do not."""
        me = threading.current_thread()
        drives = -1
        with self.lock:
            while not self._leaving and not self.closed:
                if self._driver is me:
                    self._background_round(me)
                elif self._driver is None and not self._followers and self._drives == drives:
                    self._driver = me
                else:
                    drives = self._drives
                    self._unlocked(lambda: time.sleep(DOZE_S))
            if self._driver is me:
                self._driver = None
                self._hand_over()

    def _background_round(self, me: threading.Thread) -> None:
        try:
            now = self.now()
            self._run_memory(now)
            if self._run_timers(now) > 0:
                return
            self.timers.slept_until = until = self.timers.next_at()
            timeout = None if until == NEVER else min(max(0, until - now), LONGEST_SLEEP) / 1e6
            self._unlocked(lambda: self._background_poll.poll(timeout))
            # A thread that took over meanwhile polls for itself, and what came is still there for it.
            if self._driver is me:
                self.timers.slept_until = -1
                self._poll_kernel(0, NEVER)
            else:
                self._stand_back.clear()
        except Exception:
            _report("the background driver")

    def _give_way(self) -> None:
        self._unlocked(lambda: time.sleep(0))

    def _unlocked(self, call: Callable[[], object]) -> None:
        self.lock.release()
        try:
            call()
        finally:
            self._relock()

    def _relock(self) -> None:
        """Take the lock back, whatever a signal's handler raises meanwhile: the caller's caller releases it."""
        raised: BaseException | None = None
        while not self.lock.is_owned():
            try:
                self.lock.acquire()
            except BaseException as error:
                raised = error
        if raised is not None:
            raise raised

    # The end.

    def close(self, linger_ns: cython.longlong = 0) -> None:
        """Close every stack and device. With a linger, drive until what was sent is acknowledged, or it passed."""
        with self.lock:
            if self.closed:
                return
            if linger_ns > 0:
                self.linger(self.now() + linger_ns)
            self.closed = True
            for stack in self.stacks:
                for interface in stack.interfaces:
                    interface.device.close()
            self.interrupt()
            self._woken.extend(self._followers)
            self._open_gates()
        if self._stop_background() and self._driver is None and not self._followers:
            self._poller.close()
            self._wake.close()
            self._stand_back.close()

    def linger(self, deadline: cython.longlong) -> None:
        """Drive until every peer has what was sent and knows of every close, or the deadline passed. Lock held."""
        while self.now() < deadline and any(stack.has_unsent() for stack in self.stacks):
            self.wait(Nothing(), 0, min(deadline, self.now() + LINGER_STEP))


def _report(where: str) -> None:
    # The engine does not raise for anything from outside; should it all the same, the others keep moving.
    os.write(2, f"usernet: internal error at {where}; please report it\n{traceback.format_exc()}".encode())


class Stack(NetStack):
    """A network namespace on a host: the process's live one unless told otherwise.

    ``with stack:`` makes it the current stack of the thread or task; ``attach`` gives it a device.
    """

    host: Host

    def __init__(self, name: str = "", host: Host | None = None, memory: int = DEFAULT_MEMORY) -> None:
        machine = default_host() if host is None else host
        super().__init__(name or f"stack{len(machine.stacks)}", machine, machine.entropy.fork(name), memory)
        machine.stacks.append(self)

    def add_device(self, device: Device) -> Interface:
        """Give a device to this stack; the host polls it from now on."""
        interface = super().add_device(device)
        self.host.add_device(device)
        return interface

    def attach(
        self, device: str | Device, address: str | None = None, gateway: str | None = None, dns: list[str] | None = None
    ) -> Interface:
        """Attach a device, given as an object or a URL (``tap:tap0``, ``user:``), and configure it.

        ``user:`` brings its own address, gateway and name server. Raises OSError with Linux's errno when the device
        is unknown (ENODEV), not allowed (EPERM) or busy (EBUSY), ValueError for an address that is none.
        """
        with self.host.lock:
            if isinstance(device, Device):
                opened = device
            elif device.partition(":")[0] == "user":
                # The gateway stands on the host, so it is reached by name, not by import.
                net: Any = import_module("usernet.gateway.user").open_user(self.host, device)
                opened = net.device
                address = address or net.guest_address
                gateway = gateway or net.gateway
                dns = dns or [net.dns]
            else:
                opened = open_device(device, entropy=self.context.entropy)
            interface = self.add_device(opened)
            self.configure(interface, address, gateway)
            if dns is not None:
                self.dns = list(dns)
        return interface


class _Default:
    """The process's live host and the stack of threads that entered none."""

    host: Host | None = None
    stack: NetStack | None = None
    lock = threading.Lock()


def default_host() -> Host:
    """The process's live host, made when first asked for, and made anew in a forked child."""
    with _Default.lock:
        if _Default.host is None or _Default.host.closed:
            _Default.host = Host("live")
        return _Default.host


def set_default_stack(stack: NetStack | None) -> None:
    """Make this the stack of every thread that has not entered one; ``patch`` and ``usernet run`` do."""
    _Default.stack = stack


def current_stack() -> NetStack:
    """The stack entered by ``with``, else the default one, else a fresh stack with only ``lo`` on the default host."""
    stack = entered_stack()
    if stack is not None:
        return stack
    if _Default.stack is None:
        machine = default_host()
        with _Default.lock:
            if _Default.stack is None:
                _Default.stack = Stack("default", machine)
    return _Default.stack


def _forget_after_fork() -> None:
    # The child shares the parent's wires but not its threads: it starts with nothing.
    _Default.host = None
    _Default.stack = None
    _Default.lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
