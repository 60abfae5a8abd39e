"""Ping sockets: ICMP echo for programs without privilege (RFC 792; Linux's SOCK_DGRAM with IPPROTO_ICMP).

The program writes an echo request beginning with its ICMP header. The stack fills in the identifier, by which replies
are told apart, and the checksum; everything but echo requests is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EDESTADDRREQ,
    EINVAL,
    EMSGSIZE,
    EPIPE,
)
from typing import TYPE_CHECKING

from ..core.checksum import checksum
from ..core.const import (
    CSUM_UNNECESSARY,
    IPPROTO_ICMP,
    MAX_DATAGRAM,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
)
from ..core.context import Context
from ..core.datagramqueue import DatagramEndpoint, DatagramQueue
from ..core.packet import Packet, new_packet
from ..core.ready import Pollable
from ..core.sender import IcmpError, Path, Sender, Transport

if TYPE_CHECKING:
    import cython

ECHO = 8
HEADER_LEN = 8

SHUTDOWN_RECV = 1
SHUTDOWN_SEND = 2


class PingEndpoint(DatagramEndpoint):
    """One identifier. Made by ``Ping.open``; every call is non-blocking and made with the host's lock held.

    ``local_port`` is the identifier, as Linux's getsockname calls it. ``remote`` is b"" until connect.
    """

    __slots__ = (
        "broadcast", "err", "family", "ifindex", "is_bound", "local", "local_port", "mark", "owner", "ping", "queue",
        "recverr", "remote", "tos", "ttl",
    )  # fmt: skip

    def __init__(self, ping: Ping, owner: Pollable | None, family: int) -> None:
        self.ping = ping
        self.owner = owner
        self.family = family
        self.local = b""
        self.remote = b""
        self.local_port = 0
        self.is_bound = False
        self.queue = DatagramQueue(ping.context.pool, ping.context.sysctl.int_of("net.core.rmem_default"))
        self.err = 0
        self.shut = 0
        self.ifindex = 0
        self.tos = self.ttl = self.mark = 0
        self.broadcast = self.recverr = False

    def bind(self, address: bytes, ident: int) -> None:
        """Take an address (b"" or zeros: any) and an identifier (0: a free one).

        Raises OSError: EINVAL when bound already, EADDRNOTAVAIL, EADDRINUSE.
        """
        if self.is_bound:
            raise OSError(EINVAL, "Invalid argument")
        if any(address) and not self.ping.sender.is_local(address):
            raise OSError(EADDRNOTAVAIL, "Cannot assign requested address")
        self.local_port = self.ping.allocate(ident)
        self.local = address if any(address) else b""
        self.is_bound = True
        self.ping.endpoints_by_ident[self.local_port] = self

    def connect(self, remote: bytes) -> None:
        """Talk to this host alone. Raises OSError when it cannot be reached."""
        self._path(remote)
        if not self.is_bound:
            self.bind(b"", 0)
        self.remote = remote
        self.err = 0

    def send(self, octets: bytes, dst: bytes, now: int) -> int:
        """Send an echo request, to the connected host when dst is b"". Returns its length, or a negative errno."""
        if self.shut & SHUTDOWN_SEND:
            return -EPIPE
        if self.err:
            return -self.take_error()
        dst = dst or self.remote
        if not dst:
            return -EDESTADDRREQ
        if len(octets) < HEADER_LEN or octets[0] != ECHO or octets[1] != 0:
            return -EINVAL
        try:
            if not self.is_bound:
                self.bind(b"", 0)
            path = self._path(dst)
        except OSError as error:
            return -(error.errno or EINVAL)
        if len(octets) + path.header_len > MAX_DATAGRAM:
            return -EMSGSIZE
        rc = self.ping.sender.send(path, self._build(octets), now)
        return rc if rc < 0 else len(octets)

    def _build(self, octets: bytes) -> Packet:
        packet = new_packet(len(octets))
        start = packet.head
        packet.tail = start + len(octets)
        buf = packet.buf
        buf[start : packet.tail] = octets
        buf[start + 2 : start + 4] = bytes(2)
        buf[start + 4 : start + 6] = self.local_port.to_bytes(2, "big")
        buf[start + 2 : start + 4] = checksum(buf, start, packet.tail, 0).to_bytes(2, "big")
        packet.l4 = start
        packet.csum = CSUM_UNNECESSARY
        packet.protocol = IPPROTO_ICMP
        packet.tos = self.tos
        packet.ttl = self.ttl
        packet.mark = self.mark
        return packet

    def _path(self, dst: bytes) -> Path:
        sender = self.ping.sender
        if not self.broadcast and sender.is_broadcast(dst):
            raise OSError(EACCES, "Permission denied")
        return sender.path(dst, self.local or None, self.ifindex)

    def recv(self, peek: bool) -> Packet | None:
        """The next echo reply, its ICMP header at ``l4``; None when there is none."""
        return self.queue.first() if peek else self.queue.take()

    def take_error(self) -> int:
        """The pending error, which is then gone (SO_ERROR)."""
        err, self.err = self.err, 0
        return err

    def fail(self, err: int) -> None:
        """An ICMP error is about this endpoint: the next call reports it."""
        self.err = err
        if self.owner is not None:
            self.owner.wake(POLLERR | POLLIN | POLLOUT)

    def poll(self) -> int:
        """POLL bits, as Linux's datagram_poll."""
        mask = POLLOUT | (POLLERR if self.err else 0)
        if self.shut & SHUTDOWN_RECV:
            mask |= POLLIN | POLLRDHUP | (POLLHUP if self.shut & SHUTDOWN_SEND else 0)
        elif len(self.queue):
            mask |= POLLIN
        return mask

    def shutdown(self, how: int) -> None:
        """Receive (1) or send (2) no more, or both."""
        self.shut |= how
        if self.owner is not None:
            self.owner.wake(POLLIN | POLLOUT | POLLHUP | POLLRDHUP)

    def close(self) -> None:
        """Give the identifier back and drop what was queued."""
        self.owner = None
        if self.is_bound:
            self.is_bound = False
            del self.ping.endpoints_by_ident[self.local_port]
        self.shut = SHUTDOWN_RECV | SHUTDOWN_SEND
        self.queue.clear()


class Ping(Transport):
    """Ping sockets of one stack: takes echo replies, and ICMP errors about echo requests of ours."""

    __slots__ = ("context", "endpoints_by_ident", "entropy", "sender")

    def __init__(self, context: Context, sender: Sender) -> None:
        self.context = context
        self.sender = sender
        self.entropy = context.entropy.fork("ping idents")
        self.endpoints_by_ident: dict[int, PingEndpoint] = {}
        context.sysctl.declare("net.core.rmem_default", 212992, "receive buffer of a new socket", low=2304)

    def open(self, owner: Pollable | None, family: int) -> PingEndpoint:
        """A new endpoint; ``owner`` is woken when something happens to it. Raises OSError(EAFNOSUPPORT)."""
        if family != 4:
            raise OSError(EAFNOSUPPORT, "Address family not supported by protocol")
        return PingEndpoint(self, owner, family)

    def endpoints(self) -> Iterator[PingEndpoint]:
        """Every bound endpoint, for ss."""
        yield from self.endpoints_by_ident.values()

    def allocate(self, ident: int) -> int:
        """This identifier, or for 0 a random free one. Raises OSError(EADDRINUSE)."""
        if ident:
            if ident in self.endpoints_by_ident:
                raise OSError(EADDRINUSE, "Address already in use")
            return ident
        start = self.entropy.below(0xFFFF)
        for step in range(0xFFFF):
            candidate = 1 + (start + step) % 0xFFFF
            if candidate not in self.endpoints_by_ident:
                return candidate
        raise OSError(EADDRINUSE, "Address already in use")

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """An echo reply for us, its checksum verified: ``l4`` at the ICMP header."""
        at = packet.l4
        if packet.tail + packet.frags_len - at < HEADER_LEN:
            self.context.counters.drop("ping_truncated")
            return
        packet.linearize()
        endpoint = self.endpoints_by_ident.get(int.from_bytes(packet.buf[at + 4 : at + 6], "big"))
        middle = packet.addr_off + packet.addr_len
        source = bytes(packet.buf[packet.addr_off : middle])
        ours = bytes(packet.buf[middle : middle + packet.addr_len])
        if endpoint is None or (endpoint.remote or source) != source or (endpoint.local or ours) != ours:
            self.context.counters.drop("ping_no_socket")
        elif endpoint.shut & SHUTDOWN_RECV or endpoint.queue.put(packet):
            self.context.counters.drop("ping_rcvbuf_full")
        elif endpoint.owner is not None:
            endpoint.owner.wake(POLLIN)

    def error(self, error: IcmpError, now: cython.longlong) -> None:
        """An ICMP error quotes an echo request that claims to be ours."""
        if error.end - error.l4 < HEADER_LEN or error.buf[error.l4] != ECHO:
            return
        endpoint = self.endpoints_by_ident.get(int.from_bytes(error.buf[error.l4 + 4 : error.l4 + 6], "big"))
        middle = error.addr_off + error.addr_len
        target = bytes(error.buf[middle : middle + error.addr_len])
        if endpoint is None or (endpoint.remote or target) != target:
            self.context.counters.drop("ping_error_unmatched")
            return
        if error.err == EMSGSIZE:
            self.sender.update_pmtu(target, error.info, now)
        if endpoint.recverr or (endpoint.remote and error.fatal):
            endpoint.fail(error.err)
