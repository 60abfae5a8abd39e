"""Nat: what the parts of one user-mode network share: where addresses lead, the bounds, the counts."""

from __future__ import annotations

from dataclasses import dataclass
from errno import EACCES, ECONNREFUSED, EHOSTUNREACH, EMFILE, ENETUNREACH, ENFILE, EPERM
from typing import TYPE_CHECKING

from ..host import Stack
from ..tcp.settings import Settings
from ..wire.ip_const import ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PORT_UNREACH
from .resolver import Resolver
from .runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.packet import Packet
    from ..host import Host
    from .config import UserConfig
    from .flows import FlowTable
    from .kernel import Socket
    from .runner import Relay

    Connect = Callable[[str, int, int], tuple[Socket, int]]

LOOPBACK = "127.0.0.1"
# RFC 1812 5.2.7.1: communication administratively prohibited.
ICMP_PKT_FILTERED = 13
# What the kernel says of a destination, and the ICMP code that says it to the guest.
UNREACHABLE = {
    ECONNREFUSED: ICMP_PORT_UNREACH,
    EHOSTUNREACH: ICMP_HOST_UNREACH,
    ENETUNREACH: ICMP_NET_UNREACH,
    EACCES: ICMP_PKT_FILTERED,
    EPERM: ICMP_PKT_FILTERED,
}


@dataclass(slots=True)
class NatStats:
    """What went through. ``in`` counts towards the guest, ``out`` away from it."""

    bytes_in: int = 0
    bytes_out: int = 0
    datagrams_in: int = 0
    datagrams_out: int = 0
    dns_answered: int = 0
    dns_forwarded: int = 0
    echo_in: int = 0
    echo_out: int = 0
    tcp_accepted: int = 0
    tcp_connected: int = 0
    tcp_refused: int = 0
    tcp_resets: int = 0


class GatewayStack(Stack):
    """The stack that plays the rest of the world to a guest. It ends when the guest's own connections have ended."""

    def __init__(self, host: Host) -> None:
        super().__init__(f"user-gateway{len(host.stacks)}", host)
        self.relays: dict[Relay, None] = {}

    def has_unsent(self) -> bool:
        """True while a guest or the kernel has yet to get what the other sent. The host's lock is held."""
        return super().has_unsent() or any(relay.has_unsent() for relay in self.relays)

    def close_connections(self) -> None:
        """Nothing: these connections are the guest's, and end with it."""


class Nat:
    """One user-mode network seen from inside."""

    __slots__ = (
        "_gateway", "_net_high", "_net_low", "buffer", "config", "counters", "dns", "flows", "gateway", "guest", "host",
        "relays", "resolver", "runner", "stack", "stats",
    )  # fmt: skip

    def __init__(self, host: Host, stack: GatewayStack, config: UserConfig, flows: FlowTable) -> None:
        self.host = host
        self.stack = stack
        self.config = config
        self.gateway: bytes = config.gateway.packed
        self.dns: bytes = config.dns.packed
        self.guest: bytes = config.guest.packed
        self._net_low: bytes = config.net.network_address.packed
        self._net_high: bytes = config.net.broadcast_address.packed
        self.counters = stack.context.counters
        self.runner = Runner(host.timers)
        self.resolver = Resolver(config)
        self.flows = flows
        self.relays = stack.relays
        self.stats = NatStats()
        # What is on its way from a Tcb to a kernel socket within one turn; one turn runs at a time.
        self.buffer = memoryview(bytearray(256 * 1024))

    def in_net(self, address: bytes) -> bool:
        """True for an address of the guest's network."""
        return self._net_low <= address <= self._net_high

    def destination(self, address: bytes) -> str | None:
        """The machine's address for one the guest sends to; None where nothing of the guest's may go.

        The gateway's own address is the machine itself, at its loopback address. Addresses that mean "this host" to
        the kernel (0/8, 127/8) would be a way around host_loopback=0; multicast and broadcast stay inside.
        """
        if len(address) != 4:
            return None
        if address == self.gateway:
            return LOOPBACK if self.config.host_loopback else None
        if self.in_net(address) or address[0] in (0, 127) or address[0] >= 224:
            return None
        return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}"

    def source(self, ip: str) -> bytes:
        """The address under which the guest sees a client of a published port: its own, where that can be answered."""
        try:
            address = bytes(int(part) for part in ip.split("."))
        except ValueError:
            return self.gateway
        if len(address) != 4 or address[0] in (0, 127) or self.in_net(address):
            return self.gateway
        return address

    def unreachable(self, packet: Packet, err: int, now: int) -> None:
        """Tell the guest by ICMP what the kernel said of where this packet of its was to go."""
        code = UNREACHABLE.get(err)
        if code is None:
            self.counters.drop("gateway_unreachable")
        else:
            # A port is unreachable at the destination itself, a host or a network at the router, which is us.
            delivered = code == ICMP_PORT_UNREACH
            self.stack.ip.icmp.send_error(packet, ICMP_DEST_UNREACH, code, 0, delivered, now)

    def settings(self) -> Settings:
        """Settings of a gateway-side Tcb: a relay adds no Nagle delay of its own."""
        settings = Settings()
        settings.nodelay = True
        return settings

    def has_room(self) -> bool:
        """True while one more TCP connection may be relayed; a refusal is counted."""
        if len(self.relays) < self.config.max_tcp:
            return True
        self.counters.drop("gateway_tcp_full")
        return False

    def open(self, make: Connect, ip: str, port: int, proto: int) -> tuple[Socket, int]:
        """A kernel socket from ``make``; without a descriptor left, the oldest datagram flow gives its own.

        Raises OSError(EMFILE, ENFILE), counted, when that does not help.
        """
        try:
            return make(ip, port, proto)
        except OSError as error:
            if error.errno not in (EMFILE, ENFILE):
                raise
        if self.flows.evict():
            try:
                return make(ip, port, proto)
            except OSError as error:
                if error.errno not in (EMFILE, ENFILE):
                    raise
        self.counters.drop("gateway_no_descriptors")
        raise OSError(EMFILE, "no descriptor left for a connection of the guest")
