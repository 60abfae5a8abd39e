"""Paths: from a destination to the device, next hop, source address and MTU it is reached by (RFC 1122 3.3.1).

Linux's ip_route_output_key and its cache. A path is found once and kept; ``alive`` falls when what it was made of
changed, and whoever holds it asks again.
"""

from __future__ import annotations

from errno import EAFNOSUPPORT, EINVAL, ENETUNREACH
from typing import TYPE_CHECKING

from ..core.checksum import sum16
from ..core.const import MAX_DATAGRAM
from ..link.const import IFF_LOOPBACK, IFF_NOARP, IFF_UP
from ..wire.ethernet import multicast_ethernet
from ..wire.ip_const import ETH_BROADCAST
from .address import format_ip
from .addresses import select_source
from .const import IPV4_ANY, MAX_PATHS, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
from .fib import Fib, Route
from .interface import Interface
from .ipv4_out import Ipv4Output
from .local import LocalTable
from .neigh import Neighbour
from .path import IpPath
from .pmtu import PathMtus

if TYPE_CHECKING:
    import cython

LOOPBACK_ADDRESS = b"\x7f\x00\x00\x01"
# IPv4 and TCP headers without options, between an MTU and an MSS (RFC 6691 2).
HEADERS = 40


class Paths:
    """The paths of one stack. ``interfaces`` are all of its interfaces by index, ``loopback`` the one to ourselves."""

    __slots__ = (
        "_narrow", "_passing", "_passing_route", "_paths", "fib", "interfaces", "local", "loopback", "output", "pmtus",
    )  # fmt: skip

    def __init__(self, fib: Fib, local: LocalTable, pmtus: PathMtus, output: Ipv4Output) -> None:
        self.fib = fib
        self.local: LocalTable = local
        self.pmtus = pmtus
        self.output: Ipv4Output = output
        self.interfaces: dict[int, Interface] = {}
        self.loopback: Interface | None = None
        # (dst, src, oif) asked for -> path
        self._paths: dict[tuple[bytes, bytes | None, int], IpPath] = {}
        # Destinations with a path MTU of their own.
        self._narrow: dict[bytes, tuple[int, bool, int]] = pmtus.table
        self._passing: IpPath | None = None
        self._passing_route: Route | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, dst: bytes, src: bytes | None, oif: cython.int) -> IpPath:
        """The way to dst. Raises OSError: ENETUNREACH, EINVAL (no such source or destination), EAFNOSUPPORT."""
        key = (dst, src, oif)
        path: IpPath | None = self._paths.get(key)
        if path is not None:
            return path
        path = self._find_path(dst, src, oif)
        if len(self._paths) >= MAX_PATHS:
            oldest: IpPath = self._paths.pop(next(iter(self._paths)))
            oldest.alive = False
        self._paths[key] = path
        return path

    def passing(self, dst: bytes, src: bytes, oif: cython.int) -> IpPath:
        """The way to dst for one packet; raises as ``find`` does. What it gives is made over by the next call.

        Neither looked up whole nor kept: of all that lie behind one gateway only the address differs.
        """
        path: IpPath | None
        route: Route | None
        p: cython.p_const_uchar = dst
        number: cython.uint
        if len(dst) != 4:
            raise OSError(EAFNOSUPPORT, "only IPv4 addresses are routed")
        number = (p[0] << 24) | (p[1] << 16) | (p[2] << 8) | p[3]
        if (
            oif != 0
            or number >> 24 == 0
            or self.local.kind(number) != RTN_UNICAST
            or (self._narrow and dst in self._narrow)
        ):
            return self._unkept(dst, src, oif)
        route = self.fib.lookup(dst, 0)
        if route is None or route.gateway is None:
            return self._unkept(dst, src, 0)
        path = self._passing
        if path is not None and route is self._passing_route and path.src == src:
            path.dst = dst
            path.dst32 = number
            path.pseudo = sum16(dst, 0, 4, sum16(src, 0, 4, 0))
            return path
        path = self._find_path(dst, src, 0)
        self._passing, self._passing_route = path, route
        return path

    def _unkept(self, dst: bytes, src: bytes, oif: cython.int) -> IpPath:
        path: IpPath | None = self._paths.get((dst, src, oif))
        return path if path is not None else self._find_path(dst, src, oif)

    def clear(self) -> None:
        """Routes, addresses or devices changed: every path falls dead."""
        path: IpPath
        for item in self._paths.values():
            path = item
            path.alive = False
        self._paths.clear()
        self._passing = self._passing_route = None

    def forget(self, dst: bytes) -> None:
        """The path MTU to dst changed: the paths there fall dead."""
        for key in [key for key, path in self._paths.items() if path.dst == dst]:
            path: IpPath = self._paths.pop(key)
            path.alive = False

    def is_transparent(self) -> bool:
        """True when an interface has ``accept_all``, and so any address may be ours."""
        return any(interface.accept_all for interface in self.interfaces.values())

    def _find_path(self, dst: bytes, src: bytes | None, oif: int) -> IpPath:
        if len(dst) != 4 or (src and len(src) != 4):
            raise OSError(EAFNOSUPPORT, "only IPv4 addresses are routed")
        if not src or src == IPV4_ANY:
            src = None
        if src is not None:
            self._check_source(src)
        if dst == IPV4_ANY:
            dst = src or LOOPBACK_ADDRESS  # Linux: the unspecified destination is this host
        kind = self.local.kind(int.from_bytes(dst, "big"))
        if kind == RTN_LOCAL:
            return self._local_path(dst, src)
        if dst[0] == 0:
            raise OSError(EINVAL, f"{format_ip(dst)} is no destination")
        route = self.fib.lookup(dst, oif)
        interface, gateway = self._way_out(dst, route, oif, kind)
        next_hop = gateway or dst
        if src is None:
            src = (route.src if route is not None else None) or self._source_of(interface, next_hop)
        path = IpPath(src, dst, interface, next_hop, kind)
        path.mtu = min((route.mtu if route is not None else 0) or interface.device.mtu, MAX_DATAGRAM)
        path.advmss = (route.advmss if route is not None else 0) or path.mtu - HEADERS
        if route is not None:
            path.initcwnd, path.initrwnd, path.congctl = route.initcwnd, route.initrwnd, route.congctl
        learnt, locked = self.pmtus.get(dst)
        if learnt and learnt <= path.mtu:
            path.mtu = learnt
            path.mtu_locked = locked
        path.neighbour = _fixed_neighbour(interface, kind, dst)
        return self._finish(path)

    def _finish(self, path: IpPath) -> IpPath:
        # A super-segment the device does not take is cut at its edge, so one may always be built.
        path.gso_max = MAX_DATAGRAM
        path.pseudo = sum16(path.src + path.dst, 0, 8, 0)
        path.ident_slot = self.output.ident_slot(path.src, path.dst)
        return path

    def _check_source(self, src: bytes) -> None:
        kind = self.local.kind(int.from_bytes(src, "big"))
        if kind == RTN_LOCAL or (kind == RTN_UNICAST and self.is_transparent()):
            return
        raise OSError(EINVAL, f"{format_ip(src)} is not an address of this stack")

    def _local_path(self, dst: bytes, src: bytes | None) -> IpPath:
        # Linux: whatever its address, what is for us never leaves; it goes round by lo.
        if self.loopback is None or not self.loopback.is_up():
            raise OSError(ENETUNREACH, "lo is down")
        if src is None:
            src = LOOPBACK_ADDRESS if dst[0] == 127 else dst
        path = IpPath(src, dst, self.loopback, dst, RTN_LOCAL)
        path.mtu = min(self.loopback.device.mtu, MAX_DATAGRAM)
        return self._finish(path)

    def _way_out(self, dst: bytes, route: Route | None, oif: int, kind: int) -> tuple[Interface, bytes | None]:
        if route is not None:
            # A gateway does not forward a broadcast or a group for us.
            return route.interface, route.gateway if kind == RTN_UNICAST else None
        interface = self.interfaces.get(oif)
        if interface is None or not interface.device.flags & IFF_UP:
            raise OSError(ENETUNREACH, f"no route to {format_ip(dst)}")
        # Linux: told an interface and knowing no route, take the destination to be on its link.
        return interface, None

    def _source_of(self, interface: Interface, next_hop: bytes) -> bytes:
        found = select_source(interface, next_hop)
        if found is None:
            others = [other.addresses[0].addr for other in self.interfaces.values() if other.addresses]
            found = next((address for address in others if address[0] != 127), IPV4_ANY)
        return found


def _fixed_neighbour(interface: Interface, kind: int, dst: bytes) -> Neighbour | None:
    """The neighbour of a destination nobody needs to be asked about, None for the others."""
    if not interface.device.header_len:
        return None
    if interface.device.flags & (IFF_NOARP | IFF_LOOPBACK):
        return interface.neighbours.fixed(interface.device.address)
    if kind == RTN_BROADCAST:
        return interface.neighbours.fixed(ETH_BROADCAST)
    if kind == RTN_MULTICAST:
        return interface.neighbours.fixed(multicast_ethernet(dst))
    return None
