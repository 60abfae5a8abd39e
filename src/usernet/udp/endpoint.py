"""One end of UDP: local and remote name, receive queue, pending error, and sending."""

from __future__ import annotations

from errno import EACCES, EADDRNOTAVAIL, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOBUFS, EPIPE
from typing import TYPE_CHECKING

from ..core.const import (
    CSUM_PARTIAL,
    CSUM_UNNECESSARY,
    IPPROTO_UDP,
    MAX_DATAGRAM,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
)
from ..core.context import Context
from ..core.datagramqueue import DatagramEndpoint, DatagramQueue
from ..core.packet import Packet, View, new_packet
from ..core.ready import Pollable
from ..core.sender import Path, Sender, is_multicast
from ..wire.ip_const import UDP_HLEN
from ..wire.udp import UdpHeader, pseudo_check
from .const import (
    PMTUDISC_DO,
    PMTUDISC_WANT,
    SHUTDOWN_RECV,
    SHUTDOWN_SEND,
)

if TYPE_CHECKING:
    import cython

    from .table import UdpTable

# Payload up to this many octets is copied beside its header: dearer by reference than by copy.
COPY = 2048


class UdpEndpoint(DatagramEndpoint):
    """One end of UDP. Made by ``Udp.open``; every call is non-blocking and made with the host's lock held.

    ``owner`` is woken with POLL bits. ``local`` and ``remote`` are b"" while any address will do; ``bound_address``
    is what bind() was given. ``err`` is the pending error of SO_ERROR. The options carry ip(7)'s meaning.
    """

    __slots__ = (
        "_header", "_last_path", "_last_src", "_path_err", "addr_len", "bound_address", "broadcast", "context",
        "df_mode", "err", "family", "ifindex", "is_bound", "local", "local_port", "mark", "mc_all", "mc_ifindex",
        "mc_loop", "mc_src", "mc_ttl", "memberships", "no_check", "owner", "queue", "recverr", "remote",
        "remote_port", "sender", "sharing", "table", "tos", "transparent", "ttl",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        sender: Sender,
        table: UdpTable,
        owner: Pollable | None,
        family: cython.int,
        rcvbuf: cython.longlong,
    ) -> None:
        self.context = context
        self.sender = sender
        self.table = table
        self.owner = owner
        self.family = family
        self.addr_len = 4 if family == 4 else 16
        self.local: bytes = b""
        self.remote: bytes = b""
        self.bound_address: bytes = b""
        self.local_port = self.remote_port = 0
        self.is_bound = False
        self.queue = DatagramQueue(context.pool, rcvbuf)
        self.err = 0
        self.shut = 0
        self.sharing = 0
        self.ifindex = 0
        self.tos = self.ttl = self.mark = 0
        self.df_mode = PMTUDISC_WANT
        self.broadcast = self.recverr = self.no_check = self.transparent = False
        self.mc_ttl = 1
        self.mc_loop = self.mc_all = True
        self.mc_ifindex = 0
        self.mc_src: bytes | None = None
        self.memberships: set[tuple[bytes, int]] = set()
        self._header = UdpHeader()
        self._last_path: Path | None = None
        self._last_src: bytes | None = None
        self._path_err = 0

    # Names.

    def bind(self, address: bytes, port: cython.uint) -> None:
        """Take a local address (b"" or zeros: any) and port (0: a free one).

        Raises OSError: EINVAL when bound already, EADDRNOTAVAIL, EADDRINUSE, EACCES.
        """
        if self.is_bound:
            raise OSError(EINVAL, "Invalid argument")
        if not any(address):
            address = b""
        if address and not self.transparent and not self._may_bind(address):
            raise OSError(EADDRNOTAVAIL, "Cannot assign requested address")
        self.local_port = self.table.allocate(self, address, port)
        self.local = self.bound_address = address
        self.is_bound = True
        self.table.insert(self)

    def connect(self, remote: bytes, port: cython.uint) -> None:
        """Send to and receive from this peer alone. May be called again for another peer.

        Raises OSError: ENETUNREACH and its like, EACCES for a broadcast address without leave.
        """
        if not any(remote):
            remote = bytes([127, 0, 0, 1]) if self.addr_len == 4 else bytes(15) + b"\x01"  # as Linux reads "any"
        path: Path | None = self._find_path(remote, None)
        if path is None:
            raise OSError(-self._path_err, "connect")
        if not self.is_bound:
            self.bind(b"", 0)
        self.table.rename(self, self.bound_address or path.src, remote, port)
        self.err = 0

    def disconnect(self) -> None:
        """Forget the peer; the bound name stays."""
        if self.remote:
            self.table.rename(self, self.bound_address, b"", 0)

    def _may_bind(self, address: bytes) -> bool:
        return self.sender.is_local(address) or is_multicast(address) or self.sender.is_broadcast(address)

    # Sending.

    def send(
        self,
        octets: bytes,
        dst: bytes,
        port: cython.uint,
        now: cython.longlong,
        src: bytes | None = None,
        sport: cython.uint = 0,
    ) -> cython.int:
        """Send one datagram, to the connected peer when dst is b"". Returns its length, or a negative errno.

        A transparent gateway names a foreign source address and port with ``src`` and ``sport``.
        """
        path: Path | None
        packet: Packet
        rc: cython.int
        size: cython.Py_ssize_t = len(octets)
        if self.shut & SHUTDOWN_SEND:
            return -EPIPE
        if self.err:
            return -self.take_error()
        if not dst:
            dst = self.remote
            port = self.remote_port
            if not dst:
                return -EDESTADDRREQ
        if port == 0:
            return -EINVAL
        if not sport:
            if not self.is_bound:
                self.bind(b"", 0)
            sport = self.local_port
        path = self._find_path(dst, src)
        if path is None:
            return self._path_err
        if size + UDP_HLEN + path.header_len > MAX_DATAGRAM:
            return -EMSGSIZE
        packet = self._build(path, octets, sport, port)
        if self.df_mode >= PMTUDISC_DO or (
            self.df_mode == PMTUDISC_WANT and packet.length() + path.header_len <= path.mtu
        ):
            if self.df_mode == PMTUDISC_DO and packet.length() + path.header_len > path.mtu:
                return -EMSGSIZE
            packet.df = True
        rc = self.sender.send(path, packet, now)
        if rc < 0:
            if rc != -ENOBUFS or self.recverr:
                return rc
            self.context.counters.udp.SndbufErrors += 1  # a full device queue is loss on the wire, as in Linux
            return size
        self.context.counters.udp.OutDatagrams += 1
        return size

    def _build(self, path: Path, octets: bytes, sport: cython.uint, dport: cython.uint) -> Packet:
        size: cython.Py_ssize_t = len(octets)
        header: UdpHeader = self._header
        packet: Packet = new_packet(UDP_HLEN + size if size <= COPY else UDP_HLEN)
        start: cython.Py_ssize_t = packet.head
        header.sport = sport
        header.dport = dport
        header.length = size + UDP_HLEN
        header.check = 0 if self.no_check else pseudo_check(path.pseudo, header.length)
        header.emit(packet.buf, start)
        packet.tail = start + UDP_HLEN
        if size <= COPY:
            packet.append(octets)
        else:
            packet.add_frag(View(octets, 0, size))
        packet.l4 = start
        packet.protocol = IPPROTO_UDP
        packet.tos = self.tos
        packet.ttl = self.mc_ttl if is_multicast(path.dst) else self.ttl
        packet.mark = self.mark
        if self.no_check:
            packet.csum = CSUM_UNNECESSARY
        else:
            packet.csum = CSUM_PARTIAL
            packet.csum_start = start
            packet.csum_offset = 6
        return packet

    def _find_path(self, dst: bytes, src: bytes | None) -> Path | None:
        path: Path | None = self._last_path
        oif: cython.int = self.ifindex
        if path is not None and path.alive and path.dst == dst and self._last_src == src:
            return path
        self._last_src = src
        if src is None and self.local:
            src = self.local
        if is_multicast(dst):
            oif = oif or self.mc_ifindex
            src = src or self.mc_src
        try:
            path = self.sender.path(dst, src, oif)
        except OSError as error:
            self._last_path = None
            self._path_err = -(error.errno or EINVAL)
            return None
        if not self.broadcast and self.sender.is_broadcast(dst):
            self._last_path = None
            self._path_err = -EACCES
            return None
        self._last_path = path
        return path

    def path(self) -> Path | None:
        """The way to the connected peer, for IP_MTU; None when not connected or not reachable."""
        return self._find_path(self.remote, None) if self.remote else None

    def forget_path(self) -> None:
        """An option that chooses the way was changed."""
        self._last_path = None

    # Receiving.

    def deliver(self, packet: Packet) -> None:
        """A datagram for this endpoint: queue it, or drop and count it."""
        verdict: cython.int
        if self.shut & SHUTDOWN_RECV:
            self.context.counters.drop("udp_shut_down")
            return
        verdict = self.queue.put(packet)
        if verdict == 0:
            if self.owner is not None:
                self.owner.wake(POLLIN)
            return
        self.context.counters.udp.InErrors += 1
        if verdict == 1:
            self.context.counters.udp.RcvbufErrors += 1
            self.context.counters.drop("udp_rcvbuf_full")
        else:
            self.context.counters.udp.MemErrors += 1
            self.context.counters.drop("udp_pool_exhausted")

    def recv(self, peek: cython.bint) -> Packet | None:
        """The next datagram, None when there is none. Its payload starts at ``l4 + 8``."""
        packet: Packet | None
        if peek:
            return self.queue.first()
        packet = self.queue.take()
        if packet is not None:
            self.context.counters.udp.InDatagrams += 1
        return packet

    def take_error(self) -> cython.int:
        """The pending error, which is then gone (SO_ERROR)."""
        err: cython.int = self.err
        self.err = 0
        return err

    def fail(self, err: cython.int) -> None:
        """An ICMP error is about this endpoint: the next call reports it."""
        self.err = err
        if self.owner is not None:
            self.owner.wake(POLLERR | POLLIN | POLLOUT)

    def poll(self) -> cython.uint:
        """POLL bits, as Linux's datagram_poll."""
        mask: cython.uint = POLLOUT
        if self.err:
            mask |= POLLERR
        if self.shut & SHUTDOWN_RECV:
            mask |= POLLIN | POLLRDHUP
            if self.shut & SHUTDOWN_SEND:
                mask |= POLLHUP
        elif self.queue.used:
            mask |= POLLIN
        return mask

    # Ending.

    def shutdown(self, how: cython.int) -> None:
        """Receive or send no more; how is a set of SHUTDOWN_ bits."""
        self.shut |= how
        if self.owner is not None:
            self.owner.wake(POLLIN | POLLOUT | POLLHUP | POLLRDHUP)

    def close(self) -> None:
        """Give the name back and drop what was queued."""
        self.owner = None
        if self.is_bound:
            self.is_bound = False
            self.table.remove(self)
        self.shut = SHUTDOWN_RECV | SHUTDOWN_SEND
        self.queue.clear()
