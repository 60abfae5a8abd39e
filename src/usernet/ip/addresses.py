"""Addresses of interfaces, and the routes that come and go with them, as in Linux's fib_add_ifaddr."""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRNOTAVAIL, EEXIST, EINVAL
from typing import TYPE_CHECKING

from .address import broadcast_of, format_ip, network_of
from .const import RTPROT_KERNEL
from .fib import Fib
from .interface import InterfaceAddress
from .local import LocalTable

if TYPE_CHECKING:
    from .interface import Interface


class Addresses:
    """What binds the addresses of all interfaces of a stack to its tables. ``changed`` is called after every change."""

    def __init__(self, fib: Fib, local: LocalTable, changed: Callable[[], None]) -> None:
        self.fib = fib
        self.local = local
        self._changed = changed

    def add(self, interface: Interface, address: bytes, prefixlen: int, label: str) -> InterfaceAddress:
        """Add an address. Raises OSError: EINVAL, EEXIST."""
        if len(address) != 4 or not 1 <= prefixlen <= 32 or not any(address) or address[0] >= 224:
            raise OSError(EINVAL, "an interface needs an IPv4 unicast address and a prefix length from 1 to 32")
        if any(have.addr == address for have in interface.addresses):
            raise OSError(EEXIST, f"{interface.name} has {format_ip(address)} already")
        first = self._on_network(interface, address, prefixlen) == 0
        # 127.255.255.255 is an address of this host like the rest of 127/8.
        broadcast = broadcast_of(address, prefixlen) if address[0] != 127 else None
        new = InterfaceAddress(address, prefixlen, broadcast, label or interface.name)
        interface.addresses.append(new)
        self.local.add(address, broadcast)
        # A second address of the same network needs no second route, a lone address and 127/8 none at all.
        if first and prefixlen < 32 and address[0] != 127:
            self.fib.add(
                network_of(address, prefixlen), prefixlen, None, interface, src=address, protocol=RTPROT_KERNEL
            )  # fmt: skip
        self._settle(interface)
        return new

    def remove(self, interface: Interface, address: bytes) -> None:
        """Remove an address. Raises OSError(EADDRNOTAVAIL)."""
        for have in interface.addresses:
            if have.addr == address:
                break
        else:
            raise OSError(EADDRNOTAVAIL, f"{interface.name} does not have {format_ip(address)}")
        interface.addresses.remove(have)
        self.local.remove(address, have.broadcast)
        for route in list(self.fib):
            if route.interface is not interface or route.src != address:
                continue
            self.fib.remove(route.prefix, route.prefixlen, route.gateway, interface, route.metric)
            # The network stays while another address is on it; a route somebody added with this source does not.
            left = [other for other in interface.addresses if network_of(other.addr, route.prefixlen) == route.prefix]
            if route.protocol == RTPROT_KERNEL and left:
                self.fib.add(
                    route.prefix, route.prefixlen, None, interface, src=left[0].addr, protocol=RTPROT_KERNEL
                )  # fmt: skip
        self._settle(interface)

    def remove_interface(self, interface: Interface) -> None:
        """Remove all its addresses and routes."""
        for have in list(interface.addresses):
            self.remove(interface, have.addr)
        self.fib.remove_interface(interface)

    def _settle(self, interface: Interface) -> None:
        first = interface.addresses[0].addr if interface.addresses else b""
        interface.primary = int.from_bytes(first, "big")
        self._changed()

    @staticmethod
    def _on_network(interface: Interface, address: bytes, prefixlen: int) -> int:
        network = network_of(address, prefixlen)
        return sum(
            have.prefixlen == prefixlen and network_of(have.addr, prefixlen) == network for have in interface.addresses
        )


def select_source(interface: Interface, towards: bytes) -> bytes | None:
    """The address to send from out of an interface: one on the network of the next hop, else its first."""
    for have in interface.addresses:
        if network_of(have.addr, have.prefixlen) == network_of(towards, have.prefixlen):
            return have.addr
    return interface.addresses[0].addr if interface.addresses else None
