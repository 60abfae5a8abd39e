"""IPv4 input: validation and delivery (RFC 791, RFC 1122 3.2.1, RFC 1812 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import IPPROTO_TCP
from ..core.context import Context
from ..core.counters import Counters, IpExtMib, IpMib
from ..core.packet import Packet
from ..core.sender import Transport
from ..link.const import IFF_LOOPBACK
from ..wire.ip_const import (
    HEADER_BAD_CHECKSUM,
    HEADER_OK,
    HEADER_TRUNCATED,
    ICMP_DEST_UNREACH,
    ICMP_PARAMETERPROB,
    ICMP_PROT_UNREACH,
    IPV4_HLEN,
    OPTIONS_PLAIN,
    OPTIONS_SOURCE_ROUTE,
)
from ..wire.ipv4 import Ipv4Header, scan_options
from .const import (
    IPV4_ALL_SYSTEMS,
    IPV4_LIMITED_BROADCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
)
from .forward import Forwarder
from .fragments import Reassembler
from .interface import Interface, NetworkProtocol
from .local import LocalTable
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

    from .fib import Fib
    from .icmp import Icmp


class Ipv4Input(NetworkProtocol):
    """The receiving half of IPv4. One packet is one call chain: validated here, then straight into its transport."""

    __slots__ = (
        "_counters", "_ext", "_fib", "_forwarder", "_good_interface", "_good_source", "_header", "_icmp", "_ip",
        "_local", "_protocols", "_reassembler", "_settings",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        settings: IpSettings,
        local: LocalTable,
        fib: Fib,
        icmp: Icmp,
        forwarder: Forwarder,
        protocols: list[Transport | None],
    ) -> None:
        self._counters: Counters = context.counters
        self._ip: IpMib = context.counters.ip
        self._ext: IpExtMib = context.counters.ip_ext
        self._settings: IpSettings = settings
        self._local: LocalTable = local
        self._fib: Fib = fib
        self._icmp: Icmp = icmp
        self._forwarder: Forwarder = forwarder
        self._protocols: list[Transport | None] = protocols
        self._reassembler: Reassembler = Reassembler(context, settings, icmp)
        self._header: Ipv4Header = Ipv4Header()
        # The source validated last, and where it came in: most packets come from where the one before came.
        self._good_source = 0
        self._good_interface: Interface | None = None

    def addresses_changed(self) -> None:
        """Sources must be validated anew."""
        self._good_interface = None

    def receive(self, interface: Interface, packet: Packet, unicast: cython.bint, now: cython.longlong) -> None:
        """One packet from a link, head at its IP header. ``tail`` may be beyond its end (padding)."""
        header: Ipv4Header = self._header
        size: cython.Py_ssize_t = packet.length()
        found: cython.int
        kind: cython.int = RTN_LOCAL
        at: cython.Py_ssize_t
        self._ip.InReceives += 1
        self._ext.InOctets += size
        if packet.tail - packet.head < IPV4_HLEN and packet.frags is not None:
            packet.linearize()
        at = packet.head
        found = header.parse(packet.buf, at, packet.tail)
        if found != HEADER_OK:
            self._bad_header(found)
            return
        self._count_ecn(packet, header, size)
        if header.total_length != size and not self._trim(packet, header, size):
            return
        packet.l3 = at
        packet.l4 = at + header.hlen
        packet.addr_off = at + 12
        packet.addr_len = 4
        packet.protocol = header.protocol
        packet.tos = header.tos
        packet.ttl = header.ttl
        packet.df = header.df
        if (header.src != self._good_source or interface is not self._good_interface) and not self._source_valid(
            interface, header
        ):
            return
        if header.dst != interface.primary or not unicast:
            kind = self._destination(interface, header, unicast)
            if kind < 0:
                return
        if header.hlen > IPV4_HLEN and not self._options_valid(packet, kind, now):
            return
        if kind == RTN_UNICAST:
            self._forwarder.forward(interface, packet, header, now)
        elif header.mf or header.offset:
            whole: Packet | None = self._reassembler.add(packet, header, now)
            if whole is not None:
                self._deliver(whole, kind, now)
        else:
            self._deliver(packet, kind, now)

    def _deliver(self, packet: Packet, kind: cython.int, now: cython.longlong) -> None:
        transport: Transport | None = self._protocols[packet.protocol]
        packet.head = packet.l4
        if transport is None:
            self._ip.InUnknownProtos += 1
            self._counters.drop("ip_unknown_protocol")
            self._icmp.send_error(packet, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0, True, now)
            return
        if kind != RTN_LOCAL and packet.protocol == IPPROTO_TCP:
            # RFC 1122 4.2.3.10: a connection is between two hosts.
            self._counters.drop("ip_tcp_not_unicast")
            return
        self._ip.InDelivers += 1
        transport.receive(packet, now)

    # Header checks, RFC 1122 3.2.1 and RFC 1812 5.2.2.

    def _bad_header(self, found: cython.int) -> None:
        self._ip.InHdrErrors += 1
        if found == HEADER_BAD_CHECKSUM:
            self._ext.InCsumErrors += 1
            self._counters.drop("ip_bad_checksum")
        elif found == HEADER_TRUNCATED:
            self._counters.drop("ip_header_truncated")
        else:
            self._counters.drop("ip_malformed_header")

    def _count_ecn(self, packet: Packet, header: Ipv4Header, size: cython.Py_ssize_t) -> None:
        ecn: cython.uint = header.tos & 3
        packets: cython.Py_ssize_t = 1
        if packet.gso_size:
            packets = (size - header.hlen + packet.gso_size - 1) // packet.gso_size
        if ecn == 0:
            self._ext.InNoECTPkts += packets
        elif ecn == 1:
            self._ext.InECT1Pkts += packets
        elif ecn == 2:
            self._ext.InECT0Pkts += packets
        else:
            self._ext.InCEPkts += packets

    def _trim(self, packet: Packet, header: Ipv4Header, size: cython.Py_ssize_t) -> cython.bint:
        """Cut off what the link padded."""
        if header.total_length > size:
            self._ext.InTruncatedPkts += 1
            self._counters.drop("ip_truncated")
            return False
        packet.linearize()
        packet.tail = packet.head + header.total_length
        return True

    def _options_valid(self, packet: Packet, kind: cython.int, now: cython.longlong) -> cython.bint:
        found: cython.int = scan_options(packet.buf, packet.l3 + IPV4_HLEN, packet.l4)
        if found == OPTIONS_PLAIN:
            return True
        if found == OPTIONS_SOURCE_ROUTE:
            self._counters.drop("ip_source_route")
            return False
        self._ip.InHdrErrors += 1
        self._counters.drop("ip_bad_options")
        self._icmp.send_error(
            packet, ICMP_PARAMETERPROB, 0, (found + IPV4_HLEN) << 24, kind != RTN_UNICAST, now
        )  # fmt: skip
        return False

    # Addresses, RFC 1122 3.2.1.3 and RFC 1812 5.3.7.

    def _source_valid(self, interface: Interface, header: Ipv4Header) -> cython.bint:
        """Drop martian sources; remember a good one."""
        src: cython.uint = header.src
        loopback: cython.bint = interface.device.flags & IFF_LOOPBACK != 0
        kind: cython.int = self._local.kind(src)
        if src >> 24 == 0 and (src != 0 or header.dst != IPV4_LIMITED_BROADCAST):
            # "This host on this network" only asks for an address (RFC 1122 3.2.1.3 (a)).
            kind = RTN_BROADCAST
        if kind in (RTN_BROADCAST, RTN_MULTICAST) or (kind == RTN_LOCAL and not loopback):
            self._counters.drop("ip_martian_source")
            return False
        if self._settings.rp_filter and kind == RTN_UNICAST and not self._reverse_path(interface, header):
            return False
        if src != 0:
            self._good_source = src
            self._good_interface = interface
        return True

    def _reverse_path(self, interface: Interface, header: Ipv4Header) -> cython.bint:
        route = self._fib.lookup(header.src.to_bytes(4, "big"))
        if route is None or (self._settings.rp_filter == 1 and route.interface is not interface):
            self._counters.tcp_ext.IPReversePathFilter += 1
            self._counters.drop("ip_reverse_path")
            return False
        return True

    def _destination(self, interface: Interface, header: Ipv4Header, unicast: cython.bint) -> cython.int:
        """The RTN_ number of the destination, RTN_UNICAST for what is to be forwarded, -1 when dropped."""
        dst: cython.uint = header.dst
        kind: cython.int = self._local.kind(dst)
        if kind == RTN_MULTICAST:
            if dst != IPV4_ALL_SYSTEMS and dst.to_bytes(4, "big") not in interface.groups:
                self._counters.drop("ip_not_in_group")
                return -1
            self._ext.InMcastPkts += 1
            self._ext.InMcastOctets += header.total_length
            return kind
        if kind == RTN_BROADCAST:
            self._ext.InBcastPkts += 1
            self._ext.InBcastOctets += header.total_length
            return kind
        if not unicast:
            # RFC 1122 3.3.6: a link-layer broadcast for one host is somebody's mistake.
            self._counters.drop("ip_unicast_in_broadcast_frame")
            return -1
        if kind == RTN_LOCAL:
            if dst >> 24 == 127 and not interface.device.flags & IFF_LOOPBACK:
                self._counters.drop("ip_martian_destination")
                return -1
            return kind
        return self._foreign(interface, dst)

    def _foreign(self, interface: Interface, dst: cython.uint) -> cython.int:
        if dst >> 24 == 0:
            self._counters.drop("ip_martian_destination")
            return -1
        if interface.accept_all:
            return RTN_LOCAL
        if self._settings.forward:
            return RTN_UNICAST
        self._ip.InAddrErrors += 1
        self._counters.drop("ip_not_for_us")
        return -1
