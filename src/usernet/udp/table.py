"""Which endpoint gets a datagram: demultiplexing, sharing of ports, port allocation (RFC 6056)."""

from __future__ import annotations

from errno import EACCES, EADDRINUSE
from typing import TYPE_CHECKING, cast

from ..core.context import Context
from ..core.entropy import KeyedHash
from ..core.packet import Packet, octets_in
from .const import REUSEADDR, REUSEPORT
from .endpoint import UdpEndpoint

if TYPE_CHECKING:
    import cython


class UdpTable:
    """The endpoints of a stack by what a datagram may be addressed to.

    ``connected`` is keyed by remote address, local address, remote port, local port, as they lie in a packet;
    ``bound`` by local address and port, ``wild`` by the port alone. ``ports`` has every endpoint of a port. In each
    list the youngest stands first: among equals Linux serves the one that was bound last.
    """

    __slots__ = ("_hash", "bound", "connected", "context", "entropy", "net_bind_service", "ports", "wild")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.entropy = context.entropy.fork("udp ports")
        self._hash = KeyedHash(self.entropy.octets(16))
        self.connected: dict[bytes, list[UdpEndpoint]] = {}
        self.bound: dict[bytes, list[UdpEndpoint]] = {}
        self.wild: dict[bytes, list[UdpEndpoint]] = {}
        self.ports: dict[int, list[UdpEndpoint]] = {}
        self.net_bind_service = True
        sysctl = context.sysctl
        sysctl.declare(
            "net.ipv4.ip_local_port_range", (32768, 60999), "ports given to sockets that did not choose one", low=1,
            high=65535,
        )  # fmt: skip
        sysctl.declare("net.ipv4.ip_unprivileged_port_start", 1024, "the first port anyone may bind", high=65535)

    # Demultiplexing.

    def find(self, packet: Packet) -> list[UdpEndpoint] | None:
        """The endpoints equally entitled to a unicast datagram, by the most exact table that has any."""
        buf: bytearray = packet.buf
        at: cython.Py_ssize_t = packet.addr_off
        l4: cython.Py_ssize_t = packet.l4
        middle: cython.Py_ssize_t = at + packet.addr_len
        end: cython.Py_ssize_t = middle + packet.addr_len
        found: list[UdpEndpoint] | None
        if self.connected:
            if end == l4:
                found = self.connected.get(octets_in(buf, at, l4 + 4 - at))
            else:
                found = self.connected.get(octets_in(buf, at, end - at) + octets_in(buf, l4, 4))
            if found is not None:
                return found
        port: bytes = octets_in(buf, l4 + 2, 2)
        if self.bound:
            found = self.bound.get(octets_in(buf, middle, end - middle) + port)
            if found is not None:
                return found
        return self.wild.get(port)

    def choose(self, group: list[UdpEndpoint], packet: Packet, ifindex: cython.int) -> UdpEndpoint | None:
        """One of a group: bound to the device it came in by before bound to none, SO_REUSEPORT spread by hash."""
        endpoint: UdpEndpoint
        best: UdpEndpoint | None = None
        score: cython.int
        best_score: cython.int = 0
        for item in group:
            endpoint = item
            if endpoint.addr_len != packet.addr_len or (endpoint.ifindex and endpoint.ifindex != ifindex):
                continue
            score = 2 if endpoint.ifindex else 1
            if score > best_score:
                best = endpoint
                best_score = score
        if best is not None and best.sharing & REUSEPORT and len(group) > 1:
            sharers = [e for e in group if e.sharing & REUSEPORT and e.ifindex == best.ifindex]
            return sharers[(self._hash.of(_flow(packet)) >> 32) * len(sharers) >> 32]
        return best

    def of_port(self, port: cython.uint) -> list[UdpEndpoint]:
        """Every endpoint with this local port."""
        return self.ports.get(port, [])

    # Ports.

    def allocate(self, endpoint: UdpEndpoint, address: bytes, port: cython.uint) -> int:
        """The port for a bind: the one asked for, or for 0 a random free one (RFC 6056 3.3.1).

        Raises OSError: EACCES below the unprivileged start, EADDRINUSE when it, or every one, is taken.
        """
        if port:
            if port < self.context.sysctl.int_of("net.ipv4.ip_unprivileged_port_start") and not self.net_bind_service:
                raise OSError(EACCES, "Permission denied")
            if self._conflict(endpoint, address, port, endpoint.sharing):
                raise OSError(EADDRINUSE, "Address already in use")
            return port
        low, high = cast("tuple[int, int]", self.context.sysctl.get("net.ipv4.ip_local_port_range"))
        count = max(high - low + 1, 1)
        start = self.entropy.below(count)
        for step in range(count):
            candidate = low + (start + step) % count
            # Nobody who asked for just any port wants to share it.
            if not self._conflict(endpoint, address, candidate, 0):
                return candidate
        raise OSError(EADDRINUSE, "Address already in use")

    def _conflict(self, endpoint: UdpEndpoint, address: bytes, port: int, sharing: int) -> bool:
        for other in self.ports.get(port, ()):
            if other is endpoint or other.addr_len != endpoint.addr_len:
                continue
            if other.sharing & sharing & (REUSEADDR | REUSEPORT):
                continue
            if endpoint.ifindex and other.ifindex and endpoint.ifindex != other.ifindex:
                continue
            if not address or not other.bound_address or address == other.bound_address:
                return True
        return False

    # Membership.

    def insert(self, endpoint: UdpEndpoint) -> None:
        """Enter an endpoint under its local and remote names."""
        self.ports.setdefault(endpoint.local_port, []).insert(0, endpoint)
        self._index(endpoint)

    def remove(self, endpoint: UdpEndpoint) -> None:
        """Take an endpoint out of every table."""
        self._drop(self.ports, endpoint.local_port, endpoint)
        self._unindex(endpoint)

    def rename(self, endpoint: UdpEndpoint, local: bytes, remote: bytes, remote_port: int) -> None:
        """Change what an endpoint is known by: connect and disconnect."""
        self._unindex(endpoint)
        endpoint.local = local
        endpoint.remote = remote
        endpoint.remote_port = remote_port
        self._index(endpoint)

    def _index(self, endpoint: UdpEndpoint) -> None:
        port = endpoint.local_port.to_bytes(2, "big")
        if endpoint.remote:
            key = endpoint.remote + endpoint.local + endpoint.remote_port.to_bytes(2, "big") + port
            self.connected.setdefault(key, []).insert(0, endpoint)
        elif endpoint.local:
            self.bound.setdefault(endpoint.local + port, []).insert(0, endpoint)
        else:
            self.wild.setdefault(port, []).insert(0, endpoint)

    def _unindex(self, endpoint: UdpEndpoint) -> None:
        port = endpoint.local_port.to_bytes(2, "big")
        if endpoint.remote:
            key = endpoint.remote + endpoint.local + endpoint.remote_port.to_bytes(2, "big") + port
            self._drop(self.connected, key, endpoint)
        elif endpoint.local:
            self._drop(self.bound, endpoint.local + port, endpoint)
        else:
            self._drop(self.wild, port, endpoint)

    def _drop(self, table: dict, key: object, endpoint: UdpEndpoint) -> None:  # type: ignore[type-arg]
        group: list[UdpEndpoint] = table[key]
        group.remove(endpoint)
        if not group:
            del table[key]


def _flow(packet: Packet) -> bytes:
    end = packet.addr_off + 2 * packet.addr_len
    return bytes(packet.buf[packet.addr_off : end] + packet.buf[packet.l4 : packet.l4 + 4])
