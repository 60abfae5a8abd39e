from errno import EAFNOSUPPORT, EINVAL, ENETUNREACH

import pytest

from usernet.core.checksum import sum16
from usernet.ip.address import format_ip, parse_ip
from usernet.ip.const import MAX_PATHS
from usernet.link.const import IFF_UP

from .world import PEER, Wire, World


def test_a_path_knows_all_a_transport_needs() -> None:
    path = World(mtu=1400).ip.path(parse_ip("10.0.0.2"), None, 0)
    assert (path.family, path.header_len, path.mtu, path.gso_max) == (4, 20, 1400, 65535)
    assert (format_ip(path.src), format_ip(path.dst)) == ("10.0.0.1", "10.0.0.2")
    assert path.alive and not path.local
    assert path.pseudo == sum16(path.src + path.dst, 0, 8, 0)


def test_a_path_is_found_once() -> None:
    world = World()
    assert world.ip.path(parse_ip("10.0.0.2"), None, 0) is world.ip.path(parse_ip("10.0.0.2"), None, 0)


def test_the_preferred_source_of_the_route_is_used() -> None:
    world = World()
    world.eth0.add_address(parse_ip("10.0.0.9"), 24)
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0, src=parse_ip("10.0.0.9"))
    assert world.ip.path(parse_ip("9.9.9.9"), None, 0).src == parse_ip("10.0.0.9")
    assert world.ip.path(parse_ip("9.9.9.9"), parse_ip("10.0.0.1"), 0).src == parse_ip("10.0.0.1")


def test_without_a_preference_the_source_is_on_the_network_of_the_next_hop() -> None:
    world = World()
    world.eth0.add_address(parse_ip("172.16.0.1"), 24)
    world.ip.fib.add(parse_ip("9.0.0.0"), 8, parse_ip("172.16.0.254"), world.eth0)
    assert world.ip.path(parse_ip("9.9.9.9"), None, 0).src == parse_ip("172.16.0.1")


@pytest.mark.parametrize(
    ("dst", "src"),
    [("127.0.0.1", "127.0.0.1"), ("127.5.5.5", "127.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "127.0.0.1")],
)
def test_what_is_for_us_goes_round_by_lo(dst: str, src: str) -> None:
    path = World().ip.path(parse_ip(dst), None, 0)
    assert path.local
    assert path.mtu == 65535
    assert format_ip(path.src) == src


@pytest.mark.parametrize("src", ["10.0.0.2", "255.255.255.255", "10.0.0.255", "224.0.0.1"])
def test_a_source_must_be_ours(src: str) -> None:
    with pytest.raises(OSError) as raised:
        World().ip.path(parse_ip("10.0.0.2"), parse_ip(src), 0)
    assert raised.value.errno == EINVAL


def test_a_transparent_gateway_may_send_from_anywhere() -> None:
    world = World()
    world.eth0.accept_all = True
    assert world.ip.path(parse_ip("10.0.0.2"), parse_ip("8.8.8.8"), 0).src == parse_ip("8.8.8.8")


def test_no_route_is_enetunreach_and_counted() -> None:
    world = World()
    with pytest.raises(OSError) as raised:
        world.ip.path(parse_ip("9.9.9.9"), None, 0)
    assert raised.value.errno == ENETUNREACH
    assert world.context.counters.ip.OutNoRoutes == 1


def test_an_interface_asked_for_needs_no_route() -> None:
    world = World()
    path = world.ip.path(parse_ip("9.9.9.9"), None, world.eth0.index)
    assert path.src == parse_ip("10.0.0.1")
    world.wire.flags &= ~IFF_UP
    world.ip.invalidate()
    with pytest.raises(OSError) as raised:
        world.ip.path(parse_ip("9.9.9.9"), None, world.eth0.index)
    assert raised.value.errno == ENETUNREACH


def test_other_families_are_refused() -> None:
    with pytest.raises(OSError) as raised:
        World().ip.path(bytes(16), None, 0)
    assert raised.value.errno == EAFNOSUPPORT
    with pytest.raises(OSError) as raised:
        World().ip.path(parse_ip("0.1.2.3"), None, 0)
    assert raised.value.errno == EINVAL


def test_a_change_of_routes_or_addresses_kills_paths_and_tells_transports() -> None:
    world = World()
    changes = (
        lambda: world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0),
        lambda: world.ip.fib.remove(bytes(4), 0),
        lambda: world.eth0.add_address(parse_ip("10.5.0.1"), 24),
        lambda: world.eth0.remove_address(parse_ip("10.5.0.1")),
        lambda: world.ip.add_device(Wire("eth1", PEER)),
    )
    for change in changes:
        path = world.ip.path(parse_ip("10.0.0.2"), None, 0)
        before = world.tcp.changes, world.ping.changes
        change()
        assert not path.alive
        assert world.tcp.changes > before[0] and world.ping.changes > before[1]
        assert world.ip.path(parse_ip("10.0.0.2"), None, 0).alive


def test_the_path_cache_is_bounded_and_the_oldest_falls_dead() -> None:
    world = World()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    first = world.ip.path(parse_ip("11.0.0.0"), None, 0)
    for i in range(1, MAX_PATHS):
        world.ip.path((0x0B000000 + i).to_bytes(4, "big"), None, 0)
    assert first.alive
    world.ip.path(parse_ip("12.0.0.0"), None, 0)
    assert not first.alive


def test_a_route_may_have_its_own_mtu() -> None:
    world = World()
    world.ip.fib.add(parse_ip("9.0.0.0"), 8, parse_ip("10.0.0.2"), world.eth0, mtu=1280)
    assert world.ip.path(parse_ip("9.9.9.9"), None, 0).mtu == 1280


def test_an_answer_by_one_interface_leaves_no_path_behind() -> None:
    world = World()
    index = world.eth0.index
    kept = world.ip.path(parse_ip("10.0.0.2"), parse_ip("10.0.0.1"), index)
    for last in range(3, 40):
        path = world.ip.answering(parse_ip(f"10.0.0.{last}"), parse_ip("10.0.0.1"), index)
        assert format_ip(path.dst) == f"10.0.0.{last}"
        assert world.ip.answering(path.dst, path.src, index) is not path
    assert world.ip.answering(kept.dst, kept.src, index) is kept and kept.alive
