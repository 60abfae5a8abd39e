"""ICMP for IPv4: echo, and errors both ways (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3, RFC 5927)."""

from __future__ import annotations

from errno import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from typing import TYPE_CHECKING

from ..core.const import CSUM_NONE, CSUM_UNNECESSARY, IPPROTO_ICMP
from ..core.context import Context
from ..core.packet import Packet, new_packet
from ..core.sender import IcmpError, Transport
from ..wire.icmpv4 import IcmpMessage
from ..wire.ip_const import (
    HEADER_OK,
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_ERRORS,
    ICMP_EXC_FRAGTIME,
    ICMP_FRAG_NEEDED,
    ICMP_HLEN,
    ICMP_HOST_UNREACH,
    ICMP_PARAMETERPROB,
    ICMP_PORT_UNREACH,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
    ICMP_TIMESTAMP,
    IPV4_HLEN,
)
from ..wire.ipv4 import Ipv4Header
from .const import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST
from .paths import Paths
from .pmtu import plateau_below
from .ratelimit import IcmpRateLimit
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

# RFC 1812 4.3.2.3: as much of the packet as fits a datagram of 576 octets.
MAX_ERROR = 576
# RFC 1812 4.3.2.5: precedence of internetwork control.
TOS_CONTROL = 0xC0
TOS_MASK = 0x1E

# Destination unreachable, by code: errno and whether a connection may end by it (Linux's icmp_err_convert).
_UNREACHABLE = (
    (ENETUNREACH, False),  # network
    (EHOSTUNREACH, False),  # host
    (ENOPROTOOPT, True),  # protocol
    (ECONNREFUSED, True),  # port
    (EMSGSIZE, False),  # fragmentation needed
    (EOPNOTSUPP, False),  # source route failed
    (ENETUNREACH, True),  # network unknown
    (EHOSTDOWN, True),  # host unknown
    (ENONET, True),  # source host isolated
    (ENETUNREACH, True),  # network prohibited
    (EHOSTUNREACH, True),  # host prohibited
    (ENETUNREACH, False),  # network, for this type of service
    (EHOSTUNREACH, False),  # host, for this type of service
    (EHOSTUNREACH, True),  # filtered
    (EHOSTUNREACH, True),  # precedence violation
    (EHOSTUNREACH, True),  # precedence cutoff
)

# Message types we know, and their counters.
_IN = {
    0: "InEchoReps", 3: "InDestUnreachs", 4: "InSrcQuenchs", 5: "InRedirects", 8: "InEchos", 11: "InTimeExcds",
    12: "InParmProbs", 13: "InTimestamps", 14: "InTimestampReps", 17: "InAddrMasks", 18: "InAddrMaskReps",
}  # fmt: skip


class Icmp(Transport):
    """Protocol 1. ``echo_handler`` gets echo replies and errors about echo requests, ``echo_forwarder`` the echo
    requests to addresses that are not ours, which only come on an interface with accept_all.
    """

    def __init__(self, context: Context, settings: IpSettings, paths: Paths, protocols: list[Transport | None]) -> None:
        self._counters = context.counters
        self._icmp = context.counters.icmp
        self._settings = settings
        self._paths = paths
        self._local = paths.local
        self._protocols = protocols
        self._limit = IcmpRateLimit(context, settings)
        self._header = Ipv4Header()
        self.echo_handler: Transport | None = None
        self.echo_forwarder: Transport | None = None

    # In.

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """One message for us."""
        self._icmp.InMsgs += 1
        # Both zeros of one's complement: Linux answers an all-zero echo with an all-zero message.
        if packet.csum == CSUM_NONE and packet.sum_from(packet.l4, 0) not in (0, 0xFFFF):
            self._icmp.InCsumErrors += 1
            self._error("icmp_bad_checksum")
            return
        packet.linearize()
        message = IcmpMessage()
        if not message.parse(packet.buf, packet.l4, packet.tail):
            self._error("icmp_truncated")
            return
        counter = _IN.get(message.kind)
        if counter is None:
            self._error("icmp_unknown_type")
            return
        setattr(self._icmp, counter, getattr(self._icmp, counter) + 1)
        at = packet.addr_off
        kind = self._local.kind(int.from_bytes(packet.buf[at + 4 : at + 8], "big"))
        if kind in (RTN_BROADCAST, RTN_MULTICAST) and not self._accepts_broadcast(message.kind):
            self._error("icmp_broadcast")
        elif message.kind == ICMP_ECHO:
            self._echo(packet, kind, now)
        elif message.kind == ICMP_ECHOREPLY:
            if self.echo_handler is not None:
                self.echo_handler.receive(packet, now)
        elif message.kind in (ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB):
            self._report(packet, message, now)
        elif message.kind != ICMP_SOURCE_QUENCH:
            # Source quench is to be ignored in silence (RFC 6633 3). Redirects, timestamps and masks are not acted
            # upon: routes are ours to set, and the engine knows no time of day.
            self._counters.drop("icmp_not_handled")

    def _error(self, reason: str) -> None:
        self._icmp.InErrors += 1
        self._counters.drop(reason)

    def _accepts_broadcast(self, kind: int) -> bool:
        return kind in (ICMP_ECHO, ICMP_TIMESTAMP) and not self._settings.echo_ignore_broadcasts

    def _echo(self, packet: Packet, kind: int, now: int) -> None:
        """RFC 1122 3.2.2.6: answer from the address that was asked, with what was sent."""
        if kind != RTN_LOCAL and kind not in (RTN_BROADCAST, RTN_MULTICAST):
            if self.echo_forwarder is not None:
                self.echo_forwarder.receive(packet, now)
            else:
                self._counters.drop("icmp_echo_not_ours")
            return
        if self._settings.echo_ignore_all:
            self._counters.drop("icmp_echo_ignored")
            return
        at = packet.addr_off
        asker = bytes(packet.buf[at : at + 4])
        asked = bytes(packet.buf[at + 4 : at + 8]) if kind == RTN_LOCAL else None
        if not self._may_send(asker, ICMP_ECHOREPLY, 0, now):
            return
        reply = new_packet(packet.tail - packet.l4)
        reply.buf[reply.head :] = packet.buf[packet.l4 : packet.tail]
        reply.tail = len(reply.buf)
        reply.buf[reply.head] = ICMP_ECHOREPLY
        reply.tos = packet.tos
        self._emit(asker, asked, reply, now)

    def _may_send(self, dst: bytes, kind: int, code: int, now: int) -> bool:
        number = int.from_bytes(dst, "big")
        # Linux: neither path MTU discovery nor what stays in this host is slowed down.
        if (kind == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED) or self._local.kind(number) == RTN_LOCAL:
            return True
        if self._limit.allow(kind, number, now):
            return True
        self._counters.drop("icmp_rate_limited")
        return False

    def _emit(self, dst: bytes, src: bytes | None, packet: Packet, now: int) -> None:
        """Send a message whose octets are in place but for the checksum."""
        at = packet.head
        try:
            path = self._paths.find(dst, src, 0)
        except OSError:
            self._icmp.OutErrors += 1
            self._counters.drop("icmp_no_route")
            return
        packet.buf[at + 2 : at + 4] = b"\0\0"
        packet.buf[at + 2 : at + 4] = (packet.sum_from(at, 0) ^ 0xFFFF).to_bytes(2, "big")
        packet.protocol = IPPROTO_ICMP
        packet.csum = CSUM_UNNECESSARY
        packet.l4 = at
        if self._paths.output.send(path, packet, now) < 0:
            self._icmp.OutErrors += 1

    def _report(self, packet: Packet, message: IcmpMessage, now: int) -> None:
        """An error about a packet that claims to be ours: hand it to its transport (RFC 1122 3.2.2)."""
        header = self._header
        buf = packet.buf
        quoted = packet.l4 + ICMP_HLEN
        if header.parse_quoted(buf, quoted, packet.tail) != HEADER_OK or packet.tail - quoted < header.hlen + 8:
            self._error("icmp_quote_truncated")
            return
        if header.offset or not self._is_ours(header.src) or self._local.kind(header.dst) == RTN_BROADCAST:
            self._counters.drop("icmp_quote_not_ours")
            return
        error = IcmpError()
        error.family = 4
        error.kind = message.kind
        error.code = message.code
        error.err, error.fatal = _meaning(message)
        if error.err == EMSGSIZE:
            # RFC 1191 5: routers that do not say their MTU leave us to guess it.
            error.info = message.rest & 0xFFFF or plateau_below(header.total_length)
        at = packet.addr_off
        error.offender = bytes(buf[at : at + 4])
        self._fill(error, buf, quoted, header.hlen, packet.tail)
        self._tell(error, header.protocol, now)

    def _is_ours(self, address: int) -> bool:
        return self._local.kind(address) == RTN_LOCAL or self._paths.is_transparent()

    @staticmethod
    def _fill(error: IcmpError, buf: bytearray, l3: int, hlen: int, end: int) -> None:
        error.buf = buf
        error.l4 = l3 + hlen
        error.end = end
        error.addr_off = l3 + 12
        error.addr_len = 4

    def _tell(self, error: IcmpError, protocol: int, now: int) -> None:
        transport = self._protocols[protocol]
        if protocol == IPPROTO_ICMP:
            transport = self.echo_handler if error.buf[error.l4] == ICMP_ECHO else None
        if transport is None:
            self._counters.drop("icmp_quote_not_ours")
        else:
            transport.error(error, now)

    # Out.

    def send_error(self, packet: Packet, kind: int, code: int, rest: int, delivered: bool, now: int) -> None:
        """Report a received packet, l3 at its IP header, to its sender, unless RFC 1122 3.2.2 forbids.

        ``delivered``: the packet had reached its destination, so that the error comes from that address.
        """
        header = self._header
        at = packet.l3
        if header.parse_quoted(packet.buf, at, packet.tail) != HEADER_OK or not self._may_report(packet, header):
            self._counters.drop("icmp_not_reported")
            return
        src = bytes(packet.buf[at + 16 : at + 20]) if delivered else None
        dst = bytes(packet.buf[at + 12 : at + 16])
        if not self._may_send(dst, kind, code, now):
            return
        linear = bytes(packet.buf[at : packet.tail])
        if packet.frags is not None:
            linear += b"".join(view.memory() for view in packet.frags)
        quote = linear[: min(header.total_length, MAX_ERROR - IPV4_HLEN - ICMP_HLEN)]
        message = IcmpMessage(kind, code, rest).emit(quote)
        error = new_packet(len(message))
        error.buf[error.head :] = message
        error.tail = len(error.buf)
        error.tos = (packet.buf[at + 1] & TOS_MASK) | TOS_CONTROL
        self._emit(dst, src, error, now)

    def _may_report(self, packet: Packet, header: Ipv4Header) -> bool:
        if header.offset or self._local.kind(header.dst) in (RTN_BROADCAST, RTN_MULTICAST):
            return False
        source = self._local.kind(header.src)
        if source in (RTN_BROADCAST, RTN_MULTICAST) or header.src >> 24 == 0:
            return False
        if header.protocol == IPPROTO_ICMP:
            at = packet.l3 + header.hlen
            return at < packet.tail and packet.buf[at] not in ICMP_ERRORS and packet.buf[at] in _IN
        return True

    def port_unreachable(self, packet: Packet, now: int) -> None:
        """Nobody listens there (RFC 1122 4.1.3.1)."""
        self.send_error(packet, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0, True, now)

    def reassembly_timed_out(self, packet: Packet, now: int) -> None:
        """The rest of the datagram this first fragment belongs to never came."""
        self.send_error(packet, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0, True, now)

    def next_hop_failed(self, packet: Packet, now: int) -> None:
        """The link does not know the next hop of a packet, whose head is at its IP header: tell who sent it."""
        if packet.device is not None:
            packet.l3 = packet.head
            self.send_error(packet, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, False, now)
            return
        # Our own: what Linux does by an ICMP error sent to itself. The packet may have been cut: only the first tells.
        header = self._header
        at = packet.head
        packet.linearize()
        if header.parse_quoted(packet.buf, at, packet.tail) != HEADER_OK or header.offset:
            return
        if packet.tail - at < header.hlen + 8 or self._local.kind(header.dst) in (RTN_BROADCAST, RTN_MULTICAST):
            return
        error = IcmpError()
        error.family = 4
        error.kind = ICMP_DEST_UNREACH
        error.code = ICMP_HOST_UNREACH
        error.err = EHOSTUNREACH
        error.offender = bytes(packet.buf[at + 12 : at + 16])
        self._fill(error, packet.buf, at, header.hlen, packet.tail)
        self._tell(error, header.protocol, now)


def _meaning(message: IcmpMessage) -> tuple[int, bool]:
    if message.kind == ICMP_TIME_EXCEEDED:
        return EHOSTUNREACH, False
    if message.kind == ICMP_PARAMETERPROB:
        return EPROTO, True
    # RFC 1122 3.2.2.1: an unknown code is a host that cannot be reached, as Linux has it.
    return _UNREACHABLE[message.code] if message.code < len(_UNREACHABLE) else (EHOSTUNREACH, False)
