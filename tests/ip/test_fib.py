import ipaddress
from errno import EEXIST, EINVAL, ENETUNREACH, ESRCH

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.ip.address import network_of, parse_ip
from usernet.link.const import IFF_UP

from .world import PEER, Wire, World


def found(world: World, dst: str) -> tuple[str, str | None] | None:
    route = world.ip.fib.lookup(parse_ip(dst), 0)
    if route is None:
        return None
    return str(ipaddress.ip_address(route.prefix)), route.gateway and str(ipaddress.ip_address(route.gateway))


def test_the_longest_prefix_wins() -> None:
    world = World()
    add = world.ip.fib.add
    add(bytes(4), 0, parse_ip("10.0.0.254"), world.eth0)
    add(parse_ip("192.168.0.0"), 16, parse_ip("10.0.0.2"), world.eth0)
    add(parse_ip("192.168.7.0"), 24, parse_ip("10.0.0.3"), world.eth0)
    add(parse_ip("192.168.7.9"), 32, parse_ip("10.0.0.4"), world.eth0)
    assert found(world, "192.168.7.9") == ("192.168.7.9", "10.0.0.4")
    assert found(world, "192.168.7.8") == ("192.168.7.0", "10.0.0.3")
    assert found(world, "192.168.8.1") == ("192.168.0.0", "10.0.0.2")
    assert found(world, "1.1.1.1") == ("0.0.0.0", "10.0.0.254")
    assert found(world, "10.0.0.77") == ("10.0.0.0", None)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=30),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=10),
)
def test_lookup_agrees_with_a_linear_search(prefixes: list[tuple[int, int]], destinations: list[int]) -> None:
    world = World(address=None)
    networks = {(network_of(number.to_bytes(4, "big"), length), length) for number, length in prefixes}
    for prefix, length in networks:
        world.ip.fib.add(prefix, length, None, world.eth0)
    for number in [*destinations, *(n for n, _ in prefixes)]:
        dst = number.to_bytes(4, "big")
        best = max((length for prefix, length in networks if network_of(dst, length) == prefix), default=-1)
        route = world.ip.fib.lookup(dst, 0)
        assert (route.prefixlen if route else -1) == best


def test_the_lowest_metric_wins_and_the_next_takes_over() -> None:
    world = World()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.3"), world.eth0, metric=200)
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0, metric=100)
    assert found(world, "9.9.9.9") == ("0.0.0.0", "10.0.0.2")
    world.ip.fib.remove(bytes(4), 0, metric=100)
    assert found(world, "9.9.9.9") == ("0.0.0.0", "10.0.0.3")


def test_routes_out_of_an_interface_that_is_down_are_passed_over() -> None:
    world = World()
    second = Wire("eth1", PEER)
    eth1 = world.ip.add_device(second)
    eth1.add_address(parse_ip("10.1.0.1"), 24)
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0, metric=1)
    world.ip.fib.add(bytes(4), 0, parse_ip("10.1.0.2"), eth1, metric=2)
    world.wire.flags &= ~IFF_UP
    assert found(world, "9.9.9.9") == ("0.0.0.0", "10.1.0.2")


def test_oif_asks_for_one_interface() -> None:
    world = World()
    eth1 = world.ip.add_device(Wire("eth1", PEER))
    eth1.add_address(parse_ip("10.0.0.7"), 24)
    for interface in (world.eth0, eth1):
        route = world.ip.fib.lookup(parse_ip("10.0.0.9"), interface.index)
        assert route is not None and route.interface is interface


def test_mistakes_get_linux_errno() -> None:
    world = World()
    fib = world.ip.fib
    fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    for errno, call in (
        (EEXIST, lambda: fib.add(bytes(4), 0, parse_ip("10.0.0.3"), world.eth0)),
        (EINVAL, lambda: fib.add(parse_ip("10.9.0.1"), 16, None, world.eth0)),
        (EINVAL, lambda: fib.add(parse_ip("10.9.0.0"), 33, None, world.eth0)),
        (EINVAL, lambda: fib.add(parse_ip("10.9.0.0"), 16, None, None)),
        (EINVAL, lambda: fib.add(parse_ip("10.9.0.0"), 16, bytes(16), world.eth0)),
        (ENETUNREACH, lambda: fib.add(parse_ip("10.9.0.0"), 16, parse_ip("11.0.0.1"), world.eth0)),
        (ESRCH, lambda: fib.remove(parse_ip("10.9.0.0"), 16)),
    ):
        with pytest.raises(OSError) as raised:
            call()
        assert raised.value.errno == errno


def test_an_onlink_gateway_needs_no_network_of_ours() -> None:
    world = World(address="10.0.0.1/32")
    world.ip.fib.add(bytes(4), 0, parse_ip("192.0.2.1"), world.eth0, onlink=True)
    assert found(world, "9.9.9.9") == ("0.0.0.0", "192.0.2.1")


def test_without_an_interface_the_gateway_names_it() -> None:
    world = World()
    route = world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), None)
    assert route.interface is world.eth0


def test_routes_are_listed_default_first() -> None:
    world = World()
    world.ip.fib.add(parse_ip("192.168.0.0"), 16, parse_ip("10.0.0.2"), world.eth0)
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    assert [(str(ipaddress.ip_address(r.prefix)), r.prefixlen) for r in world.ip.fib] == [
        ("0.0.0.0", 0),
        ("10.0.0.0", 24),
        ("192.168.0.0", 16),
    ]
