"""Datagram sockets: what UDP and ping sockets have in common."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from errno import (
    EAGAIN,
    EINVAL,
    ENOTCONN,
    EOPNOTSUPP,
)
from typing import TYPE_CHECKING, Any

from ..core.const import IPPROTO_UDP, POLLIN, US
from ..core.datagramqueue import DatagramEndpoint, payload, payload_into
from ..core.packet import Packet, octets_in
from ..core.scheduler import Lock, Scheduler
from ..raw.ping import PingEndpoint
from ..udp.endpoint import UdpEndpoint
from .address import Address, host_octets, make_address, port_of
from .base import Ancillary, Socket, byte_view, join, octets_of
from .const import (
    IP_PKTINFO,
    IP_TOS,
    IP_TTL,
    IPPROTO_IP,
    MSG_CTRUNC,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SOCK_DGRAM,
    SOL_SOCKET,
)
from .errors import os_error
from .file import CLOSED_EVENTS

if TYPE_CHECKING:
    import cython

    from ..stack import NetStack

_CMSG_HEADER = 16


class DatagramSocket(Socket):
    """A socket over a datagram endpoint. ``skip`` is how far behind the transport header the payload starts."""

    __slots__ = (
        "_address", "_aimed", "_source", "_source_port", "_to", "_to_port", "endpoint", "recv_pktinfo", "recv_tos",
        "recv_ttl", "skip",
    )  # fmt: skip

    def __init__(
        self,
        stack: NetStack,
        host: Scheduler,
        family: int,
        protocol: int,
        endpoint: UdpEndpoint | PingEndpoint,
        skip: int,
    ) -> None:
        super().__init__(stack, host, family, SOCK_DGRAM, protocol)
        self.endpoint: Any = endpoint
        self.skip = skip
        self.recv_pktinfo = self.recv_tos = self.recv_ttl = False
        # The address of the last datagram received, since they come in trains.
        self._source: bytes = b""
        self._source_port = 0
        self._address: Address | None = None
        # The address that was sent to last, and what it says.
        self._aimed: Address | None = None
        self._to: bytes = b""
        self._to_port = 0

    # Names.

    def getsockname(self) -> Address:
        """getsockname(2); the unbound name is all zeros."""
        with self.host.lock:
            self.check_open()
            return make_address(self.family, self.endpoint.local, self.endpoint.local_port)

    def getpeername(self) -> Address:
        """getpeername(2). Raises OSError(ENOTCONN)."""
        with self.host.lock:
            self.check_open()
            if not self.endpoint.remote:
                raise os_error(ENOTCONN)
            return make_address(self.family, self.endpoint.remote, self._peer_port())

    def _peer_port(self) -> int:
        return 0

    def bind(self, address: Address) -> None:
        """bind(2). Raises OSError: EINVAL when bound already, EADDRINUSE, EADDRNOTAVAIL, EACCES."""
        octets = host_octets(self.family, address[0])
        port = port_of(address)
        with self.host.lock:
            self.check_open()
            self.endpoint.bind(octets, port)

    def connect(self, address: Address) -> None:
        """connect(2): the peer of send() and the only one heard; may be called again."""
        octets = host_octets(self.family, address[0])
        port = port_of(address)
        with self.host.lock:
            self.check_open()
            self._connect(octets, port)

    def _connect(self, octets: bytes, port: int) -> None:
        raise NotImplementedError

    # Sending.

    def transmit(self, octets: bytes, dst: bytes, port: cython.uint, flags: cython.uint) -> cython.Py_ssize_t:
        """Send one datagram, to the peer when dst is b"". The lock is held."""
        raise NotImplementedError

    def send(self, data: Any, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """send(2). Raises OSError: EDESTADDRREQ when not connected, EMSGSIZE, a pending ICMP error."""
        octets: bytes = octets_of(data)
        lock: Lock = self.host.lock
        lock.acquire()
        try:
            self.check_open()
            return self.transmit(octets, b"", 0, flags)
        finally:
            lock.release()

    def sendto(self, data: Any, flags: cython.uint, address: Address | None) -> cython.Py_ssize_t:
        """sendto(2), to the connected peer without an address."""
        octets: bytes = octets_of(data)
        lock: Lock = self.host.lock
        lock.acquire()
        try:
            self._aim(address)
            self.check_open()
            return self.transmit(octets, self._to, self._to_port, flags)
        finally:
            lock.release()

    def sendmsg(
        self, buffers: Sequence[Any], ancillary: Sequence[Any] = (), flags: int = 0, address: Address | None = None
    ) -> int:
        """sendmsg(2): one datagram of all buffers. Ancillary data other than IP_TTL and IP_TOS is refused: EINVAL."""
        octets = join(buffers)
        endpoint = self.endpoint
        with self.host.lock:
            self._aim(address)
            self.check_open()
            before = endpoint.ttl, endpoint.tos
            try:
                self._apply_ancillary(ancillary)
                return self.transmit(octets, self._to, self._to_port, flags)
            finally:
                endpoint.ttl, endpoint.tos = before

    def _aim(self, address: Address | None) -> None:
        """Read an address into ``_to`` and ``_to_port``; the tuple read last needs no reading. The lock is held."""
        if address is None:
            self._aimed, self._to, self._to_port = None, b"", 0
            return
        if address is self._aimed:
            return
        port = port_of(address)
        if port == 0 and self.protocol == IPPROTO_UDP:
            raise os_error(EINVAL)
        self._to = host_octets(self.family, address[0])
        self._to_port = port
        self._aimed = address if type(address) is tuple else None

    def _apply_ancillary(self, ancillary: Sequence[tuple[int, int, Any]]) -> None:
        for level, kind, data in ancillary:
            octets = octets_of(data)
            if level != IPPROTO_IP or kind not in (IP_TTL, IP_TOS) or len(octets) not in (1, 4):
                raise os_error(EINVAL)
            value = int.from_bytes(octets, "little")
            if kind == IP_TTL:
                self.endpoint.ttl = value & 0xFF
            else:
                self.endpoint.tos = value & 0xFF

    # Receiving.

    def next_packet(self, flags: cython.uint) -> Packet | None:
        """Wait for a datagram; None when the receiving half is shut. The lock is held."""
        endpoint: DatagramEndpoint = self.endpoint
        packet: Packet | None
        err: cython.int
        if flags & MSG_OOB:
            raise os_error(EOPNOTSUPP)
        if flags & MSG_ERRQUEUE:
            raise os_error(EAGAIN)
        deadline: cython.longlong = self.deadline(self.rcvtimeo_ns, flags)
        while True:
            self.check_open()
            err = endpoint.take_error()
            if err:
                raise os_error(err)
            packet = endpoint.recv((flags & MSG_PEEK) != 0)
            if packet is not None:
                return packet
            if endpoint.shut & 1:
                return None
            self.block(POLLIN, deadline)

    def recv(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> bytes:
        """recv(2): one datagram, cut to n octets. With MSG_TRUNC the result has its real length."""
        packet: Packet | None
        lock: Lock = self.host.lock
        if n < 0:
            raise ValueError("negative buffersize in recv")
        lock.acquire()
        try:
            packet = self.next_packet(flags)
            return b"" if packet is None else self._octets(packet, n, flags)
        finally:
            lock.release()

    def _octets(self, packet: Packet, n: cython.Py_ssize_t, flags: cython.uint) -> bytes:
        data: bytes = payload(packet, packet.l4 + self.skip, n)
        if flags & MSG_TRUNC:
            return data + bytes(self._size(packet) - len(data))
        return data

    def _size(self, packet: Packet) -> cython.Py_ssize_t:
        return packet.tail + packet.frags_len - packet.l4 - self.skip

    def recvfrom(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> tuple[bytes, Address | None]:
        """recvfrom(2): one datagram and its sender."""
        packet: Packet | None
        lock: Lock = self.host.lock
        if n < 0:
            raise ValueError("negative buffersize in recvfrom")
        lock.acquire()
        try:
            packet = self.next_packet(flags)
            if packet is None:
                return b"", None
            return self._octets(packet, n, flags), self.source(packet)
        finally:
            lock.release()

    def source(self, packet: Packet) -> Address:
        """Whom a datagram came from."""
        p: cython.p_const_uchar = packet.buf
        l4: cython.Py_ssize_t = packet.l4
        port: cython.uint = (p[l4] << 8) | p[l4 + 1] if self.protocol == IPPROTO_UDP else 0
        source: bytes = octets_in(packet.buf, packet.addr_off, packet.addr_len)
        if self._address is None or self._source_port != port or self._source != source:
            self._source = source
            self._source_port = port
            self._address = make_address(self.family, source, port)
        return self._address

    def recv_into(self, buffer: Any, n: cython.Py_ssize_t = 0, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """As recv, into a writable buffer. With MSG_TRUNC the count is the datagram's real length."""
        return self.recvfrom_into(buffer, n, flags)[0]

    def recvfrom_into(self, buffer: Any, n: int = 0, flags: int = 0) -> tuple[int, Address | None]:
        """As recvfrom, into a writable buffer."""
        packet: Packet | None
        view: memoryview = byte_view(buffer, n)
        lock: Lock = self.host.lock
        lock.acquire()
        try:
            packet = self.next_packet(flags)
            if packet is None:
                return 0, None
            count: cython.Py_ssize_t = payload_into(packet, packet.l4 + self.skip, view)
            if flags & MSG_TRUNC:
                count = self._size(packet)
            return count, self.source(packet)
        finally:
            lock.release()

    def recvmsg(self, n: int, ancillary_size: int = 0, flags: int = 0) -> tuple[bytes, Ancillary, int, Address | None]:
        """recvmsg(2): MSG_TRUNC and MSG_CTRUNC in the flags say what was cut."""
        if n < 0:
            raise ValueError("negative buffer size in recvmsg")
        with self.host.lock:
            packet = self.next_packet(flags)
            if packet is None:
                return b"", [], 0, None
            out = MSG_TRUNC if self._size(packet) > n else 0
            ancillary: Ancillary = []
            room = ancillary_size
            for item in self._ancillary(packet):
                room -= _CMSG_HEADER + (len(item[2]) + 7) // 8 * 8
                if room < 0:
                    out |= MSG_CTRUNC
                    break
                ancillary.append(item)
            return self._octets(packet, n, flags), ancillary, out, self.source(packet)

    def _ancillary(self, packet: Packet) -> Ancillary:
        """What the options asked to be told of a datagram (ip(7), socket(7))."""
        items: Ancillary = []
        if self.timestamp == SO_TIMESTAMP:
            seconds, rest = divmod(packet.timestamp // US, 1_000_000)
            items.append((SOL_SOCKET, SO_TIMESTAMP, struct.pack("=qq", seconds, rest)))
        elif self.timestamp == SO_TIMESTAMPNS:
            seconds, rest = divmod(packet.timestamp, 1_000_000_000)
            items.append((SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("=qq", seconds, rest)))
        if packet.addr_len != 4 or packet.l3 < 0:
            return items
        if self.recv_pktinfo:
            middle = packet.addr_off + 4
            to = bytes(packet.buf[middle : middle + 4])
            index = 0 if packet.device is None else packet.device.index  # type: ignore[attr-defined]
            local = to if self.stack.ip.is_local(to) else bytes(4)
            items.append((IPPROTO_IP, IP_PKTINFO, struct.pack("=i", index) + local + to))
        if self.recv_ttl:
            items.append((IPPROTO_IP, IP_TTL, struct.pack("=i", packet.buf[packet.l3 + 8])))
        if self.recv_tos:
            items.append((IPPROTO_IP, IP_TOS, bytes([packet.buf[packet.l3 + 1]])))
        return items

    # Readiness and ending.

    def poll(self) -> cython.uint:
        """POLL bits, as Linux's datagram_poll."""
        if self.closed:
            return CLOSED_EVENTS
        return self.endpoint.poll()  # type: ignore[no-any-return]

    def take_error(self) -> cython.int:
        """The pending error, which is then gone (SO_ERROR)."""
        return self.endpoint.take_error()  # type: ignore[no-any-return]

    def shutdown(self, how: int) -> None:
        """shutdown(2): what it asks is done even where it raises OSError(ENOTCONN), as in Linux."""
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(EINVAL)
        with self.host.lock:
            self.check_open()
            self.endpoint.shutdown(how + 1)
            if not self.endpoint.remote:
                raise os_error(ENOTCONN)

    def release(self) -> None:
        """close(2)."""
        self.endpoint.close()
