"""Devices in memory: a bounded queue of frames in front of the stack, and loopback, whose wire ends where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MAX_DATAGRAM
from ..core.packet import Packet
from ..core.ring import Ring
from .const import F_ALL, IFF_LOOPBACK
from .device import Device

if TYPE_CHECKING:
    import cython

# Linux's net.core.netdev_max_backlog.
BACKLOG = 1000


class MemoryDevice(Device):
    """Base of devices whose frames never leave the process.

    Frames wait in a bounded queue until ``receive_batch``; ``sink.device_ready`` is called when the first one comes.
    Super-segments, by-reference payload and checksum state stay as they are.
    """

    __slots__ = ("_announced", "_queue", "backlog", "closed")

    def __init__(self, name: str, kind: str, mtu: cython.uint, address: bytes) -> None:
        super().__init__(name, kind, mtu, address)
        self.features = F_ALL
        self.gso_max = MAX_DATAGRAM
        self.backlog = BACKLOG
        self.closed = False
        self._queue = Ring()
        self._announced = False

    def pending(self) -> cython.bint:
        """True while frames wait for receive_batch."""
        return self._queue.length > 0

    def enqueue(self, packet: Packet) -> cython.bint:
        """Take a frame in for the next receive_batch. False, and counted, when the queue is full."""
        if self._queue.length >= self.backlog or self.closed:
            self.stats.rx_dropped += 1
            return False
        self._queue.append(packet)
        if not self._announced:
            self._announce()
        return True

    def receive_batch(self, budget: cython.int, now: cython.longlong) -> cython.int:
        """Deliver up to budget of the frames that were queued when it began."""
        queue: Ring = self._queue
        count: cython.int = 0
        packet: Packet
        if budget > queue.length:
            budget = queue.length
        self._announced = False
        # A frame's delivery may close the device, and with it empty the queue.
        while count < budget and not self.closed:
            packet = queue.pop()
            count += 1
            self.deliver(packet, now)
        self.end_batch(now)
        if queue.length > 0 and not self._announced:
            self._announce()
        return count

    def close(self) -> None:
        """Drop what waits."""
        self.closed = True
        self._queue.clear()

    def _announce(self) -> None:
        if self.sink is not None:
            self._announced = True
            self.sink.device_ready(self)


class Loopback(MemoryDevice):
    """``lo``: what is sent comes back. Frames are bare IP datagrams."""

    __slots__ = ()

    def __init__(self, name: str = "lo", mtu: cython.uint = 65536) -> None:
        super().__init__(name, "loopback", mtu, b"")
        self.flags |= IFF_LOOPBACK

    def transmit(self, packet: Packet, now: cython.longlong) -> cython.bint:
        """Queue the frame for ourselves."""
        return self.enqueue(packet)
