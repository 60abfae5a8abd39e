"""Datagram queue: received packets, whole and by reference, waiting for a reader within a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .packet import Packet, octets_in
from .pool import MemoryPool
from .ring import Ring

if TYPE_CHECKING:
    import cython

# What a queued packet costs beside its octets, so that empty datagrams fill a queue too (Linux: sizeof(sk_buff)).
OVERHEAD = 512


def payload(packet: Packet, start: cython.Py_ssize_t, n: cython.Py_ssize_t) -> bytes:
    """Up to n octets of a packet from buf offset start on, as one bytes object."""
    size: cython.Py_ssize_t = packet.tail - start
    if n <= size or packet.frags is None:
        size = min(size, n)
        return octets_in(packet.buf, start, size)
    n = min(n, size + packet.frags_len)
    into = bytearray(n)
    payload_into(packet, start, memoryview(into))
    return bytes(into)


def payload_into(packet: Packet, start: cython.Py_ssize_t, into: memoryview) -> cython.Py_ssize_t:
    """Fill a writable byte memoryview from a packet's buf offset start on; returns the octets copied."""
    room: cython.Py_ssize_t = len(into)
    done: cython.Py_ssize_t = packet.tail - start
    size: cython.Py_ssize_t
    done = min(done, room)
    into[:done] = memoryview(packet.buf)[start : start + done]
    if packet.frags is not None:
        for view in packet.frags:
            size = view.end - view.start
            size = min(size, room - done)
            into[done : done + size] = memoryview(view.base)[view.start : view.start + size]
            done += size
    return done


class DatagramEndpoint:
    """Base of one end of a datagram protocol, as a socket hears from it. ``shut`` is a set of SHUTDOWN_ bits."""

    __slots__ = ("shut",)

    shut: int

    def recv(self, peek: cython.bint) -> Packet | None:
        """The next datagram, None when there is none; it stays with peek."""
        raise NotImplementedError

    def take_error(self) -> cython.int:
        """The pending error, which is then gone (SO_ERROR)."""
        raise NotImplementedError

    def poll(self) -> cython.uint:
        """POLL bits, as Linux's datagram_poll."""
        raise NotImplementedError


class DatagramQueue:
    """Packets in order of arrival, charged to the pool and bounded by ``limit`` (SO_RCVBUF).

    As in Linux the bound is checked before the packet is added, so that one datagram always fits.
    """

    __slots__ = ("_packets", "limit", "pool", "used")

    def __init__(self, pool: MemoryPool, limit: cython.longlong) -> None:
        self._packets = Ring()
        self.pool = pool
        self.limit = limit
        self.used = 0

    def __len__(self) -> int:
        return self._packets.length

    def put(self, packet: Packet) -> cython.int:
        """Queue a packet, which must not change any more. 0; 1: over the limit; 2: the pool is exhausted."""
        size: cython.longlong = _truesize(packet)
        if self.used > self.limit:
            return 1
        if not self.pool.charge(size):
            return 2
        self.used += size
        self._packets.append(packet)
        return 0

    def first(self) -> Packet | None:
        """The oldest packet, which stays queued."""
        return self._packets.first() if self._packets.length else None

    def take(self) -> Packet | None:
        """The oldest packet, taken out."""
        packet: Packet
        size: cython.longlong
        if not self._packets.length:
            return None
        packet = self._packets.pop()
        size = _truesize(packet)
        self.used -= size
        self.pool.uncharge(size)
        return packet

    def clear(self) -> None:
        """Drop everything."""
        self.pool.uncharge(self.used)
        self.used = 0
        self._packets.clear()


def _truesize(packet: Packet) -> cython.longlong:
    return len(packet.buf) + packet.frags_len + OVERHEAD
