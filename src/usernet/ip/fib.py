"""Forwarding information base: longest-prefix match over static and connected routes (RFC 1812 5.2.4.3).

One dictionary per prefix length in use, tried from the longest: a lookup costs as many probes as there are lengths,
however many routes there are. Paths cache what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from errno import EEXIST, EINVAL, ENETUNREACH, ESRCH
from typing import TYPE_CHECKING

from ..link.const import IFF_UP
from .address import format_cidr, format_ip
from .const import RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RTPROT_KERNEL, RTPROT_STATIC

if TYPE_CHECKING:
    import cython

    from .interface import Interface


class Route:
    """One route. ``gateway`` is None for a destination on the link; ``src`` is the preferred source address.

    ``mtu`` 0 takes the device's, ``advmss`` 0 what the MTU gives; ``initcwnd``, ``initrwnd`` and ``congctl`` are
    ip-route(8)'s, 0 or "" for unset. After changing one call IpLayer.invalidate().
    """

    __slots__ = (
        "advmss", "congctl", "gateway", "initcwnd", "initrwnd", "interface", "metric", "mtu", "prefix", "prefixlen",
        "protocol", "scope", "src",
    )  # fmt: skip

    def __init__(self, prefix: bytes, prefixlen: cython.int, gateway: bytes | None, interface: Interface) -> None:
        self.prefix: bytes = prefix
        self.prefixlen = prefixlen
        self.gateway: bytes | None = gateway
        self.interface: Interface = interface
        self.metric = 0
        self.mtu = self.advmss = self.initcwnd = self.initrwnd = 0
        self.congctl = ""
        self.src: bytes | None = None
        self.protocol = RTPROT_STATIC
        self.scope = RT_SCOPE_LINK if gateway is None else RT_SCOPE_UNIVERSE

    def __repr__(self) -> str:
        via = "" if self.gateway is None else f" via {format_ip(self.gateway)}"
        return f"<Route {format_cidr(self.prefix, self.prefixlen)}{via} dev {self.interface.name}>"


class Fib:
    """The main table, both families side by side. ``changed`` is called after every change."""

    __slots__ = ("_changed", "_ipv4", "_lengths", "_tables")

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        # (octets of the address, prefix length) -> {network number: routes by metric}
        self._tables: dict[tuple[int, int], dict[int, list[Route]]] = {}
        # octets of the address -> (host bits, table) of the prefix lengths in use, longest first
        self._lengths: dict[int, list[tuple[int, dict[int, list[Route]]]]] = {}
        self._ipv4: list[tuple[int, dict[int, list[Route]]]] = []

    def __iter__(self) -> Iterator[Route]:
        """All routes, in the order ``ip route`` lists them: by network, the default route first."""
        routes = [route for table in self._tables.values() for same in table.values() for route in same]
        routes.sort(key=lambda route: (len(route.prefix), route.prefix, route.prefixlen, route.metric))
        return iter(routes)

    def add(
        self,
        prefix: bytes,
        prefixlen: int,
        gateway: bytes | None,
        interface: Interface | None,
        *,
        metric: int = 0,
        src: bytes | None = None,
        mtu: int = 0,
        onlink: bool = False,
        protocol: int = RTPROT_STATIC,
    ) -> Route:
        """Add a route; without an interface, the one on whose network the gateway is.

        Raises OSError: EINVAL (bits behind the prefix, nothing to send to), EEXIST (same prefix and metric),
        ENETUNREACH (no network of ours has the gateway, and ``onlink`` does not claim so).
        """
        if not 0 <= prefixlen <= 8 * len(prefix) or (gateway is not None and len(gateway) != len(prefix)):
            raise OSError(EINVAL, "prefix, prefix length and gateway must be of one address family")
        if _number(prefix) & _host_mask(prefix, prefixlen):
            raise OSError(EINVAL, f"{format_cidr(prefix, prefixlen)} has host bits set")
        if gateway is not None and not onlink:
            interface = self._link_of(gateway, interface)
        if interface is None:
            raise OSError(EINVAL, "a route needs a gateway or an interface")
        route = Route(prefix, prefixlen, gateway, interface)
        route.metric = metric
        route.src = src
        route.mtu = mtu
        route.protocol = protocol
        self._insert(route)
        self._changed()
        return route

    def remove(
        self,
        prefix: bytes,
        prefixlen: int,
        gateway: bytes | None = None,
        interface: Interface | None = None,
        metric: int | None = None,
    ) -> None:
        """Remove the first route that matches everything given. Raises OSError(ESRCH) when none does."""
        table = self._tables.get((len(prefix), prefixlen), {})
        for route in table.get(_number(prefix) >> (8 * len(prefix) - prefixlen), ()):
            if (
                (gateway is None or route.gateway == gateway)
                and (interface is None or route.interface is interface)
                and (metric is None or route.metric == metric)
            ):
                self._delete(route)
                self._changed()
                return
        raise OSError(ESRCH, f"no such route: {format_cidr(prefix, prefixlen)}")

    def remove_interface(self, interface: Interface) -> None:
        """Forget every route out of an interface."""
        for route in list(self):
            if route.interface is interface:
                self._delete(route)
        self._changed()

    def lookup(self, dst: bytes, oif: cython.int = 0) -> Route | None:
        """The route to dst with the longest prefix, then the lowest metric, out of an interface that is up.

        ``oif`` other than 0 asks for that interface.
        """
        routes: dict[int, list[Route]]
        pair: tuple[int, dict[int, list[Route]]]
        same: list[Route] | None
        p: cython.p_const_uchar = dst
        low: cython.uint
        number: cython.ulonglong = 0
        bits: cython.int
        route: Route
        if len(dst) == 4:
            # Numbers of C: a flood asks for the way to each of its sources.
            low = (p[0] << 24) | (p[1] << 16) | (p[2] << 8) | p[3]
            number = low
            lengths = self._ipv4
        else:
            whole = int.from_bytes(dst, "big")
            lengths = self._lengths.get(len(dst), [])
        for pair in lengths:
            routes = pair[1]
            if len(dst) == 4:
                bits = pair[0]
                same = routes.get(number >> bits)
            else:
                same = routes.get(whole >> pair[0])
            if same is None:
                continue
            for item in same:
                route = item
                if (oif == 0 or oif == route.interface.index) and route.interface.device.flags & IFF_UP:
                    return route
        return None

    def _link_of(self, gateway: bytes, interface: Interface | None) -> Interface:
        route = self.lookup(gateway, 0 if interface is None else interface.index)
        if route is None or route.gateway is not None:
            raise OSError(ENETUNREACH, f"no network of ours has the gateway {format_ip(gateway)}")
        return route.interface

    def _insert(self, route: Route) -> None:
        size = len(route.prefix)
        table = self._tables.setdefault((size, route.prefixlen), {})
        same = table.setdefault(_number(route.prefix) >> (8 * size - route.prefixlen), [])
        # Connected routes of several interfaces may be the same; the first one up serves, as in Linux.
        if route.protocol != RTPROT_KERNEL and any(other.metric == route.metric for other in same):
            raise OSError(EEXIST, f"there is a route to {format_cidr(route.prefix, route.prefixlen)} already")
        same.append(route)
        same.sort(key=lambda other: other.metric)
        self._order(size)

    def _delete(self, route: Route) -> None:
        size = len(route.prefix)
        table = self._tables[size, route.prefixlen]
        key = _number(route.prefix) >> (8 * size - route.prefixlen)
        table[key].remove(route)
        if not table[key]:
            del table[key]
        if not table:
            del self._tables[size, route.prefixlen]
        self._order(size)

    def _order(self, size: int) -> None:
        lengths = sorted((length for octets, length in self._tables if octets == size), reverse=True)
        self._lengths[size] = [(8 * size - length, self._tables[size, length]) for length in lengths]
        if size == 4:
            self._ipv4 = self._lengths[size]


def _number(address: bytes) -> int:
    return int.from_bytes(address, "big")


def _host_mask(address: bytes, prefixlen: int) -> int:
    return (1 << (8 * len(address) - prefixlen)) - 1
