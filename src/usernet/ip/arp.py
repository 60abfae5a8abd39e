"""Address resolution (RFC 826, RFC 5227), with Linux's rules on whom to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import HEADROOM
from ..core.context import Context
from ..core.packet import Packet
from ..link.device import Device
from ..wire.arp import ArpMessage, emit_arp, parse_arp
from ..wire.ethernet import emit_ethernet, is_group
from ..wire.ip_const import ARPOP_REPLY, ARPOP_REQUEST, ETH_BROADCAST
from .addresses import select_source
from .const import IPV4_ANY, NUD_REACHABLE, NUD_STALE, RTN_LOCAL, RTN_UNICAST
from .fib import Fib
from .interface import Interface, NetworkProtocol
from .local import LocalTable
from .neigh import Neighbour, NeighbourTable, Resolver

if TYPE_CHECKING:
    import cython

    from .icmp import Icmp

NO_ADDRESS = bytes(6)
ETH_P_ARP = 0x0806


class Arp(NetworkProtocol):
    """What comes in under EtherType 0x0806."""

    def __init__(self, context: Context, local: LocalTable, fib: Fib) -> None:
        self._counters = context.counters
        self._local = local
        self._fib = fib

    def receive(self, interface: Interface, packet: Packet, unicast: cython.bint, now: cython.longlong) -> None:
        """Linux's arp_process: answer for our addresses, learn from whom asks us, update whom we know."""
        packet.linearize()
        message = parse_arp(bytes(packet.buf[packet.head : packet.tail]))
        if message is None or message.op not in (ARPOP_REQUEST, ARPOP_REPLY) or not _is_station(message.sha):
            self._counters.drop("arp_malformed")
        elif self._local.kind(int.from_bytes(message.spa, "big")) != RTN_UNICAST:
            self._claims_ours(interface, message)
        elif message.op == ARPOP_REQUEST and self._answers(interface, message):
            self._answer(interface, message, now)
        else:
            self._learn(interface, message, unicast, now)

    def _claims_ours(self, interface: Interface, message: ArpMessage) -> None:
        # RFC 5227 2.4: another station uses one of our addresses. Seen, counted, never believed.
        if message.sha == interface.device.address:
            self._counters.drop("arp_own_frame")
        elif self._local.kind(int.from_bytes(message.spa, "big")) == RTN_LOCAL:
            self._counters.drop("arp_conflict")
        else:
            self._counters.drop("arp_malformed")

    def _answers(self, interface: Interface, message: ArpMessage) -> bool:
        target = int.from_bytes(message.tpa, "big")
        kind = self._local.kind(target)
        if kind == RTN_LOCAL:
            return target >> 24 != 127
        if not interface.proxy_arp or kind != RTN_UNICAST or message.spa in (IPV4_ANY, message.tpa):
            return False  # a probe or an announcement asks nobody (RFC 5227 1.1)
        route = self._fib.lookup(message.tpa)
        if route is None or route.interface is interface:
            # A transparent gateway is the way to everywhere but its own link.
            return interface.accept_all and (route is None or route.gateway is not None)
        return True

    def _answer(self, interface: Interface, message: ArpMessage, now: int) -> None:
        ours = interface.device.address
        if message.spa != IPV4_ANY:
            # RFC 826 and Linux: who asks us will be sent to soon.
            asker = interface.neighbours.lookup(message.spa, now)
            if asker is not None:
                override = not interface.neighbours.locked(asker, now)
                interface.neighbours.update(asker, message.sha, NUD_STALE, override, now)
        reply = ArpMessage(ARPOP_REPLY, ours, message.tpa, message.sha, message.spa)
        send_arp(interface.device, message.sha, reply, now)

    def _learn(self, interface: Interface, message: ArpMessage, unicast: bool, now: int) -> None:
        table = interface.neighbours
        known = table.get(message.spa)
        if known is None:
            # Only who asked for it may teach us an address (arp_accept=0).
            self._counters.drop("arp_unasked")
            return
        gratuitous = message.spa == message.tpa and (
            message.op == ARPOP_REQUEST or message.tha in (message.sha, NO_ADDRESS)
        )
        answer = message.op == ARPOP_REPLY and unicast
        override = gratuitous or not table.locked(known, now)
        table.update(known, message.sha, NUD_REACHABLE if answer else NUD_STALE, override, now)


class ArpResolver(Resolver):
    """Asks for the next hops of one interface."""

    def __init__(self, local: LocalTable, icmp: Icmp) -> None:
        self._local = local
        self._icmp = icmp
        self.interface: Interface | None = None

    def solicit(self, table: NeighbourTable, neighbour: Neighbour, unicast: cython.bint, now: cython.longlong) -> None:
        """Send one request, from the address the waiting packet comes from if that is ours (arp_announce=0)."""
        source = IPV4_ANY
        if self.interface is not None:
            source = select_source(self.interface, neighbour.address) or IPV4_ANY
        if neighbour.queue:
            packet: Packet = neighbour.queue[0]
            first = bytes(packet.buf[packet.addr_off : packet.addr_off + 4])
            if int.from_bytes(first, "big") in self._local.unicast:
                source = first
        request = ArpMessage(ARPOP_REQUEST, table.device.address, source, NO_ADDRESS, neighbour.address)
        send_arp(table.device, neighbour.lladdr if unicast else ETH_BROADCAST, request, now)

    def unreachable(self, table: NeighbourTable, packet: Packet, now: cython.longlong) -> None:
        """Nobody has the address: host unreachable, to whoever sent the packet."""
        self._icmp.next_hop_failed(packet, now)


def _is_station(address: bytes) -> bool:
    return any(address) and not is_group(address)


def announce(interface: Interface, address: bytes, now: int) -> None:
    """Tell the link that this interface has this address (RFC 5227 3)."""
    ours = interface.device.address
    send_arp(interface.device, ETH_BROADCAST, ArpMessage(ARPOP_REQUEST, ours, address, NO_ADDRESS, address), now)


def send_arp(device: Device, to: bytes, message: ArpMessage, now: int) -> None:
    """Send one message."""
    frame = emit_ethernet(to, device.address, ETH_P_ARP) + emit_arp(message)
    buf = bytearray(HEADROOM) + frame
    packet = Packet(buf, HEADROOM, len(buf))
    packet.l3 = HEADROOM + 14
    device.send(packet, now)
