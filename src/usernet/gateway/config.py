"""What a ``user:`` URL says: the guest's network, who answers in it, and the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class UserConfig:
    """The settings of one user-mode network; addresses as slirp lays them out (.2 gateway, .3 DNS, .15 guest)."""

    net: IPv4Network
    gateway: IPv4Address
    dns: IPv4Address
    guest: IPv4Address
    host_loopback: bool = True
    mtu: int = 1500
    max_tcp: int = 4096
    max_udp: int = 1024

    @property
    def answers_dns(self) -> bool:
        """False when the guest was told of a name server outside its network, which it reaches as any other host."""
        return self.dns in self.net


def parse_url(url: str) -> UserConfig:
    """``user:?net=10.0.2.0/24&gateway=A&dns=A&guest=A&host_loopback=0|1&mtu=N&max_tcp=N&max_udp=N``, each optional.

    Raises ValueError saying which word is wrong.
    """
    scheme, _, rest = url.partition(":")
    if scheme != "user" or rest[:1] not in ("", "?"):
        raise ValueError(f"{url!r} is no user: device; write user: or user:?net=10.0.2.0/24&mtu=1500")
    try:
        words = dict(parse_qsl(rest[1:], keep_blank_values=True, strict_parsing=bool(rest[1:])))
    except ValueError:
        raise ValueError(f"{url!r}: after the ? come name=value pairs joined by &") from None
    try:
        net = IPv4Network(words.pop("net", "10.0.2.0/24"))
        if net.prefixlen > 27:
            raise ValueError(f"{net} has no room for a gateway at .2 and a guest at .15; take a /27 or larger")
        config = UserConfig(
            net,
            gateway=_inside(net, "gateway", words.pop("gateway", str(net[2]))),
            dns=IPv4Address(words.pop("dns", str(net[3]))),
            guest=_inside(net, "guest", words.pop("guest", str(net[15]))),
            host_loopback=_number("host_loopback", words.pop("host_loopback", "1"), 0, 1) == 1,
            mtu=_number("mtu", words.pop("mtu", "1500"), 576, 65521),
            max_tcp=_number("max_tcp", words.pop("max_tcp", "4096"), 1, 1 << 20),
            max_udp=_number("max_udp", words.pop("max_udp", "1024"), 1, 1 << 20),
        )
    except (AddressValueError, NetmaskValueError) as error:
        raise ValueError(f"{url!r}: {error}") from None
    if words:
        raise ValueError(f"{url!r}: unknown word {min(words)!r}")
    if len({config.gateway, config.dns, config.guest}) < 3:
        raise ValueError(f"{url!r}: gateway, dns and guest need an address each")
    return config


def _inside(net: IPv4Network, name: str, text: str) -> IPv4Address:
    address = IPv4Address(text)
    if address not in net or address in (net.network_address, net.broadcast_address):
        raise ValueError(f"{name}={text} is no host address of {net}")
    return address


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ValueError(f"{name}={text}: a number from {low} to {high} is expected")
    return int(text)
