"""What IPv4 output writes, cuts and counts: RFC 791, RFC 6864, RFC 1122 3.2.1."""

from errno import EMSGSIZE

from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.const import CSUM_PARTIAL, GSO_TCPV4
from usernet.core.packet import View
from usernet.ip.address import parse_ip
from usernet.link.const import IFF_NOARP

from .world import OTHER, PEER, TCP, Wire, World, see, segment


def ready(mtu: int = 1500) -> World:
    world = World(mtu=mtu)
    world.knows_peer()
    return world


def test_the_header_carries_what_the_transport_asked_for() -> None:
    world = ready()
    packet = segment(b"payload", TCP, df=True)
    packet.tos, packet.ttl = 0x12, 7
    path = world.ip.path(parse_ip("10.0.0.2"), None, 0)
    assert world.ip.send(path, packet, world.now) == 0
    seen = world.expect()
    assert (seen.to, seen.src, seen.dst, seen.payload) == (PEER, "10.0.0.1", "10.0.0.2", b"payload")
    header = seen.header
    assert (header.tos, header.ttl, header.protocol, header.df, header.ident) == (0x12, 7, TCP, True, 0)
    counters = world.context.counters
    assert (counters.ip.OutRequests, counters.ip.OutTransmits, counters.ip_ext.OutOctets) == (1, 1, 27)


def test_the_default_ttl_is_a_sysctl() -> None:
    world = ready()
    world.send("10.0.0.2", b"")
    assert world.expect().header.ttl == 64
    world.context.sysctl.set("net.ipv4.ip_default_ttl", 3)
    world.send("10.0.0.2", b"")
    assert world.expect().header.ttl == 3


def test_offsets_are_left_for_the_device() -> None:
    world = ready()
    world.send("10.0.0.2", b"x")
    (packet,) = world.wire.frames
    assert (packet.head, packet.l3 - packet.head, packet.l4 - packet.head) == (packet.head, 14, 34)
    assert packet.addr_off == packet.l3 + 12
    assert packet.device is None


def test_rfc6864_4_1_datagrams_that_may_be_fragmented_have_distinct_identifications() -> None:
    world = ready()
    seen = []
    for _ in range(100):
        world.send("10.0.0.2", b"x")
        seen.append(world.expect().header.ident)
    assert len(set(seen)) == 100


def test_identifications_towards_two_hosts_are_unrelated() -> None:
    world = ready()
    world.knows_peer("10.0.0.3")
    world.send("10.0.0.2", b"x")
    first = world.expect().header.ident
    for _ in range(10):
        world.send("10.0.0.3", b"x")
    world.frames()
    world.send("10.0.0.2", b"x")
    assert world.expect().header.ident == (first + 1) & 0xFFFF


def test_df_and_too_long_is_emsgsize() -> None:
    world = ready()
    assert world.send("10.0.0.2", bytes(1480), df=True) == 0
    assert world.expect().header.total_length == 1500
    assert world.send("10.0.0.2", bytes(1481), df=True) == -EMSGSIZE
    world.expect_nothing()
    assert world.context.counters.ip.FragFails == 1


def test_no_datagram_is_longer_than_65535() -> None:
    world = ready()
    assert world.send("10.0.0.2", bytes(65515)) == 0
    assert world.send("10.0.0.2", bytes(65516)) == -EMSGSIZE
    assert world.drops["ip_too_long"] == 1


def test_rfc791_3_2_fragments_are_cut_at_eight_octets() -> None:
    world = ready(mtu=100)
    world.send("10.0.0.2", bytes(range(200)))
    seen = [see(frame) for frame in world.frames()]
    assert [(s.header.offset, len(s.payload), s.header.mf) for s in seen] == [
        (0, 80, True),
        (80, 80, True),
        (160, 40, False),
    ]
    assert b"".join(s.payload for s in seen) == bytes(range(200))
    assert len({s.header.ident for s in seen}) == 1
    ip = world.context.counters.ip
    assert (ip.FragOKs, ip.FragCreates, ip.OutRequests, ip.OutTransmits) == (1, 3, 1, 3)


@settings(max_examples=40)
@given(st.integers(0, 20000), st.integers(68, 1500))
def test_what_one_stack_cuts_the_other_puts_together(size: int, mtu: int) -> None:
    sender = ready(mtu=max(mtu, size // 200 + 28))
    receiver = World(address="10.0.0.2/24")
    payload = bytes(n * 7 & 0xFF for n in range(size))
    assert sender.send("10.0.0.2", payload) == 0
    for frame in sender.frames():
        assert len(frame) - 14 <= sender.wire.mtu
        receiver.gets(frame[14:])
    assert receiver.udp.payloads() == [payload]
    assert receiver.context.pool.used == 0


def test_fragments_carry_a_finished_transport_checksum() -> None:
    world = ready(mtu=100)
    packet = segment(b"\0\0" + bytes(range(198)))
    packet.add_frag(View(b"tail", 0, 4))
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, packet.head, 0
    world.ip.send(world.ip.path(parse_ip("10.0.0.2"), None, 0), packet, world.now)
    frames = world.wire.frames
    assert all(frame.csum != CSUM_PARTIAL for frame in frames)
    payload = b"".join(see(frame).payload for frame in world.frames())
    assert payload[2:] == bytes(range(198)) + b"tail"
    assert payload[:2] != b"\0\0"


def test_a_super_segment_passes_whole() -> None:
    world = ready()
    packet = segment(bytes(20), TCP, df=True)
    packet.add_frag(View(bytes(60000), 0, 60000))
    packet.gso_size, packet.gso_type, packet.csum = 1460, GSO_TCPV4, CSUM_PARTIAL
    packet.csum_start, packet.csum_offset = packet.head, 16
    assert world.ip.send(world.ip.path(parse_ip("10.0.0.2"), None, 0), packet, world.now) == 0
    (sent,) = world.wire.frames
    assert (sent.gso_size, sent.csum, sent.csum_start) == (1460, CSUM_PARTIAL, sent.l4)
    assert world.expect().header.total_length == 60040


def test_a_packet_without_headroom_is_given_some() -> None:
    world = ready()
    packet = segment(b"x")
    packet.buf, packet.head, packet.tail, packet.l4 = bytearray(b"x"), 0, 1, 0
    world.ip.send(world.ip.path(parse_ip("10.0.0.2"), None, 0), packet, world.now)
    assert world.expect().payload == b"x"


def test_the_gateway_gets_what_is_for_elsewhere() -> None:
    world = ready()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    world.send("9.9.9.9", b"x")
    seen = world.expect()
    assert (seen.to, seen.dst) == (PEER, "9.9.9.9")


def test_a_device_without_arp_is_sent_to_without_asking() -> None:
    world = ready()
    tunnel = Wire("eth1", OTHER)
    tunnel.flags |= IFF_NOARP
    eth1 = world.ip.add_device(tunnel)
    eth1.add_address(parse_ip("10.1.0.1"), 24)
    world.send("10.1.0.2", b"x")
    assert world.expect(tunnel).payload == b"x"


def test_a_device_without_link_header_is_given_bare_datagrams() -> None:
    world = ready()
    tun = Wire("tun0", b"")
    world.ip.add_device(tun).add_address(parse_ip("10.1.0.1"), 24)
    world.send("10.1.0.2", b"x")
    (datagram,) = world.frames(tun)
    assert datagram[:1] == b"\x45" and datagram[20:] == b"x"
