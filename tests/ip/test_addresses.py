from errno import EADDRNOTAVAIL, EEXIST, EINVAL

import pytest

from usernet.ip.address import parse_ip
from usernet.ip.const import RTPROT_KERNEL

from .world import PEER, Wire, World


def routes(world: World) -> list[str]:
    return [repr(route) for route in world.ip.fib]


def test_an_address_brings_its_network() -> None:
    world = World(address="192.0.2.130/25")
    assert routes(world) == ["<Route 192.0.2.128/25 dev eth0>"]
    (route,) = world.ip.fib
    assert (route.protocol, route.src) == (RTPROT_KERNEL, parse_ip("192.0.2.130"))
    assert world.ip.is_local(parse_ip("192.0.2.130"))
    assert not world.ip.is_local(parse_ip("192.0.2.131"))
    assert world.ip.is_broadcast(parse_ip("192.0.2.255"))
    assert not world.ip.is_broadcast(parse_ip("192.0.2.254"))
    assert world.eth0.addresses[0].broadcast == parse_ip("192.0.2.255")


def test_all_of_127_is_ours_and_needs_no_route() -> None:
    world = World(address=None)
    assert routes(world) == []
    assert world.ip.is_local(parse_ip("127.1.2.3"))
    assert world.ip.interfaces[1].addresses[0].broadcast is None


def test_rfc3021_a_31_bit_prefix_has_no_broadcast() -> None:
    world = World(address="192.0.2.0/31")
    assert world.eth0.addresses[0].broadcast is None
    assert not world.ip.is_broadcast(parse_ip("192.0.2.1"))
    assert routes(world) == ["<Route 192.0.2.0/31 dev eth0>"]


def test_a_host_address_brings_no_route() -> None:
    assert routes(World(address="192.0.2.1/32")) == []


def test_a_second_address_of_a_network_shares_its_route_and_inherits_it() -> None:
    world = World()
    world.eth0.add_address(parse_ip("10.0.0.9"), 24)
    assert routes(world) == ["<Route 10.0.0.0/24 dev eth0>"]
    world.eth0.remove_address(parse_ip("10.0.0.1"))
    assert routes(world) == ["<Route 10.0.0.0/24 dev eth0>"]
    (route,) = world.ip.fib
    assert route.src == parse_ip("10.0.0.9")
    assert world.ip.is_broadcast(parse_ip("10.0.0.255"))
    world.eth0.remove_address(parse_ip("10.0.0.9"))
    assert routes(world) == []
    assert not world.ip.is_broadcast(parse_ip("10.0.0.255"))


def test_an_address_on_two_interfaces_stays_ours_until_both_lost_it() -> None:
    world = World()
    eth1 = world.ip.add_device(Wire("eth1", PEER))
    eth1.add_address(parse_ip("10.0.0.1"), 24)
    world.eth0.remove_address(parse_ip("10.0.0.1"))
    assert world.ip.is_local(parse_ip("10.0.0.1"))
    eth1.remove_address(parse_ip("10.0.0.1"))
    assert not world.ip.is_local(parse_ip("10.0.0.1"))


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_an_interface_takes_only_unicast_addresses(text: str) -> None:
    with pytest.raises(OSError) as raised:
        World().eth0.add_address(parse_ip(text), 24)
    assert raised.value.errno == EINVAL


def test_mistakes_get_linux_errno() -> None:
    world = World()
    with pytest.raises(OSError) as raised:
        world.eth0.add_address(parse_ip("10.0.0.1"), 24)
    assert raised.value.errno == EEXIST
    with pytest.raises(OSError) as raised:
        world.eth0.remove_address(parse_ip("10.0.0.2"))
    assert raised.value.errno == EADDRNOTAVAIL


def test_a_device_takes_its_addresses_routes_and_neighbours_along() -> None:
    world = World()
    world.knows_peer()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    path = world.ip.path(parse_ip("10.0.0.2"), None, 0)
    world.ip.remove_device(world.wire)
    assert not path.alive
    assert routes(world) == []
    assert not world.ip.is_local(parse_ip("10.0.0.1"))
    assert world.wire.upper is None
    with pytest.raises(OSError, match="not in this stack"):
        world.ip.remove_device(world.wire)
