"""UDP endpoints: names, demultiplexing, queue bound, ICMP errors, fragments."""

from __future__ import annotations

import errno
import itertools

import pytest

from sockets.world import Net, World, octets
from usernet.core.datagramqueue import payload
from usernet.core.packet import Packet
from usernet.core.sender import IcmpError
from usernet.udp.const import PMTUDISC_DO, PMTUDISC_DONT, REUSEADDR, REUSEPORT
from usernet.udp.endpoint import UdpEndpoint
from usernet.udp.protocol import UdpForwarder

A, B = octets("10.0.0.1"), octets("10.0.0.2")


def endpoint(net: Net, port: int = 0, address: bytes = b"", sharing: int = 0) -> UdpEndpoint:
    made = net.udp.open(None, 4)
    made.sharing = sharing
    made.bind(address, port)
    return made


def exchange(world: World, source: UdpEndpoint, data: bytes, dst: bytes, port: int) -> int:
    with world.lock:
        sent = source.send(data, dst, port, world.now())
    world.settle()
    return sent


def received(one: UdpEndpoint) -> list[bytes]:
    out = []
    while (packet := one.recv(False)) is not None:
        out.append(payload(packet, packet.l4 + 8, 65535))
    return out


def fails(err: int, call: object, *args: object) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)  # type: ignore[operator]
    assert caught.value.errno == err


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 2048, 2049, 9000, 65507])
def test_datagrams_of_every_size_arrive_whole(world: World, ends: tuple[Net, Net], size: int) -> None:
    a, b = ends
    data = bytes(i * 7 & 0xFF for i in range(size))
    server = endpoint(b, 53)
    assert exchange(world, endpoint(a), data, B, 53) == size
    assert received(server) == [data]
    assert a.context.counters.udp.OutDatagrams == b.context.counters.udp.InDatagrams == 1


def test_too_long_for_an_ip_datagram_is_emsgsize(world: World, ends: tuple[Net, Net]) -> None:
    assert exchange(world, endpoint(ends[0]), bytes(65508), B, 53) == -errno.EMSGSIZE


def test_pmtudisc_do_refuses_what_would_be_fragmented(world: World, ends: tuple[Net, Net]) -> None:
    one = endpoint(ends[0])
    one.df_mode = PMTUDISC_DO
    assert exchange(world, one, bytes(1473), B, 53) == -errno.EMSGSIZE
    assert exchange(world, one, bytes(1472), B, 53) == 1472


def test_pmtudisc_want_sets_df_only_on_what_fits(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = endpoint(b, 53)
    one = endpoint(a)
    exchange(world, one, b"small", B, 53)
    packet = server.recv(False)
    assert packet is not None and packet.buf[packet.l3 + 6] & 0x40
    one.df_mode = PMTUDISC_DONT
    exchange(world, one, b"small", B, 53)
    packet = server.recv(False)
    assert packet is not None and not packet.buf[packet.l3 + 6] & 0x40


def test_a_connected_endpoint_hears_its_peer_alone(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    peer, stranger = endpoint(a, 1000), endpoint(a, 1001)
    one = endpoint(b, 53)
    one.connect(A, 1000)
    exchange(world, peer, b"peer", B, 53)
    exchange(world, stranger, b"stranger", B, 53)
    assert received(one) == [b"peer"]
    assert b.context.counters.udp.NoPorts == 1


def test_demultiplexing_prefers_connected_then_bound_then_any(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    client = endpoint(a, 1000)
    wild = endpoint(b, 53, sharing=REUSEADDR)
    bound = endpoint(b, 53, B, sharing=REUSEADDR)
    connected = endpoint(b, 53, B, sharing=REUSEADDR)
    connected.connect(A, 1000)
    for expected in (connected, bound, wild):
        exchange(world, client, b"x", B, 53)
        assert [received(one) for one in (connected, bound, wild)] == [
            [b"x"] if one is expected else [] for one in (connected, bound, wild)
        ]
        expected.close()


def test_of_two_that_share_an_address_the_younger_is_served(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    older, younger = endpoint(b, 53, sharing=REUSEADDR), endpoint(b, 53, sharing=REUSEADDR)
    exchange(world, endpoint(a), b"x", B, 53)
    assert (received(older), received(younger)) == ([], [b"x"])


def test_reuseport_spreads_flows_and_keeps_each_on_its_endpoint(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    group = [endpoint(b, 53, sharing=REUSEPORT) for _ in range(4)]
    clients = [endpoint(a) for _ in range(64)]
    for client in clients:
        exchange(world, client, b"x", B, 53)
        exchange(world, client, b"x", B, 53)
    counts = [len(received(one)) for one in group]
    assert sum(counts) == 128
    assert all(count and count % 2 == 0 for count in counts)


def test_an_endpoint_of_a_device_hears_that_device_alone(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    elsewhere = endpoint(b, 53, sharing=REUSEADDR)
    elsewhere.ifindex = 1
    here = endpoint(b, 53, sharing=REUSEADDR)
    here.ifindex = 2
    exchange(world, endpoint(a), b"x", B, 53)
    assert (received(elsewhere), received(here)) == ([], [b"x"])


@pytest.mark.parametrize("address", ["255.255.255.255", "10.0.0.255"])
def test_a_broadcast_reaches_every_endpoint_of_the_port(world: World, ends: tuple[Net, Net], address: str) -> None:
    a, b = ends
    group = [endpoint(b, 67, sharing=REUSEADDR) for _ in range(2)]
    unicast = endpoint(b, 67, B, sharing=REUSEADDR)
    source = endpoint(a, address=A)
    source.ifindex = 2
    assert exchange(world, source, b"x", octets(address), 67) == -errno.EACCES
    source.broadcast = True
    assert exchange(world, source, b"x", octets(address), 67) == 1
    assert [received(one) for one in (*group, unicast)] == [[b"x"], [b"x"], []]


def test_multicast_reaches_every_endpoint_of_the_port(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    group = octets("224.1.2.3")
    b.ip.interfaces[2].groups.add(group)
    listeners = [endpoint(b, 5000, sharing=REUSEADDR) for _ in range(2)]
    listeners[1].mc_all = False
    source = endpoint(a)
    source.mc_ifindex = 2
    exchange(world, source, b"1", group, 5000)
    listeners[1].memberships.add((group, 2))
    exchange(world, source, b"2", group, 5000)
    assert [received(one) for one in listeners] == [[b"1", b"2"], [b"2"]]


def test_multicast_goes_out_with_its_own_ttl(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    group = octets("224.1.2.3")
    b.ip.interfaces[2].groups.add(group)
    listener = endpoint(b, 5000)
    source = endpoint(a)
    source.mc_ifindex = 2
    exchange(world, source, b"1", group, 5000)
    packet = listener.recv(False)
    assert packet is not None and packet.buf[packet.l3 + 8] == 1


def test_no_port_is_answered_with_port_unreachable(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    one = endpoint(a)
    one.connect(B, 9)
    exchange(world, one, b"x", b"", 0)
    assert b.context.counters.udp.NoPorts == 1
    assert one.take_error() == errno.ECONNREFUSED
    assert one.take_error() == 0


def test_the_pending_error_is_reported_by_send_too(world: World, ends: tuple[Net, Net]) -> None:
    one = endpoint(ends[0])
    one.connect(B, 9)
    exchange(world, one, b"x", b"", 0)
    assert exchange(world, one, b"x", b"", 0) == -errno.ECONNREFUSED
    assert exchange(world, one, b"x", b"", 0) == 1


def test_an_unconnected_endpoint_hears_of_errors_only_with_recverr(world: World, ends: tuple[Net, Net]) -> None:
    one = endpoint(ends[0])
    exchange(world, one, b"x", B, 9)
    assert one.err == 0
    one.recverr = True
    exchange(world, one, b"x", B, 9)
    assert one.err == errno.ECONNREFUSED


def test_an_error_about_nobodys_datagram_is_counted(ends: tuple[Net, Net]) -> None:
    error = IcmpError()
    error.buf = A + B + bytes(8)
    error.addr_len, error.l4, error.end, error.err, error.fatal = 4, 8, 16, errno.ECONNREFUSED, True
    ends[0].udp.error(error, 0)
    error.end = 11
    ends[0].udp.error(error, 0)
    assert ends[0].context.counters.drops["udp_error_unmatched"] == 2


def test_the_receive_queue_is_bounded_by_rcvbuf(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = endpoint(b, 53)
    server.queue.limit = 5000
    client = endpoint(a)
    for _ in range(20):
        exchange(world, client, bytes(1000), B, 53)
    kept = len(server.queue)
    assert 1 <= kept <= 5
    assert b.context.counters.udp.RcvbufErrors == b.context.counters.udp.InErrors == 20 - kept
    assert b.context.pool.used == server.queue.used
    assert len(received(server)) == kept
    assert b.context.pool.used == 0


def test_one_datagram_fits_however_small_rcvbuf_is(world: World, ends: tuple[Net, Net]) -> None:
    server = endpoint(ends[1], 53)
    server.queue.limit = 0
    exchange(world, endpoint(ends[0]), bytes(1000), B, 53)
    assert len(received(server)) == 1


def test_an_exhausted_pool_drops_and_counts(world: World) -> None:
    net = Net(world, "small", memory=4000)
    server = endpoint(net, 53)
    client = endpoint(net)
    for _ in range(10):
        exchange(world, client, bytes(1000), octets("127.0.0.1"), 53)
    assert net.context.counters.udp.MemErrors > 0
    assert net.context.pool.used <= 4000
    server.close()
    assert net.context.pool.used == 0


# Names.


def test_binding_twice_is_einval(ends: tuple[Net, Net]) -> None:
    one = endpoint(ends[0], 53)
    fails(errno.EINVAL, one.bind, b"", 54)


def test_a_foreign_address_is_eaddrnotavail_unless_transparent(ends: tuple[Net, Net]) -> None:
    one = ends[0].udp.open(None, 4)
    fails(errno.EADDRNOTAVAIL, one.bind, octets("8.8.8.8"), 53)
    one.transparent = True
    one.bind(octets("8.8.8.8"), 53)


def test_low_ports_need_the_capability(ends: tuple[Net, Net]) -> None:
    net = ends[0]
    net.udp.table.net_bind_service = False
    fails(errno.EACCES, net.udp.open(None, 4).bind, b"", 1023)
    net.udp.open(None, 4).bind(b"", 1024)
    net.context.sysctl.set("net.ipv4.ip_unprivileged_port_start", 0)
    net.udp.open(None, 4).bind(b"", 1023)


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        ((b"", 0), (b"", 0), True),
        ((b"", 0), (A, 0), True),
        ((A, 0), (octets("127.0.0.1"), 0), False),
        ((b"", REUSEADDR), (b"", REUSEADDR), False),
        ((b"", REUSEADDR), (b"", REUSEPORT), True),
        ((b"", REUSEPORT), (b"", REUSEPORT), False),
        ((b"", REUSEADDR), (A, 0), True),
    ],
)
def test_who_may_share_a_port(
    ends: tuple[Net, Net], first: tuple[bytes, int], second: tuple[bytes, int], conflict: bool
) -> None:
    endpoint(ends[0], 53, first[0], first[1])
    if conflict:
        fails(errno.EADDRINUSE, endpoint, ends[0], 53, second[0], second[1])
    else:
        endpoint(ends[0], 53, second[0], second[1])


def test_a_closed_endpoint_gives_its_port_back(ends: tuple[Net, Net]) -> None:
    endpoint(ends[0], 53).close()
    one = endpoint(ends[0], 53)
    one.connect(B, 7)
    one.close()
    table = ends[0].udp.table
    assert not table.ports and not table.connected and not table.bound and not table.wild


def test_rfc6056_ports_are_random_and_in_range(ends: tuple[Net, Net]) -> None:
    ports = [endpoint(ends[0]).local_port for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(32768 <= port <= 60999 for port in ports)
    assert sum(abs(b - a) == 1 for a, b in itertools.pairwise(ports)) < 5


def test_when_every_port_is_taken_bind_is_eaddrinuse(ends: tuple[Net, Net]) -> None:
    ends[0].context.sysctl.set("net.ipv4.ip_local_port_range", "40000 40003")
    taken = {endpoint(ends[0]).local_port for _ in range(4)}
    assert taken == {40000, 40001, 40002, 40003}
    fails(errno.EADDRINUSE, endpoint, ends[0])


def test_connect_chooses_the_source_address(ends: tuple[Net, Net]) -> None:
    one = ends[0].udp.open(None, 4)
    one.connect(B, 7)
    assert one.local == A
    one.connect(octets("10.0.0.3"), 7)
    assert (one.local, one.remote) == (A, octets("10.0.0.3"))
    one.disconnect()
    assert (one.local, one.remote) == (b"", b"")


def test_connecting_nowhere_is_enetunreach(ends: tuple[Net, Net]) -> None:
    fails(errno.ENETUNREACH, ends[0].udp.open(None, 4).connect, octets("8.8.8.8"), 53)
    one = endpoint(ends[0])
    assert one.send(b"x", octets("8.8.8.8"), 53, 0) == -errno.ENETUNREACH


def test_sending_nowhere_in_particular_is_edestaddrreq(ends: tuple[Net, Net]) -> None:
    assert endpoint(ends[0]).send(b"x", b"", 0, 0) == -errno.EDESTADDRREQ


def test_port_zero_is_einval(ends: tuple[Net, Net]) -> None:
    assert endpoint(ends[0]).send(b"x", B, 0, 0) == -errno.EINVAL


def test_a_changed_route_is_noticed(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = endpoint(b, 53)
    one = endpoint(a)
    exchange(world, one, b"1", B, 53)
    a.ip.interfaces[2].remove_address(A)
    a.ip.interfaces[2].add_address(octets("10.0.0.9"), 24)
    exchange(world, one, b"2", B, 53)
    assert received(server) == [b"1", b"2"]


# Bad input.


class Forward(UdpForwarder):
    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def datagram(self, packet: Packet, now: int) -> None:
        self.seen.append(payload(packet, packet.l4 + 8, 65535))


def test_a_forwarder_gets_what_nobody_wants(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    forward = Forward()
    b.udp.forwarder = forward
    endpoint(b, 53)
    exchange(world, endpoint(a), b"mine", B, 53)
    exchange(world, endpoint(a), b"yours", B, 54)
    assert forward.seen == [b"yours"]
    assert b.context.counters.udp.NoPorts == 0


def test_a_gateway_answers_with_a_foreign_source(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    b.ip.interfaces[2].accept_all = True
    client = endpoint(a, 4000)
    gateway = b.udp.open(None, 4)
    assert gateway.send(b"answer", A, 4000, world.now(), octets("8.8.8.8"), 53) == 6
    world.settle()
    packet = client.recv(False)
    assert packet is not None
    assert bytes(packet.buf[packet.addr_off : packet.addr_off + 4]) == octets("8.8.8.8")
    assert not gateway.is_bound


@pytest.mark.parametrize(
    ("octet", "value", "reason"),
    [(5, 7, "udp_bad_length"), (4, 255, "udp_bad_length"), (7, None, "udp_bad_checksum")],
)
def test_bad_datagrams_are_dropped_and_counted(
    ends: tuple[Net, Net], octet: int, value: int | None, reason: str
) -> None:
    net = ends[0]
    buf = bytearray(A + B + bytes.fromhex("0035003500090001") + b"x")
    buf[8 + octet] = 2 if value is None else value
    packet = Packet(buf, 8, len(buf))
    packet.l4, packet.addr_len = 8, 4
    net.udp.receive(packet, 0)
    assert net.context.counters.drops[reason] == 1
    assert net.context.counters.udp.InErrors == 1


@pytest.mark.parametrize("size", range(8))
def test_truncated_datagrams_are_dropped(ends: tuple[Net, Net], size: int) -> None:
    buf = bytearray(A + B + bytes(size))
    packet = Packet(buf, 8, len(buf))
    packet.l4, packet.addr_len = 8, 4
    ends[0].udp.receive(packet, 0)
    assert ends[0].context.counters.drops["udp_bad_length"] == 1
