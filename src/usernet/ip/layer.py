"""The network layer of one stack: interfaces, routes and paths, and the Sender transports are handed."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EINVAL, ENETUNREACH, ENODEV
from typing import TYPE_CHECKING

from ..core.checksum import sum16
from ..core.const import ETH_P_IP, IPPROTO_ICMP, MAX_DATAGRAM
from ..core.context import Context
from ..core.packet import Packet
from ..core.sender import Path, Sender, Transport
from ..link.const import IFF_LOOPBACK, IFF_NOARP, IFF_UP
from ..link.device import Device
from ..wire.ethernet import multicast_ethernet
from ..wire.ip_const import ETH_BROADCAST
from .address import format_ip
from .addresses import Addresses, select_source
from .arp import Arp, ArpResolver
from .const import IPV4_ANY, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
from .fib import Fib, Route
from .forward import Forwarder
from .icmp import Icmp
from .interface import Interface
from .ipv4_in import Ipv4Input
from .ipv4_out import Ipv4Output
from .local import LocalTable
from .neigh import Neighbour, NeighbourTable
from .path import IpPath
from .pmtu import PathMtus
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

# Paths kept at most; the oldest makes room and falls dead, so that its holders ask again.
MAX_PATHS = 16384
LOOPBACK_ADDRESS = b"\x7f\x00\x00\x01"


class IpLayer(Sender):
    """IP as its transports and its operator see it.

    ``protocols`` are the transports by protocol number, ``interfaces`` the interfaces by index, ``fib`` the routes.
    """

    __slots__ = (
        "_arp", "_book", "_input", "_next_index", "_output", "_paths", "context", "fib", "icmp", "interfaces", "local",
        "loopback", "pmtus", "protocols", "settings",
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        self.context: Context = context
        self.settings: IpSettings = IpSettings(context.sysctl)
        self.protocols: list[Transport | None] = [None] * 256
        self.interfaces: dict[int, Interface] = {}
        self.loopback: Interface | None = None
        self._next_index = 1
        # (dst, src, oif) asked for -> path
        self._paths: dict[tuple[bytes, bytes | None, int], IpPath] = {}
        self.local: LocalTable = LocalTable()
        self.fib = Fib(self.invalidate)
        self.pmtus = PathMtus(context, self.settings, self._mtu_changed)
        self._book = Addresses(self.fib, self.local, self.invalidate)
        self._output: Ipv4Output = Ipv4Output(context, self.settings)
        self.icmp = Icmp(context, self.settings, self.local, self, self.protocols)
        self.protocols[IPPROTO_ICMP] = self.icmp
        forwarder = Forwarder(context, self, self._output, self.icmp)
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
        if device.flags & IFF_LOOPBACK and self.loopback is None:
            self.loopback = interface
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
        if self.loopback is interface:
            self.loopback = None
        self.invalidate()

    def invalidate(self) -> None:
        """Routes, addresses, or a device's state or MTU changed: every path is to be looked up again."""
        path: IpPath
        for item in self._paths.values():
            path = item
            path.alive = False
        self._paths.clear()
        self._input.addresses_changed()
        for transport in {id(transport): transport for transport in (*self.protocols, self.echo_handler)}.values():
            if transport is not None and transport is not self.icmp:
                transport.paths_changed()

    # Sender.

    def is_local(self, address: bytes) -> cython.bint:
        """True when the address is one of this stack's, so that a socket may bind it."""
        return len(address) == 4 and self.local.kind(int.from_bytes(address, "big")) == RTN_LOCAL

    def is_broadcast(self, address: bytes) -> cython.bint:
        """True for the limited broadcast and the directed broadcasts of our networks."""
        return len(address) == 4 and self.local.kind(int.from_bytes(address, "big")) == RTN_BROADCAST

    def is_transparent(self) -> bool:
        """True when an interface has ``accept_all``, and so any address may be ours."""
        return any(interface.accept_all for interface in self.interfaces.values())

    def port_unreachable(self, packet: Packet, now: cython.longlong) -> None:
        """Answer a received packet that nobody wanted with ICMP port unreachable (RFC 1122 4.1.3.1)."""
        self.icmp.port_unreachable(packet, now)

    def confirm(self, path: Path, now: cython.longlong) -> None:
        """The peer answered over this path, so the neighbour on it is reachable (RFC 4861 7.3.1)."""
        way: IpPath = path  # type: ignore[assignment]
        neighbour: Neighbour | None = way.neighbour
        if neighbour is not None:
            neighbour.confirmed_at = now

    def send(self, path: Path, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a transport's packet; 0 or a negative errno, the drop counted."""
        return self._output.send(path, packet, now)  # type: ignore[arg-type]

    def update_pmtu(self, dst: bytes, mtu: cython.uint, now: cython.longlong) -> None:
        """Believe a report about the path MTU to dst (RFC 1191); smaller ones only, not below min_pmtu."""
        current: cython.uint = 0
        try:
            current = self.path(dst, None, 0).mtu
        except OSError:
            return
        self.pmtus.update(dst, mtu, current, now)

    def path(self, dst: bytes, src: bytes | None, oif: cython.int) -> Path:
        """The way to dst. Raises OSError: ENETUNREACH, EINVAL (a source that is not ours), EAFNOSUPPORT."""
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

    def _find_path(self, dst: bytes, src: bytes | None, oif: int) -> IpPath:
        if len(dst) != 4 or (src is not None and len(src) != 4):
            raise OSError(EAFNOSUPPORT, "only IPv4 addresses are routed")
        if src == IPV4_ANY:
            src = None
        if src is not None:
            self._check_source(src)
        if dst == IPV4_ANY:
            dst = src or LOOPBACK_ADDRESS  # Linux: the unspecified destination is this host
        kind = self.local.kind(int.from_bytes(dst, "big"))
        if kind == RTN_LOCAL:
            return self._local_path(dst, src)
        route = self.fib.lookup(dst, oif)
        interface, gateway = self._way_out(dst, route, oif, kind)
        next_hop = gateway or dst
        if src is None:
            src = (route.src if route is not None else None) or self._source_of(interface, next_hop)
        path = IpPath(src, dst, interface, next_hop, kind)
        path.mtu = min((route.mtu if route is not None else 0) or interface.device.mtu, MAX_DATAGRAM)
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
        path.ident_slot = self._output.ident_slot(path.src, path.dst)
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

    def _mtu_changed(self, dst: bytes) -> None:
        stale = [key for key, path in self._paths.items() if path.dst == dst]
        for key in stale:
            path: IpPath = self._paths.pop(key)
            path.alive = False


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
