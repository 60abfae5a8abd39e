"""Whom ARP answers and believes: RFC 826, RFC 5227 and Linux's arp_process."""

from usernet.ip.address import parse_ip
from usernet.ip.arp import announce
from usernet.ip.const import NUD_REACHABLE, NUD_STALE
from usernet.wire.ip_const import ETH_BROADCAST

from .world import BROADCAST, MAC, OTHER, PEER, Wire, World, arp

PEER_ADDRESS = parse_ip("10.0.0.2")


def test_a_request_for_our_address_is_answered_and_the_asker_learnt() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "10.0.0.2", "10.0.0.1"), to=BROADCAST)
    assert world.expect_arp() == (PEER, arp(2, MAC, "10.0.0.1", "10.0.0.2", PEER))
    neighbour = world.eth0.neighbours.get(PEER_ADDRESS)
    assert neighbour is not None
    assert (neighbour.state, neighbour.lladdr) == (NUD_STALE, PEER)


def test_a_request_for_another_host_is_neither_answered_nor_learnt() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "10.0.0.2", "10.0.0.3"), to=BROADCAST)
    world.expect_nothing()
    assert len(world.eth0.neighbours) == 0


def test_an_answer_nobody_asked_for_teaches_nothing() -> None:
    world = World()
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    assert len(world.eth0.neighbours) == 0
    assert world.drops["arp_unasked"] == 1


def test_rfc5227_1_1_a_probe_is_answered_and_teaches_nothing() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "0.0.0.0", "10.0.0.1"), to=BROADCAST)
    assert world.expect_arp() == (PEER, arp(2, MAC, "10.0.0.1", "0.0.0.0", PEER))
    assert len(world.eth0.neighbours) == 0


def test_rfc5227_2_4_a_station_with_our_address_is_counted_and_not_believed() -> None:
    world = World()
    for op in (1, 2):
        world.gets_arp(arp(op, OTHER, "10.0.0.1", "10.0.0.1"), to=BROADCAST)
    world.expect_nothing()
    assert world.drops["arp_conflict"] == 2
    assert len(world.eth0.neighbours) == 0


def test_our_own_frame_coming_back_is_no_conflict() -> None:
    world = World()
    world.gets_arp(arp(1, MAC, "10.0.0.1", "10.0.0.1"), to=BROADCAST)
    assert world.drops == {"arp_own_frame": 1}


def test_a_gratuitous_arp_moves_a_neighbour_we_know() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "10.0.0.2", "10.0.0.1"))
    world.frames()
    world.gets_arp(arp(1, OTHER, "10.0.0.2", "10.0.0.2"), to=BROADCAST)
    neighbour = world.eth0.neighbours.get(PEER_ADDRESS)
    assert neighbour is not None
    assert (neighbour.lladdr, neighbour.state) == (OTHER, NUD_STALE)
    world.send("10.0.0.2", b"x")
    assert world.expect().to == OTHER


def test_a_gratuitous_arp_of_a_stranger_is_ignored() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "10.0.0.2", "10.0.0.2"), to=BROADCAST)
    assert len(world.eth0.neighbours) == 0


def test_within_a_second_the_first_answer_holds() -> None:
    world = World()
    world.send("10.0.0.2", b"x")
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC))
    world.gets_arp(arp(2, OTHER, "10.0.0.2", "10.0.0.1", MAC))
    neighbour = world.eth0.neighbours.get(PEER_ADDRESS)
    assert neighbour is not None and neighbour.lladdr == PEER
    world.advance(ms=1001)
    world.gets_arp(arp(2, OTHER, "10.0.0.2", "10.0.0.1", MAC))
    assert neighbour.lladdr == OTHER


def test_a_broadcast_answer_does_not_prove_reachability() -> None:
    world = World()
    world.send("10.0.0.2", b"x")
    world.frames()
    world.gets_arp(arp(2, PEER, "10.0.0.2", "10.0.0.1", MAC), to=BROADCAST)
    neighbour = world.eth0.neighbours.get(PEER_ADDRESS)
    assert neighbour is not None and neighbour.state != NUD_REACHABLE
    assert world.expect().to == PEER


def test_the_question_comes_from_the_address_the_packet_comes_from() -> None:
    world = World()
    world.eth0.add_address(parse_ip("10.0.0.9"), 24)
    world.send("10.0.0.2", b"x", src="10.0.0.9")
    assert world.expect_arp()[1].spa == parse_ip("10.0.0.9")
    world.send("10.0.0.3", b"x", src="10.0.0.1")
    assert world.expect_arp()[1].spa == parse_ip("10.0.0.1")


def test_proxy_arp_answers_for_what_is_behind_another_interface() -> None:
    world = World()
    eth1 = world.ip.add_device(Wire("eth1", OTHER))
    eth1.add_address(parse_ip("10.1.0.1"), 24)
    world.eth0.proxy_arp = True
    world.gets_arp(arp(1, PEER, "10.0.0.2", "10.1.0.5"), to=BROADCAST)
    assert world.expect_arp() == (PEER, arp(2, MAC, "10.1.0.5", "10.0.0.2", PEER))
    for target in ("10.0.0.5", "10.0.0.2", "9.9.9.9", "255.255.255.255"):
        world.gets_arp(arp(1, PEER, "10.0.0.2", target), to=BROADCAST)
        world.expect_nothing()


def test_a_transparent_gateway_answers_for_everywhere_but_its_own_link() -> None:
    world = World()
    world.eth0.proxy_arp = world.eth0.accept_all = True
    world.gets_arp(arp(1, PEER, "10.0.0.2", "9.9.9.9"), to=BROADCAST)
    assert world.expect_arp()[1].spa == parse_ip("9.9.9.9")
    for message in (
        arp(1, PEER, "10.0.0.2", "10.0.0.5"),
        arp(1, PEER, "0.0.0.0", "9.9.9.9"),
        arp(1, PEER, "9.9.9.9", "9.9.9.9"),
    ):
        world.gets_arp(message, to=BROADCAST)
        world.expect_nothing()


def test_loopback_addresses_are_not_given_away() -> None:
    world = World()
    world.gets_arp(arp(1, PEER, "10.0.0.2", "127.0.0.1"), to=BROADCAST)
    world.expect_nothing()


def test_malformed_messages_are_counted() -> None:
    world = World()
    for message in (
        arp(3, PEER, "10.0.0.2", "10.0.0.1"),
        arp(1, ETH_BROADCAST, "10.0.0.2", "10.0.0.1"),
        arp(1, PEER, "224.0.0.1", "10.0.0.1"),
    ):
        world.gets_arp(message)
    world.deliver(MAC + PEER + b"\x08\x06" + bytes(27))
    assert world.drops == {"arp_malformed": 4}


def test_rfc5227_3_an_announcement_has_our_address_twice() -> None:
    world = World()
    announce(world.eth0, parse_ip("10.0.0.1"), world.now)
    assert world.expect_arp() == (BROADCAST, arp(1, MAC, "10.0.0.1", "10.0.0.1"))
