"""Neighbour unreachability detection, RFC 4861 7.3 with Linux's times."""

from errno import EHOSTUNREACH, EINVAL, ENOBUFS

import pytest

from usernet.core.const import SECOND
from usernet.ip.address import parse_ip
from usernet.ip.const import (
    NUD_DELAY,
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
)
from usernet.ip.neigh import Neighbour

from .world import BROADCAST, MAC, OTHER, PEER, World, arp, segment

PEER_ADDRESS = parse_ip("10.0.0.2")


def entry(world: World, address: bytes = PEER_ADDRESS) -> Neighbour:
    neighbour = world.eth0.neighbours.get(address)
    assert neighbour is not None
    return neighbour


def resolved(world: World) -> Neighbour:
    world.send("10.0.0.2", b"first")
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    world.frames()
    assert entry(world).state == NUD_REACHABLE
    return entry(world)


def stale(world: World) -> Neighbour:
    neighbour = resolved(world)
    world.advance(s=46)
    assert neighbour.state == NUD_STALE
    return neighbour


def test_an_unknown_neighbour_is_asked_and_the_packet_waits() -> None:
    world = World()
    assert world.send("10.0.0.2", b"hello") == 0
    to, message = world.expect_arp()
    assert to == BROADCAST
    assert message == arp(1, MAC, "10.0.0.1", "10.0.0.2")
    assert entry(world).state == NUD_INCOMPLETE
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    seen = world.expect()
    assert (seen.to, seen.payload) == (PEER, b"hello")
    assert entry(world).state == NUD_REACHABLE


def test_packets_wait_in_order_and_one_question_serves_them_all() -> None:
    world = World()
    for n in range(5):
        world.send("10.0.0.2", b"%d" % n)
    world.expect_arp()
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    assert [frame[-1:] for frame in world.frames()] == [b"0", b"1", b"2", b"3", b"4"]


def test_the_question_is_repeated_each_second_and_given_up_after_three() -> None:
    world = World()
    world.send("10.0.0.2", b"12345678")
    for _ in range(2):
        assert world.expect_arp()[0] == BROADCAST
        world.advance(ms=999)
        world.expect_nothing()
        world.advance(ms=1)
    world.expect_arp()
    world.advance(s=1)
    world.expect_nothing()
    assert entry(world).state == NUD_FAILED
    assert world.context.pool.used == 0


def test_who_cannot_be_resolved_is_reported_to_the_transport_as_linux_does() -> None:
    world = World()
    world.send("10.0.0.2", b"12345678")
    world.advance(s=3)
    (error,) = world.udp.errors
    assert (error.err, error.fatal, error.kind, error.code) == (EHOSTUNREACH, False, 3, 1)
    assert bytes(error.buf[error.l4 : error.end]) == b"12345678"
    at = error.addr_off
    assert bytes(error.buf[at : at + 8]) == parse_ip("10.0.0.1") + PEER_ADDRESS
    assert world.drops["neigh_unreachable"] == 1


def test_failed_starts_over_with_the_next_packet() -> None:
    world = World()
    world.send("10.0.0.2", b"12345678")
    world.advance(s=3)
    world.frames()
    world.send("10.0.0.2", b"12345678")
    assert world.expect_arp()[0] == BROADCAST
    assert entry(world).state == NUD_INCOMPLETE


def test_the_queue_is_bounded_and_the_oldest_goes() -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.neigh.default.unres_qlen_bytes", 3 * 128)
    for n in range(5):
        world.send("10.0.0.2", b"%d" % n + bytes(99))
    assert world.drops["neigh_queue_full"] == 2
    assert world.context.pool.used == 360
    world.frames()
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    assert [frame[34:35] for frame in world.frames()] == [b"2", b"3", b"4"]
    assert world.context.pool.used == 0


def test_waiting_packets_are_charged_to_the_pool() -> None:
    world = World(pool=1000)
    assert world.send("10.0.0.2", bytes(900)) == 0
    assert world.send("10.0.0.3", bytes(900)) == -ENOBUFS


def test_reachable_grows_stale_after_half_to_one_and_a_half_of_the_base_time() -> None:
    world = World()
    neighbour = resolved(world)
    world.advance(s=14)
    assert neighbour.state == NUD_REACHABLE
    world.advance(s=32)
    assert neighbour.state == NUD_STALE
    world.expect_nothing()


def test_a_stale_neighbour_is_sent_to_at_once_and_probed_after_five_seconds() -> None:
    world = World()
    neighbour = stale(world)
    world.send("10.0.0.2", b"x")
    assert world.expect().to == PEER
    assert neighbour.state == NUD_DELAY
    world.advance(ms=4999)
    world.expect_nothing()
    world.advance(ms=1)
    assert neighbour.state == NUD_PROBE
    assert world.expect_arp() == (PEER, arp(1, MAC, "10.0.0.1", "10.0.0.2"))
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    assert neighbour.state == NUD_REACHABLE


def test_while_probed_packets_still_go_to_the_old_address() -> None:
    world = World()
    neighbour = stale(world)
    world.send("10.0.0.2", b"x")
    world.advance(s=5)
    world.frames()
    assert neighbour.state == NUD_PROBE
    world.send("10.0.0.2", b"y")
    assert world.expect().to == PEER


def test_three_unicast_probes_without_answer_fail_the_neighbour() -> None:
    world = World()
    neighbour = stale(world)
    world.send("10.0.0.2", b"x")
    world.frames()
    world.advance(s=5)
    for _ in range(3):
        assert world.expect_arp()[0] == PEER
        world.advance(s=1)
    world.expect_nothing()
    assert neighbour.state == NUD_FAILED


def test_mcast_resolicit_broadcasts_after_the_unicast_probes() -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.neigh.default.mcast_resolicit", 1)
    stale(world)
    world.send("10.0.0.2", b"x")
    world.frames()
    world.advance(s=5)
    to = []
    for _ in range(4):
        to.append(world.expect_arp()[0])
        world.advance(s=1)
    assert to == [PEER, PEER, PEER, BROADCAST]


def test_rfc4861_7_3_1_a_hint_from_above_confirms_without_a_probe() -> None:
    world = World()
    neighbour = stale(world)
    world.send("10.0.0.2", b"x")
    world.frames()
    world.ip.confirm(world.ip.path(PEER_ADDRESS, None, 0), world.now + SECOND)
    world.advance(s=5)
    assert neighbour.state == NUD_REACHABLE
    world.expect_nothing()


def test_hints_keep_a_neighbour_reachable() -> None:
    world = World()
    neighbour = resolved(world)
    path = world.ip.path(PEER_ADDRESS, None, 0)
    for _ in range(20):
        world.advance(s=10)
        world.ip.confirm(path, world.now)
        assert neighbour.state == NUD_REACHABLE
    world.expect_nothing()


def test_a_permanent_entry_never_changes() -> None:
    world = World()
    world.knows_peer()
    world.gets_arp(arp(1, OTHER, "10.0.0.2", "10.0.0.1"))
    world.frames()
    assert entry(world).state == NUD_PERMANENT
    world.advance(s=1000)
    world.send("10.0.0.2", b"x")
    assert world.expect().to == PEER


def test_making_an_entry_permanent_sends_what_waited() -> None:
    world = World()
    world.send("10.0.0.2", b"x")
    world.expect_arp()
    world.knows_peer()
    assert world.expect().to == PEER
    world.advance(s=10)
    world.expect_nothing()


def test_a_removed_neighbour_is_asked_for_anew_over_the_same_path() -> None:
    world = World()
    path = world.ip.path(PEER_ADDRESS, None, 0)
    neighbour = resolved(world)
    assert world.eth0.neighbours.remove(PEER_ADDRESS)
    assert neighbour.dead
    assert path.alive
    world.ip.send(path, segment(b"x"), world.now)
    assert world.expect_arp()[0] == BROADCAST
    assert not world.eth0.neighbours.remove(parse_ip("10.0.0.3"))


def test_the_table_is_bounded_and_the_longest_unchanged_stale_entries_go_first() -> None:
    world = World(address="10.0.0.1/8")
    resolved(world)
    for n in range(3000):
        world.gets_arp(arp(1, OTHER, f"10.1.{n >> 8}.{n & 255}", "10.0.0.1"))
        world.now += 1000
    table = world.eth0.neighbours
    assert len(table) <= 1024
    assert world.drops["neigh_collected"] >= 1976
    assert table.get(PEER_ADDRESS) is not None
    assert table.get(parse_ip("10.1.0.0")) is None
    assert table.get(parse_ip("10.1.11.183")) is not None


def test_a_table_full_of_entries_in_use_refuses_new_ones() -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.neigh.default.gc_thresh3", 4)
    for n in range(4):
        assert world.send(f"10.0.0.{n + 10}", b"12345678") == 0
    assert world.send("10.0.0.99", b"12345678") == -ENOBUFS
    assert world.drops["neigh_table_full"] == 1
    assert world.context.counters.ip.OutDiscards == 1
    with pytest.raises(OSError) as raised:
        world.knows_peer()
    assert raised.value.errno == ENOBUFS
    world.advance(s=3)
    assert world.send("10.0.0.99", b"12345678") == 0


def test_no_entry_leaves_a_timer_behind() -> None:
    world = World()
    world.send("10.0.0.2", b"x")
    world.eth0.neighbours.clear()
    assert len(world.timers) == 0
    assert world.context.pool.used == 0
    assert world.drops["neigh_removed"] == 1


def test_broadcast_and_multicast_need_no_question() -> None:
    world = World()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    world.send("255.255.255.255", b"x")
    assert world.expect().to == BROADCAST
    world.send("10.0.0.255", b"x")
    assert world.expect().to == BROADCAST
    world.send("224.0.0.251", b"x")
    seen = world.expect()
    assert seen.to.hex(":") == "01:00:5e:00:00:fb"
    assert seen.header.ttl == 1
    ext = world.context.counters.ip_ext
    assert (ext.OutBcastPkts, ext.OutMcastPkts) == (2, 1)


@pytest.mark.parametrize("lladdr", [b"", b"\x02\0\0\0\0", bytes(8)])
def test_a_hardware_address_of_the_wrong_length_is_refused(lladdr: bytes) -> None:
    world = World()
    with pytest.raises(OSError) as caught:
        world.eth0.neighbours.add_static(b"\x0a\0\0\2", lladdr)
    assert caught.value.errno == EINVAL
    assert len(world.eth0.neighbours) == 0
