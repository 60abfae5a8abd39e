"""Forwarding: RFC 1812 5.2 and 5.3."""

import pytest

from usernet.core.checksum import checksum
from usernet.core.const import CSUM_PARTIAL, GSO_TCPV4, SECOND
from usernet.core.packet import Packet, View
from usernet.ip.address import parse_ip
from usernet.wire.ethernet import emit_ethernet
from usernet.wire.ipv4 import fix_checksum

from .world import BROADCAST, MAC, OTHER, PEER, TCP, UDP, Wire, World, ipv4, see

FAR = b"\x02\0\0\0\0\x09"


class Router(World):
    """10.0.0.1/24 on eth0, 10.1.0.1/24 on eth1, and a host on each side."""

    def __init__(self, mtu: int = 1500) -> None:
        super().__init__()
        self.context.sysctl.set("net.ipv4.ip_forward", 1)
        self.far = Wire("eth1", OTHER, mtu)
        self.eth1 = self.ip.add_device(self.far)
        self.eth1.add_address(parse_ip("10.1.0.1"), 24)
        self.eth1.neighbours.add_static(parse_ip("10.1.0.2"), FAR, self.now)
        self.knows_peer()


def test_a_packet_goes_on_with_one_hop_less() -> None:
    router = Router()
    router.gets(ipv4("10.0.0.2", "10.1.0.2", b"x", ttl=2, tos=0x2A, ident=77, options=b"\x94\x04\0\0"))
    seen = router.expect(router.far)
    assert (seen.to, seen.src, seen.dst, seen.payload) == (FAR, "10.0.0.2", "10.1.0.2", b"x")
    assert (seen.header.ttl, seen.header.tos, seen.header.ident, seen.header.hlen) == (1, 0x2A, 77, 24)
    ip = router.context.counters.ip
    assert (ip.ForwDatagrams, ip.OutTransmits, ip.OutRequests, ip.InDelivers) == (1, 1, 0, 0)


def test_rfc1624_the_checksum_follows_the_ttl_for_every_header() -> None:
    router = Router()
    for ident in range(0, 0x10000, 251):
        router.gets(ipv4("10.0.0.2", "10.1.0.2", ident=ident))
    for frame in router.frames(router.far):
        assert checksum(frame, 14, 34, 0) == 0


def test_the_last_hop_is_reported_from_our_side_of_the_link() -> None:
    router = Router()
    datagram = ipv4("10.0.0.2", "10.1.0.2", b"8 octets", ttl=1)
    router.gets(datagram)
    router.expect_nothing(router.far)
    seen = router.expect()
    assert (seen.to, seen.src, seen.payload[:2], seen.payload[8:]) == (PEER, "10.0.0.1", b"\x0b\0", datagram)
    assert router.context.counters.ip.InHdrErrors == 1


def test_no_route_is_net_unreachable() -> None:
    router = Router()
    router.gets(ipv4("10.0.0.2", "9.9.9.9", b"8 octets"))
    assert router.expect().payload[:2] == b"\x03\0"
    assert router.context.counters.ip_ext.InNoRoutes == 1
    assert router.context.counters.ip.OutNoRoutes == 0


def test_without_ip_forward_nothing_goes_on() -> None:
    router = Router()
    router.context.sysctl.set("net.ipv4.ip_forward", 0)
    assert not router.ip.forward
    router.gets(ipv4("10.0.0.2", "10.1.0.2", b"x"))
    router.expect_nothing(router.far)
    router.expect_nothing()
    assert router.context.counters.ip.InAddrErrors == 1


def test_rfc1812_5_3_4_what_came_as_broadcast_does_not_go_on() -> None:
    router = Router()
    router.gets(ipv4("10.0.0.2", "10.1.0.2", b"x"), to=BROADCAST)
    router.gets(ipv4("10.0.0.2", "10.1.0.255", b"x"))
    router.expect_nothing(router.far)


def test_rfc1191_4_too_big_and_df_is_reported_with_the_mtu() -> None:
    router = Router(mtu=1280)
    router.gets(ipv4("10.0.0.2", "10.1.0.2", bytes(1400), df=True))
    router.expect_nothing(router.far)
    seen = router.expect()
    assert seen.payload[:2] == b"\x03\x04"
    assert int.from_bytes(seen.payload[4:8], "big") == 1280
    assert router.context.counters.ip.FragFails == 1


def test_too_big_without_df_is_cut_options_and_all() -> None:
    router = Router(mtu=576)
    options = bytes([148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0])
    router.gets(ipv4("10.0.0.2", "10.1.0.2", bytes(1400), options=options, ident=9))
    seen = [see(frame) for frame in router.frames(router.far)]
    assert [(s.header.hlen, s.header.offset, s.header.mf) for s in seen] == [
        (32, 0, True),
        (24, 544, True),
        (24, 1096, False),
    ]
    assert {s.header.ident for s in seen} == {9}
    assert sum(len(s.payload) for s in seen) == 1400


def test_a_fragment_is_cut_further_and_stays_in_its_place() -> None:
    router = Router(mtu=100)
    router.gets(ipv4("10.0.0.2", "10.1.0.2", bytes(160), offset=800, mf=True))
    assert [(s.header.offset, s.header.mf) for s in map(see, router.frames(router.far))] == [(800, True), (880, True)]


def super_segment(size: int, df: bool) -> Packet:
    tcp = bytearray(20)
    tcp[12] = 0x50
    frame = emit_ethernet(MAC, PEER, 0x0800) + ipv4(
        "10.0.0.2", "10.1.0.2", bytes(tcp) + bytes(4000), protocol=TCP, df=df
    )
    packet = Packet(bytearray(frame[:54]), 0, 54)
    packet.add_frag(View(frame, 54, len(frame)))
    packet.gso_size, packet.gso_type = size, GSO_TCPV4
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, 34, 16
    return packet


def test_a_super_segment_whose_pieces_fit_goes_on_whole() -> None:
    router = Router(mtu=1040)
    router.deliver_packet(super_segment(1000, df=True))
    (packet,) = router.far.frames
    assert (packet.gso_size, packet.csum) == (1000, CSUM_PARTIAL)
    assert router.expect(router.far).header.total_length == 4040


def test_a_super_segment_whose_pieces_do_not_fit_is_reported() -> None:
    router = Router(mtu=1039)
    router.deliver_packet(super_segment(1000, df=True))
    router.expect_nothing(router.far)
    assert router.expect().payload[:2] == b"\x03\x04"


def test_a_super_segment_that_may_be_cut_is_cut_twice() -> None:
    router = Router(mtu=576)
    router.deliver_packet(super_segment(1000, df=False))
    seen = [see(frame) for frame in router.frames(router.far)]
    assert [s.header.offset for s in seen] == [0, 552] * 4
    assert all(s.header.total_length <= 576 for s in seen)


def test_a_next_hop_that_does_not_answer_is_host_unreachable_for_the_sender() -> None:
    router = Router()
    router.gets(ipv4("10.0.0.2", "10.1.0.77", b"8 octets"))
    router.frames(router.far)
    router.advance(s=3)
    seen = router.expect()
    assert (seen.to, seen.dst, seen.payload[:2]) == (PEER, "10.0.0.2", b"\x03\x01")
    assert router.udp.errors == []
    assert router.now > SECOND


@pytest.mark.parametrize("size", [20, 39, 53])
def test_what_calls_itself_a_super_segment_and_is_none_goes_nowhere(size: int) -> None:
    router = Router(mtu=576)
    packet = super_segment(1000, df=False)
    packet.frags, packet.frags_len = None, 0
    packet.buf[16:18] = (size).to_bytes(2, "big")
    fix_checksum(packet.buf, 14)
    packet.tail = len(packet.buf)
    if size > 39:
        packet.buf[14 + 9] = UDP
        packet.buf += bytes(size)
        packet.tail = len(packet.buf)
        fix_checksum(packet.buf, 14)
    router.deliver_packet(packet)
    router.expect_nothing(router.far)
    assert router.drops == {"ip_bad_offload": 1}


def test_a_super_segment_whose_data_offset_lies_is_not_cut() -> None:
    router = Router(mtu=576)
    packet = super_segment(1000, df=False)
    packet.buf[14 + 20 + 12] = 0x10
    router.deliver_packet(packet)
    router.expect_nothing(router.far)
    assert router.drops == {"ip_bad_offload": 1}


@pytest.mark.parametrize("start, offset", [(14, 10), (33, 16), (34, 4019), (0, 0)])
def test_a_checksum_to_be_finished_outside_the_transport_goes_nowhere(start: int, offset: int) -> None:
    router = Router()
    packet = super_segment(1000, df=True)
    packet.linearize()
    packet.csum_start, packet.csum_offset = start, offset
    router.deliver_packet(packet)
    router.expect_nothing(router.far)
    assert router.drops == {"ip_bad_offload": 1}
