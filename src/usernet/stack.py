"""Stack: one network namespace, wired from the floors above (DESIGN decision 2)."""

from __future__ import annotations

from contextvars import ContextVar
from errno import ENODEV

from .core.const import IPPROTO_TCP, IPPROTO_UDP
from .core.context import Context
from .core.entropy import Entropy
from .core.scheduler import Scheduler
from .ip.address import parse_cidr, parse_ip
from .ip.arp import announce
from .ip.interface import Interface
from .ip.layer import IpLayer
from .link.device import Device
from .link.loopback import Loopback
from .raw.ping import Ping
from .tcp.const import CLOSING, FIN_WAIT_1, LAST_ACK
from .tcp.listen import Listener
from .tcp.protocol import Tcp
from .tcp.tcb import Tcb
from .udp.protocol import Udp

# What one stack may queue unless told otherwise; Linux sizes tcp_mem from the machine, we from the process.
DEFAULT_MEMORY = 256 << 20

# Our FIN is out, and not acknowledged.
CLOSING_STATES = (FIN_WAIT_1, CLOSING, LAST_ACK)

# The chain of entered stacks of this thread or task, innermost first.
_entered: ContextVar[tuple[NetStack, object] | None] = ContextVar("usernet_entered_stacks", default=None)


def entered_stack() -> NetStack | None:
    """The stack of the innermost ``with stack:`` around the caller, None outside of all."""
    chain = _entered.get()
    return None if chain is None else chain[0]


class NetStack:
    """Interfaces, addresses, routes, neighbours, ports, settings, counters and memory of one namespace.

    ``lo`` with 127.0.0.1/8 is always there. ``with stack:`` makes it the current one of this thread or task, where
    new sockets live. ``dns`` lists the name servers programs on it ask, none meaning the machine's.
    """

    def __init__(self, name: str, host: Scheduler, entropy: Entropy, memory: int = DEFAULT_MEMORY) -> None:
        self.name = name
        self.host = host
        self.context = Context(host.timers, entropy, memory)
        self.ip = IpLayer(self.context)
        self.tcp = Tcp(self.context, self.ip)
        self.udp = Udp(self.context, self.ip)
        self.ping = Ping(self.context, self.ip)
        self.dns: list[str] = []
        # SO_NETNS_COOKIE, once somebody asked for it.
        self.cookie = 0
        self.ip.register(IPPROTO_TCP, self.tcp)
        self.ip.register(IPPROTO_UDP, self.udp)
        self.ip.echo_handler = self.ping
        loopback = self.add_device(Loopback("lo"))
        loopback.add_address(parse_ip("127.0.0.1"), 8)

    def __repr__(self) -> str:
        return f"<usernet.Stack {self.name!r}>"

    def __enter__(self) -> NetStack:
        _entered.set((self, _entered.get()))
        return self

    def __exit__(self, *exc: object) -> None:
        chain = _entered.get()
        if chain is not None:
            _entered.set(chain[1])  # type: ignore[arg-type]

    @property
    def counters(self) -> object:
        """The stack's counters, as ``nstat`` prints them."""
        return self.context.counters

    @property
    def sysctl(self) -> object:
        """The stack's settings, under Linux's names."""
        return self.context.sysctl

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces in order of their index; ``lo`` first."""
        return [self.ip.interfaces[index] for index in sorted(self.ip.interfaces)]

    def interface(self, name: str) -> Interface:
        """The interface of this name. Raises OSError(ENODEV)."""
        for interface in self.interfaces:
            if interface.name == name:
                return interface
        raise OSError(ENODEV, f"no interface {name!r}; there are {', '.join(i.name for i in self.interfaces)}")

    def add_device(self, device: Device) -> Interface:
        """Give a device to this stack; the host polls it from now on."""
        return self.ip.add_device(device)

    def has_unsent(self) -> bool:
        """True while a peer has yet to acknowledge what was sent to it, or a close. The host's lock is held."""
        return any(
            isinstance(endpoint, Tcb) and (endpoint.outq() > 0 or endpoint.state in CLOSING_STATES)
            for endpoint in self.tcp.tcbs()
        )

    def close_connections(self) -> None:
        """Close every socket's connection, as when a process ends. The host's lock is held."""
        for endpoint in list(self.tcp.tcbs()):
            if isinstance(endpoint, Tcb | Listener) and endpoint.owner is not None:
                endpoint.owner = None
                endpoint.close(self.host.now())

    def configure(self, interface: Interface, address: str | None, gateway: str | None) -> None:
        """Put ``10.7.0.2/24`` on an interface, and a default route through a gateway on its network.

        Raises ValueError for text that is no address, OSError(EEXIST) for an address that is there already,
        OSError(ENETUNREACH) for a gateway no interface reaches.
        """
        if address is not None:
            octets, prefixlen = parse_cidr(address)
            interface.add_address(octets, prefixlen)
            if interface.device.fileno() >= 0 and interface.device.header_len:
                # On a real wire neighbours may remember who had the address before (RFC 5227 2.3).
                announce(interface, octets, self.host.now())
        if gateway is not None:
            via = parse_ip(gateway)
            self.ip.fib.add(bytes(len(via)), 0, via, interface)
