"""What IPv4 input takes, refuses and counts: RFC 1122 3.2.1, RFC 1812 5.3.7, Linux's ip_rcv."""

import pytest

from usernet.core.const import CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_TCPV4
from usernet.core.packet import Packet, View
from usernet.ip.address import parse_ip
from usernet.wire.ethernet import emit_ethernet
from usernet.wire.ipv4 import fix_checksum

from .world import BROADCAST, MAC, OTHER, PEER, TCP, UDP, World, ipv4


def test_a_datagram_for_us_reaches_its_transport_with_all_it_needs() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"payload", tos=0x28, ttl=3, df=True))
    (packet,) = world.udp.got
    assert bytes(packet.buf[packet.l4 : packet.tail]) == b"payload"
    assert packet.head == packet.l4 == packet.l3 + 20
    assert bytes(packet.buf[packet.addr_off : packet.addr_off + 8]) == parse_ip("10.0.0.2") + parse_ip("10.0.0.1")
    assert (packet.protocol, packet.tos, packet.ttl, packet.df, packet.addr_len) == (UDP, 0x28, 3, True, 4)
    assert packet.device is world.wire
    ip, ext = world.context.counters.ip, world.context.counters.ip_ext
    assert (ip.InReceives, ip.InDelivers, ext.InOctets, ext.InNoECTPkts) == (1, 1, 27, 1)


def test_ethernet_padding_is_cut_off() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"tiny") + bytes(22))
    assert world.udp.payloads() == [b"tiny"]


def test_padding_behind_by_reference_payload_is_cut_off_too() -> None:
    world = World()
    frame = emit_ethernet(MAC, PEER, 0x0800) + ipv4("10.0.0.2", "10.0.0.1", b"0123456789")
    packet = Packet(bytearray(frame[:40]), 0, 40)
    packet.add_frag(View(frame + b"padding", 40, len(frame) + 7))
    packet.csum = CSUM_PARTIAL
    world.deliver_packet(packet)
    assert world.udp.got[0].csum == CSUM_PARTIAL
    assert world.udp.payloads() == [b"0123456789"]


def test_a_header_in_by_reference_payload_is_read() -> None:
    world = World()
    frame = emit_ethernet(MAC, PEER, 0x0800) + ipv4("10.0.0.2", "10.0.0.1", b"0123456789")
    packet = Packet(bytearray(frame[:20]), 0, 20)
    packet.add_frag(View(frame, 20, len(frame)))
    world.deliver_packet(packet)
    assert world.udp.payloads() == [b"0123456789"]


def test_other_stations_frames_are_not_ours() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1"), to=OTHER)
    assert world.udp.got == []
    assert world.drops == {"ethernet_other_host": 1}
    assert world.context.counters.ip.InReceives == 0


def test_unknown_ether_types_and_short_frames_are_counted() -> None:
    world = World()
    world.deliver(emit_ethernet(MAC, PEER, 0x86DD) + bytes(40))
    world.deliver(bytes(13))
    assert world.drops == {"ethernet_unknown_type": 1, "ethernet_truncated": 1}


@pytest.mark.parametrize(
    ("datagram", "drop", "counters"),
    [
        (ipv4("10.0.0.2", "10.0.0.1")[:19], "ip_header_truncated", {"IpInHdrErrors"}),
        (b"\x55" + ipv4("10.0.0.2", "10.0.0.1")[1:], "ip_malformed_header", {"IpInHdrErrors"}),
        (b"\x44" + ipv4("10.0.0.2", "10.0.0.1")[1:], "ip_malformed_header", {"IpInHdrErrors"}),
        (b"\x45\x01" + ipv4("10.0.0.2", "10.0.0.1")[2:], "ip_bad_checksum", {"IpInHdrErrors", "IpExtInCsumErrors"}),
        (ipv4("10.0.0.2", "10.0.0.1", b"12345")[:-1], "ip_truncated", {"IpExtInTruncatedPkts"}),
        (ipv4("10.0.0.2", "10.0.0.9"), "ip_not_for_us", {"IpInAddrErrors"}),
    ],
)
def test_what_is_wrong_with_a_header_is_counted(datagram: bytes, drop: str, counters: set[str]) -> None:
    world = World()
    world.gets(datagram)
    assert world.drops == {drop: 1}
    counted = {name for name, value in world.context.counters.items() if value and not name.startswith("Drop")}
    assert counted - {"IpInReceives", "IpExtInOctets", "IpExtInNoECTPkts", "IpExtInECT1Pkts"} == counters
    world.expect_nothing()


@pytest.mark.parametrize(
    "src", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "0.1.2.3", "0.0.0.0", "10.0.0.1"]
)
def test_martian_sources_are_dropped(src: str) -> None:
    world = World()
    world.gets(ipv4(src, "10.0.0.1"))
    assert world.udp.got == []
    assert world.drops == {"ip_martian_source": 1}


@pytest.mark.parametrize("dst", ["127.0.0.1", "0.0.0.0", "0.1.2.3"])
def test_martian_destinations_are_dropped(dst: str) -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", dst))
    assert world.udp.got == []
    assert world.drops == {"ip_martian_destination": 1}


def test_a_source_is_validated_anew_when_addresses_change() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"a"))
    world.eth0.add_address(parse_ip("10.0.0.2"), 24)
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"b"))
    assert world.udp.payloads() == [b"a"]


def test_who_has_no_address_yet_may_broadcast() -> None:
    world = World()
    world.gets(ipv4("0.0.0.0", "255.255.255.255", b"discover"), to=BROADCAST)
    assert world.udp.payloads() == [b"discover"]


def test_broadcasts_and_all_systems_are_delivered_and_counted() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "255.255.255.255", b"a"), to=BROADCAST)
    world.gets(ipv4("10.0.0.2", "10.0.0.255", b"b"), to=BROADCAST)
    world.gets(ipv4("10.0.0.2", "224.0.0.1", b"c"), to=b"\x01\x00\x5e\0\0\x01")
    assert world.udp.payloads() == [b"a", b"b", b"c"]
    ext = world.context.counters.ip_ext
    assert (ext.InBcastPkts, ext.InBcastOctets, ext.InMcastPkts, ext.InMcastOctets) == (2, 42, 1, 21)


def test_a_group_is_delivered_only_while_joined() -> None:
    world = World()
    datagram = ipv4("10.0.0.2", "224.0.0.251", b"x")
    world.gets(datagram, to=b"\x01\x00\x5e\0\0\xfb")
    assert world.drops == {"ip_not_in_group": 1}
    world.eth0.groups.add(parse_ip("224.0.0.251"))
    world.gets(datagram, to=b"\x01\x00\x5e\0\0\xfb")
    assert world.udp.payloads() == [b"x"]


def test_rfc1122_3_3_6_a_broadcast_frame_for_one_host_is_dropped() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1"), to=BROADCAST)
    assert world.udp.got == []
    assert world.drops == {"ip_unicast_in_broadcast_frame": 1}


def test_rfc1122_4_2_3_10_tcp_never_hears_of_broadcasts() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "255.255.255.255", bytes(20), protocol=TCP), to=BROADCAST)
    assert world.tcp.got == []
    assert world.drops == {"ip_tcp_not_unicast": 1}


def test_any_of_our_addresses_will_do_whatever_the_interface() -> None:
    world = World()
    world.ip.interfaces[1].add_address(parse_ip("192.0.2.1"), 32)
    world.gets(ipv4("10.0.0.2", "192.0.2.1", b"x"))
    assert world.udp.payloads() == [b"x"]


@pytest.mark.parametrize("options", ["01010101", "94040000", "07070400000000", "e005000000"])
def test_options_without_duties_are_ignored(options: str) -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"x", options=bytes.fromhex(options)))
    assert world.udp.payloads() == [b"x"]


@pytest.mark.parametrize("kind", [131, 137])
def test_rfc7126_4_3_source_routed_packets_are_dropped(kind: int) -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"x", options=bytes([kind, 7, 4, 10, 0, 0, 9])))
    assert world.udp.got == []
    assert world.drops == {"ip_source_route": 1}


def test_bad_options_are_reported_with_a_pointer() -> None:
    world = World()
    world.knows_peer()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"x", options=bytes([1, 7, 2, 0])))
    assert world.udp.got == []
    assert world.context.counters.ip.InHdrErrors == 1
    seen = world.expect()
    assert seen.payload[:2] == b"\x0c\x00"
    assert seen.payload[4] == 20 + 3


def test_the_four_ecn_codepoints_are_counted() -> None:
    world = World()
    for tos in (0, 1, 1, 2, 2, 2, 3, 3, 3, 3):
        world.gets(ipv4("10.0.0.2", "10.0.0.1", tos=tos))
    ext = world.context.counters.ip_ext
    assert (ext.InNoECTPkts, ext.InECT1Pkts, ext.InECT0Pkts, ext.InCEPkts) == (1, 2, 3, 4)


def test_a_super_segment_counts_as_the_packets_it_stands_for() -> None:
    world = World()
    frame = emit_ethernet(MAC, PEER, 0x0800) + ipv4("10.0.0.2", "10.0.0.1", bytes(20 + 64000), protocol=TCP, tos=2)
    packet = Packet(bytearray(frame), 0, len(frame))
    packet.gso_size, packet.gso_type, packet.csum = 1448, GSO_TCPV4, CSUM_UNNECESSARY
    world.deliver_packet(packet)
    (got,) = world.tcp.got
    assert (got.csum, got.gso_size, got.tail - got.l4) == (CSUM_UNNECESSARY, 1448, 64020)
    assert world.context.counters.ip_ext.InECT0Pkts == 45


def test_an_unknown_protocol_is_answered_with_protocol_unreachable() -> None:
    world = World()
    world.knows_peer()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"whatever", protocol=99))
    seen = world.expect()
    assert seen.payload[:2] == b"\x03\x02"
    assert world.context.counters.ip.InUnknownProtos == 1
    assert world.context.counters.ip.InDelivers == 0


def test_strict_and_loose_reverse_path_filters() -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.conf.all.rp_filter", 1)
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"a"))
    world.gets(ipv4("9.9.9.9", "10.0.0.1", b"b"))
    assert world.udp.payloads() == [b"a"]
    assert world.context.counters.tcp_ext.IPReversePathFilter == 1
    world.ip.fib.add(bytes(4), 0, None, world.ip.interfaces[1])
    world.gets(ipv4("9.9.9.9", "10.0.0.1", b"c"))
    assert world.udp.payloads() == []
    world.context.sysctl.set("net.ipv4.conf.all.rp_filter", 2)
    world.gets(ipv4("9.9.9.9", "10.0.0.1", b"d"))
    assert world.udp.payloads() == [b"d"]


def test_accept_all_delivers_any_unicast_destination() -> None:
    world = World()
    world.eth0.accept_all = True
    world.gets(ipv4("10.0.0.2", "8.8.8.8", b"a"))
    world.gets(ipv4("10.0.0.2", "10.0.0.77", b"b"))
    world.gets(ipv4("10.0.0.2", "224.0.0.99", b"c"), to=BROADCAST)
    assert world.udp.payloads() == [b"a", b"b"]


def test_what_we_send_to_ourselves_comes_back_by_lo() -> None:
    world = World()
    world.send("10.0.0.1", b"me")
    world.send("127.0.0.1", b"lo")
    world.expect_nothing()
    world.loop()
    assert world.udp.payloads() == [b"me", b"lo"]


def test_a_device_without_link_header_gives_bare_datagrams() -> None:
    world = World()
    datagram = ipv4("127.0.0.1", "127.0.0.1", b"x")
    world.lo.deliver(Packet(bytearray(datagram), 0, len(datagram)), world.now)
    assert world.udp.payloads() == [b"x"]
    world.lo.deliver(Packet(bytearray(b"\x60" + bytes(39)), 0, 40), world.now)
    world.lo.deliver(Packet(bytearray(), 0, 0), world.now)
    assert world.drops == {"ethernet_unknown_type": 2}


def test_a_corrupted_total_length_never_reaches_beyond_the_frame() -> None:
    world = World()
    for total in range(40):
        datagram = bytearray(ipv4("10.0.0.2", "10.0.0.1", b"0123456789"))
        datagram[2:4] = total.to_bytes(2, "big")
        fix_checksum(datagram, 0)
        world.gets(bytes(datagram))
    assert world.udp.payloads() == [b"0123456789"[:n] for n in range(11)]
