"""User Datagram Protocol (RFC 768; RFC 1122 4.1 for what a host owes its callers)."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EMSGSIZE
from typing import TYPE_CHECKING

from ..core.context import Context
from ..core.packet import Packet
from ..core.ready import Pollable
from ..core.sender import IcmpError, Sender, Transport
from ..wire.udp import UdpHeader, trim, verify
from .const import PMTUDISC_DONT
from .endpoint import UdpEndpoint
from .table import UdpTable

if TYPE_CHECKING:
    import cython


class UdpForwarder:
    """Base of whoever takes datagrams that no endpoint wants (a transparent gateway)."""

    __slots__ = ()

    def datagram(self, packet: Packet, now: cython.longlong) -> None:
        """A verified datagram: addresses at ``addr_off``, UDP header at ``l4``, payload from ``l4 + 8``."""
        raise NotImplementedError


class Udp(Transport):
    """UDP of one stack. ``net_bind_service`` of its table is the leave to bind ports below 1024.

    ``members`` counts the endpoints in each multicast group, by group and interface index.
    """

    __slots__ = ("_header", "context", "forwarder", "members", "rmem_default", "sender", "table")

    def __init__(self, context: Context, sender: Sender) -> None:
        self.context = context
        self.sender = sender
        self.table = UdpTable(context)
        self.forwarder: UdpForwarder | None = None
        self.members: dict[tuple[bytes, int], int] = {}
        self.rmem_default = 0
        self._header = UdpHeader()
        sysctl = context.sysctl
        sysctl.declare(
            "net.core.rmem_default", 212992, "receive buffer of a new socket", low=2304, on_change=self._set_rmem
        )
        sysctl.declare("net.core.rmem_max", 4 << 20, "the largest receive buffer SO_RCVBUF may ask for", low=2304)
        sysctl.declare("net.core.wmem_default", 212992, "send buffer of a new socket", low=4608)
        sysctl.declare("net.core.wmem_max", 4 << 20, "the largest send buffer SO_SNDBUF may ask for", low=4608)

    def _set_rmem(self, value: object) -> None:
        assert isinstance(value, int)
        self.rmem_default = value

    def open(self, owner: Pollable | None, family: cython.int) -> UdpEndpoint:
        """A new endpoint of family 4 or 6, not bound; ``owner`` is woken when something happens to it."""
        return UdpEndpoint(self.context, self.sender, self.table, owner, family, self.rmem_default)

    def endpoints(self) -> Iterator[UdpEndpoint]:
        """Every bound endpoint, for ss."""
        for group in self.table.ports.values():
            yield from group

    # From below.

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """One datagram, as Transport.receive says."""
        header: UdpHeader = self._header
        group: list[UdpEndpoint] | None
        endpoint: UdpEndpoint | None
        if not header.parse(packet.buf, packet.l4, packet.tail, packet.tail + packet.frags_len):
            self.context.counters.udp.InErrors += 1
            self.context.counters.drop("udp_bad_length")
            return
        trim(packet, header.length)
        if not verify(packet, header):
            self.context.counters.udp.InCsumErrors += 1
            self.context.counters.udp.InErrors += 1
            self.context.counters.drop("udp_bad_checksum")
            return
        if _to_group(packet):
            self._deliver_all(packet, header.dport, True)
            return
        group = self.table.find(packet)
        if group is None:
            self._unwanted(packet, now)
            return
        endpoint = group[0]
        if len(group) > 1 or endpoint.ifindex or endpoint.addr_len != packet.addr_len:
            if len(group) > 1 and self.sender.is_broadcast(_destination(packet)):
                self._deliver_all(packet, header.dport, False)
                return
            endpoint = self.table.choose(group, packet, _ifindex(packet))
            if endpoint is None:
                self._unwanted(packet, now)
                return
        endpoint.deliver(packet)

    def _deliver_all(self, packet: Packet, port: cython.uint, multicast: cython.bint) -> None:
        """Broadcast and multicast go to every endpoint they match (RFC 1122 4.1.3.6)."""
        endpoint: UdpEndpoint
        ifindex: cython.int = _ifindex(packet)
        source = bytes(packet.buf[packet.addr_off : packet.addr_off + packet.addr_len])
        sport = int.from_bytes(packet.buf[packet.l4 : packet.l4 + 2], "big")
        destination = _destination(packet)
        wanted: cython.bint = False
        for item in self.table.of_port(port):
            endpoint = item
            if endpoint.addr_len != packet.addr_len or (endpoint.ifindex and endpoint.ifindex != ifindex):
                continue
            if endpoint.bound_address and endpoint.bound_address != destination:
                continue
            if endpoint.remote and (endpoint.remote != source or endpoint.remote_port != sport):
                continue
            if multicast and not endpoint.mc_all and not _is_member(endpoint, destination, ifindex):
                continue
            wanted = True
            endpoint.deliver(packet)
        if not wanted:
            self.context.counters.udp.IgnoredMulti += 1
            self.context.counters.drop("udp_no_port")

    def _unwanted(self, packet: Packet, now: cython.longlong) -> None:
        if self.forwarder is not None:
            self.forwarder.datagram(packet, now)
            return
        self.context.counters.udp.NoPorts += 1
        self.context.counters.drop("udp_no_port")
        self.sender.port_unreachable(packet, now)

    def error(self, error: IcmpError, now: cython.longlong) -> None:
        """An ICMP error about a datagram of ours: a connected endpoint reports it (RFC 1122 4.1.3.3)."""
        endpoint: UdpEndpoint | None = self._sender_of(error)
        if endpoint is None:
            self.context.counters.drop("udp_error_unmatched")
            return
        if error.err == EMSGSIZE:
            self.sender.update_pmtu(_target(error), error.info, now)
            if endpoint.df_mode != PMTUDISC_DONT and (endpoint.remote or endpoint.recverr):
                endpoint.fail(EMSGSIZE)
        elif endpoint.recverr or (endpoint.remote and error.fatal):
            endpoint.fail(error.err)

    def _sender_of(self, error: IcmpError) -> UdpEndpoint | None:
        if error.end - error.l4 < 4:
            return None
        ours = bytes(error.buf[error.addr_off : error.addr_off + error.addr_len])
        theirs = _target(error)
        sport = bytes(error.buf[error.l4 : error.l4 + 2])
        dport = bytes(error.buf[error.l4 + 2 : error.l4 + 4])
        table: UdpTable = self.table
        group = (
            table.connected.get(theirs + ours + dport + sport) or table.bound.get(ours + sport) or table.wild.get(sport)
        )
        if not group or group[0].addr_len != error.addr_len:
            return None
        return group[0]


def _to_group(packet: Packet) -> cython.bint:
    first: cython.int = packet.buf[packet.addr_off + packet.addr_len]
    if packet.addr_len == 4:
        return 224 <= first <= 239
    return first == 255


def _destination(packet: Packet) -> bytes:
    at = packet.addr_off + packet.addr_len
    return bytes(packet.buf[at : at + packet.addr_len])


def _target(error: IcmpError) -> bytes:
    at = error.addr_off + error.addr_len
    return bytes(error.buf[at : at + error.addr_len])


def _ifindex(packet: Packet) -> int:
    return 0 if packet.device is None else packet.device.index  # type: ignore[attr-defined]


def _is_member(endpoint: UdpEndpoint, group: bytes, ifindex: int) -> bool:
    return (group, ifindex) in endpoint.memberships or (group, 0) in endpoint.memberships
