"""Whatever a caller or the network says, sockets answer with OSError or drop and count."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.packet import Packet
from usernet.core.sender import IcmpError
from usernet.sockets import const as so
from usernet.sockets.const import AF_INET, SOCK_DGRAM, SOCK_STREAM
from usernet.sockets.factory import socket
from usernet.sockets.options import OPTIONS

from .world import World, cable, octets

KEYS = st.one_of(st.sampled_from(sorted(OPTIONS)), st.tuples(st.integers(0, 300), st.integers(0, 100)))
VALUES = st.one_of(st.integers(-(1 << 31), (1 << 31) - 1), st.binary(max_size=40))
KINDS = st.sampled_from([(SOCK_STREAM, 0), (SOCK_DGRAM, 0), (SOCK_DGRAM, 1)])
NAMES = octets("10.0.0.1") + octets("10.0.0.2")
HEALTH = settings(max_examples=60)


@HEALTH
@given(kind=KINDS, calls=st.lists(st.tuples(KEYS, VALUES, st.integers(-1, 2000)), max_size=30))
def test_options_take_anything(kind: tuple[int, int], calls: list[tuple[tuple[int, int], int | bytes, int]]) -> None:
    world = World()
    sock = socket(cable(world)[0], world, AF_INET, *kind)
    for (level, name), value, size in calls:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, name, value)
        with contextlib.suppress(OSError):
            assert isinstance(sock.getsockopt(level, name), int)
        with contextlib.suppress(OSError):
            assert isinstance(sock.getsockopt(level, name, size), bytes if size else int)
    sock.close()


# What TCP_REPAIR and its kin are asked, and what is done meanwhile.
REPAIRS = st.one_of(
    st.tuples(st.just(so.TCP_REPAIR), st.sampled_from([1, 1, 0, -1])),
    st.tuples(st.just(so.TCP_REPAIR_QUEUE), st.integers(0, 2)),
    st.tuples(st.sampled_from([so.TCP_QUEUE_SEQ, so.TCP_TIMESTAMP]), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.tuples(
        st.just(so.TCP_REPAIR_OPTIONS),
        st.builds(struct.pack, st.just("=II"), st.sampled_from([2, 3, 4, 8]), st.sampled_from([0, 1, 14 << 16 | 14])),
    ),
    st.tuples(st.just(so.TCP_REPAIR_WINDOW), st.binary(min_size=20, max_size=20)),
)
CALLS = st.one_of(
    REPAIRS.map(lambda option: ("setsockopt", 6, *option)),
    st.tuples(st.just("send"), st.sampled_from([b"", b"x", bytes(3000), bytes(100_000)])),
    st.tuples(st.just("recv"), st.sampled_from([1, 200_000]), st.sampled_from([0, so.MSG_PEEK])),
    st.tuples(st.just("shutdown"), st.integers(0, 2)),
    st.tuples(st.just("connect"), st.just(("10.0.0.2", 80))),
    st.sampled_from([("disconnect",), ("close",)]),
)


@HEALTH
@given(st.lists(st.tuples(st.integers(0, 2), CALLS, st.booleans()), max_size=40))
def test_repair_in_any_order_keeps_its_accounts(calls: list[tuple[int, tuple[Any, ...], bool]]) -> None:
    world = World()
    nets = a, b = cable(world)
    server, client, fresh = (socket(net, world, AF_INET, SOCK_STREAM, 0) for net in (b, a, a))
    server.bind(("10.0.0.2", 80))
    server.listen(5)
    client.connect(("10.0.0.2", 80))
    socks: list[Any] = [client, server.accept()[0], fresh]
    for sock in socks:
        sock.timeout_ns = 0
    for who, (name, *arguments), passes in calls:
        with contextlib.suppress(OSError):
            getattr(socks[who], name)(*arguments)
        if passes:
            world.settle()
        for sock in socks:
            if not sock.closed:
                assert all(sock.ioctl(request) >= 0 for request in (so.SIOCINQ, so.SIOCOUTQ, so.SIOCOUTQNSD))
    for sock in [*socks, server]:
        sock.close()
    world.advance(1000 * 1_000_000_000)
    assert [net.context.pool.used for net in nets] == [0, 0]
    assert [net.tcp.mib.CurrEstab for net in nets] == [0, 0]


@HEALTH
@given(st.lists(st.binary(max_size=64), max_size=20))
def test_datagrams_of_any_octets(datagrams: list[bytes]) -> None:
    world = World()
    net = cable(world)[1]
    sock = socket(net, world, AF_INET, SOCK_DGRAM, 0)
    sock.bind(("", 0x3030))
    net.udp.rmem_default = 4000
    for datagram in datagrams:
        for transport in (net.udp, net.ping):
            packet = Packet(bytearray(NAMES + datagram), 8, 8 + len(datagram))
            packet.l4, packet.addr_len = 8, 4
            transport.receive(packet, world.now())
    sock.close()
    assert net.context.pool.used == 0


@HEALTH
@given(quoted=st.binary(max_size=40), err=st.integers(1, 130), fatal=st.booleans())
def test_icmp_errors_quoting_anything(quoted: bytes, err: int, fatal: bool) -> None:
    world = World()
    net = cable(world)[0]
    sock = socket(net, world, AF_INET, SOCK_DGRAM, 0)
    sock.bind(("", 0x3030))
    sock.connect(("10.0.0.2", 0x3030))
    for transport in (net.udp, net.ping):
        error = IcmpError()
        error.buf = NAMES + quoted
        error.addr_len, error.l4, error.end = 4, 8, 8 + len(quoted)
        error.err, error.fatal, error.info = err, fatal, 100
        transport.error(error, world.now())
    assert sock.take_error() in (0, err)
