"""The network layer of one stack: interfaces, routes and paths, and the Sender transports are handed."""

from __future__ import annotations

from errno import ENETUNREACH, ENODEV
from typing import TYPE_CHECKING

from ..core.const import ETH_P_IP, IPPROTO_ICMP
from ..core.context import Context
from ..core.packet import Packet
from ..core.sender import Path, Sender, Transport
from ..link.const import IFF_LOOPBACK, IFF_NOARP
from ..link.device import Device
from .addresses import Addresses
from .arp import Arp, ArpResolver
from .const import RTN_BROADCAST, RTN_LOCAL
from .fib import Fib
from .forward import Forwarder
from .icmp import Icmp
from .interface import Interface
from .ipv4_in import Ipv4Input
from .ipv4_out import Ipv4Output
from .local import LocalTable
from .neigh import Neighbour, NeighbourTable
from .path import IpPath
from .paths import Paths
from .pmtu import PathMtus
from .settings import IpSettings

if TYPE_CHECKING:
    import cython


class IpLayer(Sender):
    """IP as its transports and its operator see it.

    ``protocols`` are the transports by protocol number, ``interfaces`` the interfaces by index, ``fib`` the routes.
    """

    __slots__ = (
        "_arp", "_book", "_input", "_next_index", "_output", "_paths", "context", "fib", "icmp", "interfaces", "local",
        "pmtus", "protocols", "settings",
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        self.context: Context = context
        self.settings: IpSettings = IpSettings(context.sysctl)
        self.protocols: list[Transport | None] = [None] * 256
        self._next_index = 1
        self.local: LocalTable = LocalTable()
        self.fib = Fib(self.invalidate)
        self.pmtus = PathMtus(context, self.settings, self._mtu_changed)
        self._book = Addresses(self.fib, self.local, self.invalidate)
        self._output: Ipv4Output = Ipv4Output(context, self.settings)
        self._paths: Paths = Paths(self.fib, self.local, self.pmtus, self._output)
        self.interfaces: dict[int, Interface] = self._paths.interfaces
        self.icmp = Icmp(context, self.settings, self._paths, self.protocols)
        self.protocols[IPPROTO_ICMP] = self.icmp
        forwarder = Forwarder(context, self._paths, self.icmp)
        self._input: Ipv4Input = Ipv4Input(
            context, self.settings, self.local, self.fib, self.icmp, forwarder, self.protocols
        )
        self._arp = Arp(context, self.local, self.fib)

    # For whoever puts the stack together.

    def register(self, protocol: int, transport: Transport) -> None:
        """Hand packets of this protocol number to a transport."""
        self.protocols[protocol] = transport

    @property
    def echo_handler(self) -> Transport | None:
        """Who gets echo replies, and the ICMP errors about echo requests (ping sockets)."""
        return self.icmp.echo_handler

    @echo_handler.setter
    def echo_handler(self, transport: Transport | None) -> None:
        self.icmp.echo_handler = transport

    @property
    def echo_forwarder(self) -> Transport | None:
        """Who gets echo requests to foreign addresses, on interfaces with ``accept_all``."""
        return self.icmp.echo_forwarder

    @echo_forwarder.setter
    def echo_forwarder(self, transport: Transport | None) -> None:
        self.icmp.echo_forwarder = transport

    @property
    def forward(self) -> bool:
        """net.ipv4.ip_forward."""
        return bool(self.settings.forward)

    def add_device(self, device: Device) -> Interface:
        """Give a device to this stack. The first loopback device carries what we send to ourselves."""
        resolver = ArpResolver(self.local, self.icmp)
        neighbours = NeighbourTable(self.context, self.settings, device, ETH_P_IP, resolver)
        interface = Interface(device, self._next_index, neighbours, self._book, self.context.counters)
        resolver.interface = interface
        interface.ipv4 = self._input
        if device.header_len and not device.flags & IFF_NOARP:
            interface.arp = self._arp
        self.interfaces[self._next_index] = interface
        self._next_index += 1
        device.index = interface.index
        device.upper = interface
        if device.flags & IFF_LOOPBACK and self._paths.loopback is None:
            self._paths.loopback = interface
        self.invalidate()
        return interface

    def remove_device(self, device: Device) -> None:
        """Take a device out, with its addresses, routes and neighbours. Raises OSError(ENODEV)."""
        interface = self.interfaces.get(device.index)
        if interface is None or interface.device is not device:
            raise OSError(ENODEV, f"{device.name} is not in this stack")
        self._book.remove_interface(interface)
        interface.neighbours.clear()
        del self.interfaces[device.index]
        device.upper = None
        if self._paths.loopback is interface:
            self._paths.loopback = None
        self.invalidate()

    def invalidate(self) -> None:
        """Routes, addresses, or a device's state or MTU changed: every path is to be looked up again."""
        self._paths.clear()
        self._input.addresses_changed()
        for transport in {id(transport): transport for transport in (*self.protocols, self.echo_handler)}.values():
            if transport is not None and transport is not self.icmp:
                transport.paths_changed()

    def _mtu_changed(self, dst: bytes) -> None:
        self._paths.forget(dst)

    # Sender.

    def is_local(self, address: bytes) -> cython.bint:
        """True when the address is one of this stack's, so that a socket may bind it."""
        return len(address) == 4 and self.local.kind(int.from_bytes(address, "big")) == RTN_LOCAL

    def is_broadcast(self, address: bytes) -> cython.bint:
        """True for the limited broadcast and the directed broadcasts of our networks."""
        p: cython.p_const_uchar = address
        number: cython.uint
        if len(address) != 4:
            return False
        number = (p[0] << 24) | (p[1] << 16) | (p[2] << 8) | p[3]
        return self.local.kind(number) == RTN_BROADCAST

    def port_unreachable(self, packet: Packet, now: cython.longlong) -> None:
        """Answer a received packet that nobody wanted with ICMP port unreachable (RFC 1122 4.1.3.1)."""
        self.icmp.port_unreachable(packet, now)

    def path(self, dst: bytes, src: bytes | None, oif: cython.int) -> Path:
        """The way to dst. Raises OSError: ENETUNREACH, EINVAL (a source that is not ours), EAFNOSUPPORT."""
        try:
            return self._paths.find(dst, src, oif)
        except OSError as error:
            if error.errno == ENETUNREACH:
                self.context.counters.ip.OutNoRoutes += 1
            raise

    def answering(self, dst: bytes, src: bytes, oif: cython.int) -> Path:
        """The way to dst for one answer. Raises as ``path`` does."""
        return self._paths.passing(dst, src, oif)

    def send(self, path: Path, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a transport's packet; 0 or a negative errno, the drop counted."""
        return self._output.send(path, packet, now)  # type: ignore[arg-type]

    def confirm(self, path: Path, now: cython.longlong) -> None:
        """The peer answered over this path, so the neighbour on it is reachable (RFC 4861 7.3.1)."""
        way: IpPath = path  # type: ignore[assignment]
        neighbour: Neighbour | None = way.neighbour
        if neighbour is not None:
            neighbour.confirmed_at = now

    def update_pmtu(self, dst: bytes, mtu: cython.uint, now: cython.longlong) -> None:
        """Believe a report about the path MTU to dst (RFC 1191); smaller ones only, not below min_pmtu."""
        try:
            current = self._paths.find(dst, None, 0).mtu
        except OSError:
            return
        self.pmtus.update(dst, mtu, current, now)
