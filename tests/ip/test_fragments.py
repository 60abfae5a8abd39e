"""Reassembly: RFC 791 3.2, RFC 815, RFC 5722, RFC 3168 5.3, and its bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .world import PEER, World, ipv4

DATA = bytes(range(64))


def piece(start: int, end: int, *, ident: int = 7, more: bool | None = None, tos: int = 0, data: bytes = DATA) -> bytes:
    more = end < len(data) if more is None else more
    return ipv4("10.0.0.2", "10.0.0.1", data[start:end], ident=ident, mf=more, offset=start, tos=tos)


def counters(world: World) -> tuple[int, int, int]:
    ip = world.context.counters.ip
    return ip.ReasmReqds, ip.ReasmOKs, ip.ReasmFails


@settings(max_examples=50)
@given(st.permutations(range(8)), st.booleans())
def test_pieces_in_any_order_make_the_whole(order: list[int], doubled: bool) -> None:
    world = World()
    for n in order:
        world.gets(piece(n * 8, n * 8 + 8))
        if doubled and n != order[-1]:
            world.gets(piece(n * 8, n * 8 + 8))
    assert world.udp.payloads() == [DATA]
    assert world.context.counters.ip.ReasmOKs == 1
    assert world.context.pool.used == 0


def test_the_whole_carries_the_header_of_the_first_fragment() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", DATA[32:], ident=7, offset=32, ttl=9))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", DATA[:32], ident=7, mf=True, ttl=11, options=b"\x94\x04\0\0"))
    (packet,) = world.udp.got
    assert packet.ttl == 11
    assert packet.l4 - packet.l3 == 24
    total = int.from_bytes(packet.buf[packet.l3 + 2 : packet.l3 + 4], "big")
    assert total == packet.tail - packet.l3 == 24 + 64
    assert packet.device is world.wire


def test_datagrams_are_told_apart_by_identification_protocol_and_addresses() -> None:
    world = World()
    world.gets(piece(0, 32, ident=1))
    world.gets(piece(32, 64, ident=2))
    world.gets(ipv4("10.0.0.3", "10.0.0.1", DATA[32:], ident=1, offset=32))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", DATA[32:], ident=1, offset=32, protocol=6))
    assert world.udp.got == world.tcp.got == []
    world.gets(piece(32, 64, ident=1))
    assert world.udp.payloads() == [DATA]


@pytest.mark.parametrize(("start", "end"), [(8, 24), (0, 8), (24, 40), (8, 32), (0, 64)])
def test_rfc5722_3_an_overlap_spoils_the_datagram_and_all_that_follows(start: int, end: int) -> None:
    world = World()
    world.gets(piece(0, 16))
    world.gets(piece(16, 32))
    world.gets(piece(start, end, more=True))
    world.gets(piece(32, 64))
    world.gets(piece(0, 32))
    assert world.udp.got == []
    assert world.context.counters.ip_ext.ReasmOverlaps == 1
    assert world.drops["ip_fragment_overlap"] == 1
    assert world.drops["ip_fragment_spoiled"] == 2
    world.advance(s=30)
    assert world.context.pool.used == 0
    world.expect_nothing()


def test_an_exact_duplicate_is_harmless() -> None:
    world = World()
    world.gets(piece(0, 32))
    world.gets(piece(0, 32))
    world.gets(piece(32, 64))
    assert world.udp.payloads() == [DATA]
    assert world.drops == {"ip_fragment_duplicate": 1}


def test_the_end_is_said_once() -> None:
    world = World()
    world.gets(piece(32, 64))
    world.gets(piece(64, 72, data=bytes(80), more=True))
    world.gets(piece(64, 80, data=bytes(80)))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", DATA[:16], ident=7, offset=16))
    assert world.drops == {"ip_fragment_bad_length": 3}
    world.gets(piece(0, 32))
    assert world.udp.payloads() == [DATA]


def test_ping_of_death_a_datagram_beyond_65535_is_refused() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", bytes(64), ident=7, offset=65528))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", bytes(8), ident=7, offset=65504 + 8, mf=True))
    assert world.drops == {"ip_fragment_bad_length": 2}
    assert world.context.pool.used == 0


def test_ping_of_death_by_the_options_of_the_first_fragment_is_refused() -> None:
    # The header of the whole is the first fragment's; the others are longer by what theirs is shorter.
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", bytes(8), ident=7, mf=True, options=bytes(40)))
    for start in range(8, 65512, 1456):
        end = min(start + 1456, 65512)
        world.gets(ipv4("10.0.0.2", "10.0.0.1", bytes(end - start), ident=7, offset=start, mf=end < 65512))
    assert world.drops == {"ip_fragment_bad_length": 1}
    assert world.udp.payloads() == []
    assert world.context.pool.used == 0


def test_an_empty_or_odd_fragment_does_not_confuse() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"", ident=7, mf=True))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"1234567", ident=7, mf=True))
    assert world.drops == {"ip_fragment_bad_length": 2}
    world.gets(ipv4("10.0.0.2", "10.0.0.1", DATA[:12], ident=7, mf=True))
    world.gets(piece(8, 64))
    assert world.udp.payloads() == [DATA]


def test_rfc1858_a_tiny_first_fragment_gives_a_whole_transport_header() -> None:
    world = World()
    for start in range(0, 64, 8):
        world.gets(piece(start, start + 8))
    (packet,) = world.udp.got
    assert packet.frags is None
    assert packet.tail - packet.l4 == 64


def test_after_thirty_seconds_the_pieces_go_and_the_sender_is_told() -> None:
    world = World()
    world.knows_peer()
    first = piece(0, 32)
    world.gets(piece(40, 48))
    world.gets(first)
    world.advance(ms=29999)
    world.expect_nothing()
    world.advance(ms=1)
    seen = world.expect()
    assert (seen.to, seen.dst, seen.payload[:2], seen.payload[8:]) == (PEER, "10.0.0.2", b"\x0b\x01", first)
    assert world.context.counters.ip.ReasmTimeout == 1
    assert counters(world) == (2, 0, 1)
    assert world.context.pool.used == 0
    world.gets(piece(32, 64))
    assert world.udp.got == []


def test_without_the_first_fragment_nobody_is_told() -> None:
    world = World()
    world.knows_peer()
    world.gets(piece(32, 64))
    world.advance(s=30)
    world.expect_nothing()
    assert world.context.counters.ip.ReasmTimeout == 1


def test_each_datagram_has_its_own_thirty_seconds() -> None:
    world = World()
    world.gets(piece(32, 64, ident=1))
    world.advance(s=20)
    world.gets(piece(32, 64, ident=2))
    world.advance(s=10)
    assert world.context.counters.ip.ReasmTimeout == 1
    world.gets(piece(0, 32, ident=2))
    assert world.udp.payloads() == [DATA]


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.ipfrag_high_thresh", 20000)
    for ident in range(1000):
        world.gets(piece(0, 32, ident=ident))
        assert world.context.pool.used <= 20000
    assert world.drops["ip_fragment_evicted"] >= 980
    world.gets(piece(32, 64, ident=0))
    assert world.udp.got == []
    world.gets(piece(32, 64, ident=999))
    assert world.udp.payloads() == [DATA]


def test_a_pool_that_is_full_refuses_fragments() -> None:
    world = World(pool=600)
    world.gets(piece(0, 32))
    assert world.drops == {"ip_fragment_no_memory": 1}
    assert world.context.counters.ip.ReasmFails == 1


def test_a_datagram_in_too_many_pieces_is_refused() -> None:
    world = World()
    data = bytes(8 * 300)
    for n in range(257):
        world.gets(piece(n * 8, n * 8 + 8, data=data))
    assert world.drops["ip_fragment_too_many"] == 1
    assert world.context.pool.used == 512


@pytest.mark.parametrize(
    ("tos", "whole"),
    [((2, 2), 2), ((1, 1), 1), ((2, 3), 3), ((1, 3), 3), ((3, 3), 3), ((0, 0), 0), ((0, 3), None), ((0, 2), None)],
)
def test_rfc3168_5_3_congestion_marks_of_fragments_are_combined(tos: tuple[int, int], whole: int | None) -> None:
    world = World()
    world.gets(piece(0, 32, tos=tos[0]))
    world.gets(piece(32, 64, tos=tos[1]))
    if whole is None:
        assert world.udp.got == []
        assert world.drops == {"ip_fragment_ecn": 1}
    else:
        assert world.udp.got[0].tos == whole
    assert world.context.pool.used == 0


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), max_size=25))
def test_whatever_pieces_come_what_is_delivered_was_sent(pieces: list[tuple[int, int, bool]]) -> None:
    world = World()
    data = bytes(range(96))
    for start, size, more in pieces:
        world.gets(
            ipv4("10.0.0.2", "10.0.0.1", data[start * 8 : (start + size) * 8], ident=7, mf=more, offset=start * 8)
        )
    for payload in world.udp.payloads():
        assert data.startswith(payload) or payload in data  # an unfragmented one starts anywhere
    world.advance(s=60)
    assert world.context.pool.used == 0
    assert len(world.timers) == 0
