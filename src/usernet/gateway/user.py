"""``user:``: a network with no privilege, as slirp lays it out.

The guest's stack is cabled to a gateway stack of the same host that answers for every address: it ends the guest's
connections and carries their octets over the machine's own sockets. Addresses as slirp's: 10.0.2.0/24, the gateway
and the machine itself at .2, DNS at .3, the guest at .15.
"""

from __future__ import annotations

from dataclasses import asdict
from errno import EINVAL
from typing import TYPE_CHECKING

from ..link.device import random_address
from ..link.veth import Veth
from .config import UserConfig, parse_url
from .dns import DnsService
from .echo import OutboundEcho, ping_allowed
from .flows import FlowTable
from .nat import GatewayStack, Nat
from .outbound import OutboundTcp
from .publish import Publication, TcpPublication, UdpPublication
from .resolver import PORT as DNS_PORT
from .udp import OutboundUdp

if TYPE_CHECKING:
    from ..host import Host

__all__ = ["UserNet", "open_user", "ping_allowed"]


class UserDevice(Veth):
    """An end of the cable; ``net`` is the network it belongs to. Closing the gateway's end takes the network down."""

    __slots__ = ("closes_net", "net")

    def __init__(self, name: str, mtu: int, address: bytes) -> None:
        super().__init__(name, mtu, address)
        self.kind = "user"
        self.net: UserNet | None = None
        self.closes_net = False

    def close(self) -> None:
        """Unplug; a network without its gateway end is no more."""
        super().close()
        if self.closes_net and self.net is not None:
            self.net.shut()


class UserNet:
    """One user-mode network: what a guest is told, and the ports published to the machine.

    ``device`` is the guest's end of the cable. ``publish``, ``unpublish``, ``close`` and ``stats`` take the host's lock
    themselves, from any thread.
    """

    def __init__(self, host: Host, config: UserConfig) -> None:
        self._host = host
        self._ports: dict[tuple[str, str, int], Publication] = {}
        self._closed = False
        stack = GatewayStack(host)
        self._stack = stack
        self._nat = Nat(host, stack, config, FlowTable(config.max_udp))
        entropy = stack.context.entropy
        self.device = UserDevice("user0", config.mtu, random_address(entropy))
        inner = UserDevice("gateway0", config.mtu, random_address(entropy))
        self.device.peer, inner.peer = inner, self.device
        self.device.net = inner.net = self
        inner.closes_net = True
        self._inner = inner
        self.guest_address = f"{config.guest}/{config.net.prefixlen}"
        self.gateway = str(config.gateway)
        self.dns = str(config.dns)
        self._configure(config)

    def _configure(self, config: UserConfig) -> None:
        stack, nat = self._stack, self._nat
        sysctl = stack.context.sysctl
        # The dialling side of published ports: every port may be a client's, and one may return soon.
        sysctl.set("net.ipv4.ip_unprivileged_port_start", 0)
        sysctl.set("net.ipv4.ip_local_port_range", (1024, 65535))
        sysctl.set("net.ipv4.tcp_tw_reuse", 1)
        # One gateway reports for all the hosts of the world.
        sysctl.set("net.ipv4.icmp_ratelimit", 0)
        interface = stack.add_device(self._inner)
        interface.accept_all = True
        interface.add_address(nat.gateway, config.net.prefixlen)
        services = {}
        if config.answers_dns:
            interface.add_address(nat.dns, config.net.prefixlen)
            services[nat.dns, DNS_PORT] = DnsService(nat)
        stack.tcp.forwarder = OutboundTcp(nat, dict(services))
        stack.udp.forwarder = OutboundUdp(nat, dict(services))
        stack.ip.echo_forwarder = OutboundEcho(nat)

    def __repr__(self) -> str:
        return f"<usernet.UserNet guest {self.guest_address}, {len(self._ports)} ports published>"

    def publish(self, bind_ip: str, port: int, guest_port: int, proto: str = "tcp") -> int:
        """Let the machine's clients reach a port of the guest; returns the machine's port, drawn by the kernel for 0.

        ``bind_ip`` is a literal address of the machine, ``""`` meaning 0.0.0.0. Raises OSError as bind(2) does
        (EADDRINUSE, EADDRNOTAVAIL, EACCES), EINVAL for a protocol other than tcp and udp or a port out of range.
        """
        kinds: dict[str, type[TcpPublication | UdpPublication]] = {"tcp": TcpPublication, "udp": UdpPublication}
        if proto not in kinds or not 0 <= port <= 65535 or not 1 <= guest_port <= 65535:
            raise OSError(EINVAL, f"cannot publish {proto} port {port}:{guest_port}")
        ip = bind_ip or "0.0.0.0"
        with self._host.lock:
            publication = kinds[proto](self._nat, ip, port, guest_port)
            self._ports[proto, ip, publication.port] = publication
            return publication.port

    def unpublish(self, bind_ip: str, port: int, proto: str = "tcp") -> None:
        """Take no new client in at this port of the machine; those who are in stay. A port not published is ignored."""
        with self._host.lock:
            publication = self._ports.pop((proto, bind_ip or "0.0.0.0", port), None)
            if publication is not None:
                publication.close()

    def published(self) -> list[tuple[str, str, int, int]]:
        """Every published port: protocol, the machine's address and port, the guest's port."""
        return [(proto, ip, port, entry.guest_port) for (proto, ip, port), entry in sorted(self._ports.items())]

    def stats(self) -> dict[str, int]:
        """Counts since the start (``in`` is towards the guest), the connections and flows open now, and drops."""
        with self._host.lock:
            nat = self._nat
            numbers: dict[str, int] = asdict(nat.stats)
            numbers["tcp_open"] = len(nat.relays)
            numbers["flows_open"] = len(nat.flows)
            numbers["pool_used"] = self._stack.context.pool.used
            drops = self._stack.context.counters.drops
            return numbers | {f"drop.{name}": count for name, count in sorted(drops.items())}

    def close(self) -> None:
        """Unplug the guest, reset its connections and give every kernel socket back."""
        with self._host.lock:
            self.shut()
            self._inner.close()

    def shut(self) -> None:
        """What close does, for a caller that holds the lock."""
        if self._closed:
            return
        self._closed = True
        nat = self._nat
        now = self._host.now()
        for publication in self._ports.values():
            publication.close()
        self._ports.clear()
        for task in list(nat.relays):
            task.finish(now)
        for flow in nat.flows:
            flow.close()
        nat.runner.stop()


def open_user(host: Host, url: str) -> UserNet:
    """A user-mode network on this host, from a URL as config.parse_url reads it. The host's lock is held.

    Raises ValueError for a URL that makes no sense.
    """
    return UserNet(host, parse_url(url))
