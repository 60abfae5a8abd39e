"""Path MTU discovery: RFC 1191, with Linux's bounds."""

from errno import EMSGSIZE

import pytest

from usernet.ip.address import parse_ip
from usernet.ip.pmtu import MAX_EXCEPTIONS, PLATEAUS, plateau_below

from .world import ICMP, World, icmp, ipv4, see

PEER_ADDRESS = parse_ip("9.9.9.9")


def ready() -> World:
    world = World()
    world.knows_peer()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    return world


def mtu(world: World) -> int:
    return world.ip.path(PEER_ADDRESS, None, 0).mtu


def test_a_report_alone_changes_nothing_the_transport_must_believe_it() -> None:
    world = ready()
    body = ipv4("10.0.0.1", "9.9.9.9", bytes(1400), df=True)[:28]
    world.gets(ipv4("10.0.0.2", "10.0.0.1", icmp(3, 4, 1280, body), protocol=ICMP))
    (error,) = world.udp.errors
    assert (error.err, error.info) == (EMSGSIZE, 1280)
    assert mtu(world) == 1500


def test_a_believed_report_lowers_the_path_and_kills_it() -> None:
    world = ready()
    path = world.ip.path(PEER_ADDRESS, None, 0)
    other = world.ip.path(parse_ip("9.9.9.8"), None, 0)
    world.ip.update_pmtu(PEER_ADDRESS, 1280, world.now)
    assert not path.alive and other.alive
    assert mtu(world) == 1280
    assert world.send("9.9.9.9", bytes(1261), df=True) == -EMSGSIZE
    assert world.send("9.9.9.9", bytes(1260), df=True) == 0


@pytest.mark.parametrize("reported", [1500, 1501, 9000, 65535])
def test_rfc1191_6_3_a_report_never_raises_the_mtu(reported: int) -> None:
    world = ready()
    path = world.ip.path(PEER_ADDRESS, None, 0)
    world.ip.update_pmtu(PEER_ADDRESS, reported, world.now)
    assert path.alive and mtu(world) == 1500


def test_below_min_pmtu_routers_are_left_to_fragment() -> None:
    world = ready()
    world.ip.update_pmtu(PEER_ADDRESS, 68, world.now)
    assert mtu(world) == 552
    assert world.send("9.9.9.9", bytes(532), df=True) == 0
    assert not world.expect().header.df
    assert world.send("9.9.9.9", bytes(1000), df=True) == 0
    assert [see(frame).header.total_length for frame in world.frames()] == [548, 492]


def test_after_ten_minutes_a_larger_mtu_gets_its_chance() -> None:
    world = ready()
    world.ip.update_pmtu(PEER_ADDRESS, 1280, world.now)
    world.advance(s=300)
    world.ip.update_pmtu(parse_ip("9.9.9.8"), 1000, world.now)
    path = world.ip.path(PEER_ADDRESS, None, 0)
    world.advance(s=299)
    assert path.alive and mtu(world) == 1280
    world.advance(s=1)
    assert not path.alive and mtu(world) == 1500
    assert world.ip.path(parse_ip("9.9.9.8"), None, 0).mtu == 1000
    world.advance(s=300)
    assert len(world.ip.pmtus) == 0


def test_a_smaller_report_starts_the_ten_minutes_anew() -> None:
    world = ready()
    world.ip.update_pmtu(PEER_ADDRESS, 1280, world.now)
    world.advance(s=300)
    world.ip.update_pmtu(PEER_ADDRESS, 1000, world.now)
    world.advance(s=301)
    assert mtu(world) == 1000
    assert [entry[:2] for entry in world.ip.pmtus] == [(PEER_ADDRESS, 1000)]


def test_the_table_is_bounded() -> None:
    world = ready()
    for n in range(MAX_EXCEPTIONS + 10):
        world.ip.update_pmtu((0x0B000000 + n).to_bytes(4, "big"), 1280, world.now)
    assert len(world.ip.pmtus) == MAX_EXCEPTIONS
    assert world.drops["pmtu_table_full"] == 10


def test_a_report_about_nowhere_is_ignored() -> None:
    world = World()
    world.ip.update_pmtu(PEER_ADDRESS, 1280, world.now)
    assert len(world.ip.pmtus) == 0


def test_rfc1191_5_routers_that_name_no_mtu_leave_us_to_guess() -> None:
    world = ready()
    body = ipv4("10.0.0.1", "9.9.9.9", bytes(1480), df=True)[:28]
    world.gets(ipv4("10.0.0.2", "10.0.0.1", icmp(3, 4, 0, body), protocol=ICMP))
    assert world.udp.errors[0].info == 1492


def test_rfc1191_7_1_plateaus() -> None:
    assert [plateau_below(n) for n in (65536, 65535, 4352, 1500, 1492, 576, 68, 0)] == [
        65535, 32000, 2002, 1492, 1006, 508, 68, 68,
    ]  # fmt: skip
    assert list(PLATEAUS) == sorted(PLATEAUS, reverse=True)
