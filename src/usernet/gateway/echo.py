"""ICMP echo through the kernel's unprivileged ping sockets (Linux icmp(7), net.ipv4.ping_group_range)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import checksum
from ..core.const import IPPROTO_ICMP as PROTOCOL_ICMP
from ..core.packet import Packet, new_packet
from ..core.sender import Transport
from .flows import ECHO_IDLE_NS, Flow
from .kernel import IPPROTO_ICMP, connect_datagram
from .udp import flow_key, payload_of

if TYPE_CHECKING:
    import cython

    from .nat import Nat

ECHO = 8
ECHO_REPLY = 0
# Type, code, checksum, identifier, sequence number (RFC 792).
HEADER_LEN = 8


def ping_allowed() -> bool:
    """True when this process may open a ping socket, so that a guest's pings go out."""
    try:
        sock, _ = connect_datagram("127.0.0.1", 0, IPPROTO_ICMP)
    except OSError:
        return False
    sock.close()
    return True


class OutboundEcho(Transport):
    """Takes echo requests for addresses that are not the gateway's own."""

    __slots__ = ("nat",)

    def __init__(self, nat: Nat) -> None:
        self.nat = nat

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """Send it on its flow; where the kernel allows no ping socket it is counted and dropped."""
        nat = self.nat
        buf = packet.buf
        at = packet.l4
        middle = packet.addr_off + packet.addr_len
        guest = bytes(buf[packet.addr_off : middle])
        remote = bytes(buf[middle : middle + packet.addr_len])
        identifier = bytes(buf[at + 4 : at + 6])
        key = flow_key(PROTOCOL_ICMP, guest + remote, identifier)
        flow = nat.flows.get(key)
        if flow is None:
            ip = nat.destination(remote)
            if ip is None or not nat.in_net(guest):
                nat.counters.drop("gateway_echo_destination")
                return
            try:
                kernel, err = nat.open(connect_datagram, ip, 0, IPPROTO_ICMP)
            except OSError:
                nat.counters.drop("gateway_echo_not_allowed")
                return
            if err:
                kernel.close()
                nat.unreachable(packet, err, now)
                return
            flow = EchoFlow(nat, key, guest, remote, identifier)
            flow.use(kernel)
        nat.stats.echo_out += 1
        flow.from_guest(packet, payload_of(packet, at), now)

    def error(self, error: object, now: cython.longlong) -> None:
        """Errors about our replies to the guest concern nobody."""

    def paths_changed(self) -> None:
        """No path is kept."""


class EchoFlow(Flow):
    """One ping of the guest: an identifier and a destination."""

    __slots__ = ("guest", "identifier", "remote")

    def __init__(self, nat: Nat, key: bytes, guest: bytes, remote: bytes, identifier: bytes) -> None:
        super().__init__(nat, key, ECHO_IDLE_NS)
        self.guest = guest
        self.remote = remote
        self.identifier = identifier

    def answered(self, octets: bytes, now: cython.longlong) -> None:
        """An echo reply, back to the guest under the guest's own identifier: the kernel had put in the socket's."""
        if len(octets) < HEADER_LEN or octets[0] != ECHO_REPLY:
            return
        try:
            path = self.nat.stack.ip.path(self.guest, self.remote, 0)
        except OSError:
            self.nat.counters.drop("gateway_guest_unreachable")
            return
        packet = new_packet(len(octets))
        at = packet.head
        packet.buf[at : at + len(octets)] = octets
        packet.tail = at + len(octets)
        packet.buf[at + 2 : at + 6] = b"\0\0" + self.identifier
        packet.buf[at + 2 : at + 4] = checksum(packet.buf, at, packet.tail, 0).to_bytes(2, "big")
        packet.l4 = at
        packet.protocol = PROTOCOL_ICMP
        if self.nat.stack.ip.send(path, packet, now) == 0:
            self.nat.stats.echo_in += 1
