"""Interface: a device's place in a stack; its addresses, its neighbours and the demultiplexing of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..core.const import ETH_P_ARP, ETH_P_IP
from ..core.counters import Counters
from ..core.packet import Packet
from ..link.const import IFF_UP
from ..link.device import Device, Upper
from ..wire.ethernet import parse_ethernet
from ..wire.ip_const import ETH_HLEN
from .neigh import NeighbourTable

if TYPE_CHECKING:
    import cython

    from .addresses import Addresses


class InterfaceAddress(NamedTuple):
    """One address of an interface, as ``ip address`` shows it."""

    addr: bytes
    prefixlen: int
    broadcast: bytes | None
    label: str


class NetworkProtocol:
    """Base of what an EtherType stands for."""

    __slots__ = ()

    def receive(self, interface: Interface, packet: Packet, unicast: cython.bint, now: cython.longlong) -> None:
        """One packet, head behind the link header; ``unicast`` when the frame was sent to this station alone."""
        raise NotImplementedError


class Interface(Upper):
    """A device in a stack.

    ``accept_all`` makes a transparent gateway: packets to any unicast address that come in here are delivered to our
    transports, and packets with any source may be sent. ``proxy_arp`` answers ARP for addresses that are not on this
    link. ``groups`` are the multicast groups joined, as 4 or 16 octets.
    """

    __slots__ = (
        "accept_all", "addresses", "arp", "book", "counters", "device", "groups", "index", "ipv4", "name",
        "neighbours", "primary", "proxy_arp",
    )  # fmt: skip

    def __init__(
        self, device: Device, index: cython.int, neighbours: NeighbourTable, book: Addresses, counters: Counters
    ) -> None:
        self.device: Device = device
        self.index = index
        self.name: str = device.name
        self.neighbours: NeighbourTable = neighbours
        self.book: Addresses = book
        self.counters: Counters = counters
        self.addresses: list[InterfaceAddress] = []
        self.groups: set[bytes] = set()
        self.accept_all = False
        self.proxy_arp = False
        # The first IPv4 address as a number, which most packets are for; 0 while there is none.
        self.primary = 0
        self.ipv4: NetworkProtocol | None = None
        self.arp: NetworkProtocol | None = None

    def __repr__(self) -> str:
        return f"<Interface {self.index}: {self.name}>"

    def is_up(self) -> bool:
        """True when the device sends and receives."""
        return bool(self.device.flags & IFF_UP)

    def add_address(self, address: bytes, prefixlen: int, label: str = "") -> InterfaceAddress:
        """Give the interface an address, and the stack the routes that come with it.

        Raises OSError: EINVAL for what cannot be an address of a host, EEXIST when it is there already.
        """
        return self.book.add(self, address, prefixlen, label)

    def remove_address(self, address: bytes) -> None:
        """Take an address and its routes away. Raises OSError(EADDRNOTAVAIL) when it is not there."""
        self.book.remove(self, address)

    def receive_frame(self, device: Device, packet: Packet, now: cython.longlong) -> None:
        """Demultiplex one frame (RFC 894; a device without link header gives bare IP)."""
        buf: bytearray = packet.buf
        p: cython.p_const_uchar = buf
        at: cython.Py_ssize_t = packet.head
        kind: cython.int
        unicast: cython.bint = True
        if device.header_len == 0:
            kind = ETH_P_IP if packet.tail > at and p[at] >> 4 == 4 else 0
        else:
            kind = parse_ethernet(buf, at, packet.tail)
            if kind < 0:
                self.counters.drop("ethernet_truncated")
                return
            unicast = p[at] & 1 == 0
            if unicast and not same_station(buf, at, device.address):
                self.counters.drop("ethernet_other_host")
                return
            packet.head = at + ETH_HLEN
        if kind == ETH_P_IP and self.ipv4 is not None:
            self.ipv4.receive(self, packet, unicast, now)
        elif kind == ETH_P_ARP and self.arp is not None:
            self.arp.receive(self, packet, unicast, now)
        else:
            self.counters.drop("ethernet_unknown_type")


def same_station(buf: bytearray, at: cython.Py_ssize_t, address: bytes) -> cython.bint:
    """True when buf[at:at + 6] is this hardware address."""
    p: cython.p_const_uchar = buf
    q: cython.p_const_uchar = address
    # From the end: makers' prefixes are often the same.
    i: cython.Py_ssize_t = 5
    while i >= 0:
        if p[at + i] != q[i]:
            return False
        i -= 1
    return True
