"""UDP through the machine's sockets: a socket for each pair of guest port and remote port (RFC 4787)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import CSUM_PARTIAL, IPPROTO_UDP
from ..core.packet import Packet, View, new_packet
from ..udp.protocol import UdpForwarder
from ..wire.ip_const import UDP_HLEN
from ..wire.udp import UdpHeader, pseudo_check
from .flows import UDP_IDLE_NS, Flow
from .kernel import connect_datagram

if TYPE_CHECKING:
    import cython

    from ..core.sender import Path
    from .nat import Nat


class OutboundUdp(UdpForwarder):
    """Takes every datagram that no socket of the gateway stack wants."""

    __slots__ = ("nat", "services")

    def __init__(self, nat: Nat, services: dict[tuple[bytes, int], DatagramService]) -> None:
        self.nat = nat
        self.services = services

    def datagram(self, packet: Packet, now: cython.longlong) -> None:
        """Send it on its flow, a new one if need be."""
        nat = self.nat
        buf = packet.buf
        at = packet.l4
        middle = packet.addr_off + packet.addr_len
        guest = bytes(buf[packet.addr_off : middle])
        remote = bytes(buf[middle : middle + packet.addr_len])
        key = flow_key(IPPROTO_UDP, guest + remote, buf[at : at + 4])
        flow = nat.flows.get(key)
        if flow is None:
            if not nat.in_net(guest):
                nat.counters.drop("gateway_foreign_source")
                return
            ports = (buf[at] << 8 | buf[at + 1], buf[at + 2] << 8 | buf[at + 3])
            flow = self._open(key, guest, remote, ports, packet, now)
            if flow is None:
                return
        nat.stats.datagrams_out += 1
        flow.from_guest(packet, payload_of(packet, at + UDP_HLEN), now)

    def _open(
        self, key: bytes, guest: bytes, remote: bytes, ports: tuple[int, int], packet: Packet, now: int
    ) -> Flow | None:
        nat = self.nat
        service = self.services.get((remote, ports[1]))
        if service is not None:
            return service.flow(key, guest, ports[0])
        ip = nat.destination(remote)
        if ip is None:
            nat.counters.drop("gateway_udp_destination")
            if nat.stack.ip.is_local(remote):
                nat.stack.ip.port_unreachable(packet, now)
            return None
        try:
            kernel, err = nat.open(connect_datagram, ip, ports[1], 0)
        except OSError:
            return None
        if err:
            kernel.close()
            nat.unreachable(packet, err, now)
            return None
        flow = UdpFlow(nat, key, guest, ports[0], remote, ports[1])
        flow.use(kernel)
        return flow


class DatagramService:
    """Base of what the gateway itself answers at one of its addresses and UDP ports."""

    __slots__ = ()

    def flow(self, key: bytes, guest: bytes, port: int) -> Flow:
        """The flow of a guest's port that has not been heard of before."""
        raise NotImplementedError


class Return:
    """The way back to a guest's port: datagrams that seem to come from where the guest sent its own."""

    __slots__ = ("guest", "header", "nat", "path", "remote")

    def __init__(self, nat: Nat, guest: bytes, guest_port: int, remote: bytes, remote_port: int) -> None:
        self.nat = nat
        self.guest = guest
        self.remote = remote
        self.path: Path | None = None
        self.header = UdpHeader()
        self.header.sport = remote_port
        self.header.dport = guest_port

    def send(self, octets: bytes, now: int) -> None:
        """One datagram to the guest; one that finds no way is counted."""
        path = self.path
        if path is None or not path.alive:
            try:
                path = self.path = self.nat.stack.ip.path(self.guest, self.remote, 0)
            except OSError:
                self.nat.counters.drop("gateway_guest_unreachable")
                return
        header = self.header
        header.length = UDP_HLEN + len(octets)
        header.check = pseudo_check(path.pseudo, header.length)
        packet = new_packet(UDP_HLEN)
        at = packet.head
        header.emit(packet.buf, at)
        packet.tail = at + UDP_HLEN
        packet.l4 = packet.csum_start = at
        packet.csum_offset = 6
        packet.csum = CSUM_PARTIAL
        packet.protocol = IPPROTO_UDP
        if octets:
            packet.add_frag(View(octets, 0, len(octets)))
        if self.nat.stack.ip.send(path, packet, now) == 0:
            self.nat.stats.datagrams_in += 1


class UdpFlow(Flow):
    """A guest's port talking to one remote port through a connected kernel socket."""

    __slots__ = ("back",)

    def __init__(self, nat: Nat, key: bytes, guest: bytes, guest_port: int, remote: bytes, remote_port: int) -> None:
        super().__init__(nat, key, UDP_IDLE_NS)
        self.back = Return(nat, guest, guest_port, remote, remote_port)

    def answered(self, octets: bytes, now: cython.longlong) -> None:
        """Back to the guest."""
        self.back.send(octets, now)


def flow_key(protocol: int, addresses: bytes, ports: bytes | bytearray) -> bytes:
    """The name of a flow: protocol, both addresses and both ports as they lie in the guest's packets."""
    return bytes((protocol,)) + addresses + ports


def payload_of(packet: Packet, start: int) -> memoryview:
    """Everything of a packet from an offset on, side by side."""
    if packet.frags is not None:
        packet.linearize()
    return memoryview(packet.buf)[start : packet.tail]
