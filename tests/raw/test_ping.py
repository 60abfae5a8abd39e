"""Ping sockets (icmp(7))."""

from __future__ import annotations

import errno

import pytest

from sockets.world import Net, World, octets
from usernet.core.datagramqueue import payload
from usernet.raw.ping import PingEndpoint

A, B = octets("10.0.0.1"), octets("10.0.0.2")
REQUEST = bytes([8, 0, 0, 0, 0, 0, 0, 1]) + b"payload"


def ping(world: World, one: PingEndpoint, octets_: bytes = REQUEST, dst: bytes = B) -> int:
    with world.lock:
        sent = one.send(octets_, dst, world.now())
    world.settle()
    return sent


def reply(one: PingEndpoint) -> bytes | None:
    packet = one.recv(False)
    return None if packet is None else payload(packet, packet.l4, 65535)


def test_an_echo_comes_back_with_our_identifier(world: World, ends: tuple[Net, Net]) -> None:
    one = ends[0].ping.open(None, 4)
    assert ping(world, one) == len(REQUEST)
    answer = reply(one)
    assert answer is not None
    assert answer[0] == 0
    assert answer[4:6] == one.local_port.to_bytes(2, "big")
    assert answer[6:] == REQUEST[6:]


def test_long_requests_are_fragmented_and_answered(world: World, ends: tuple[Net, Net]) -> None:
    one = ends[0].ping.open(None, 4)
    request = REQUEST + bytes(5000)
    ping(world, one, request)
    answer = reply(one)
    assert answer is not None and answer[6:] == request[6:]


def test_replies_go_to_the_socket_that_asked(world: World, ends: tuple[Net, Net]) -> None:
    one, other = ends[0].ping.open(None, 4), ends[0].ping.open(None, 4)
    other.bind(b"", 0)
    ping(world, one)
    assert reply(other) is None
    assert reply(one) is not None


def test_a_connected_socket_hears_its_host_alone(world: World, ends: tuple[Net, Net]) -> None:
    one = ends[0].ping.open(None, 4)
    one.connect(octets("127.0.0.1"))
    ping(world, one)
    assert reply(one) is None
    assert ends[0].context.counters.drops["ping_no_socket"] == 1
    ping(world, one, dst=b"")
    assert reply(one) is not None


@pytest.mark.parametrize("message", [b"", bytes(7), b"\0" + REQUEST[1:], b"\x08\1" + bytes(6)])
def test_only_echo_requests_are_sent(world: World, ends: tuple[Net, Net], message: bytes) -> None:
    assert ping(world, ends[0].ping.open(None, 4), message) == -errno.EINVAL


def test_errors_of_names(ends: tuple[Net, Net]) -> None:
    net = ends[0]
    one = net.ping.open(None, 4)
    assert one.send(REQUEST, b"", 0) == -errno.EDESTADDRREQ
    assert one.send(REQUEST, octets("8.8.8.8"), 0) == -errno.ENETUNREACH
    assert one.send(REQUEST, octets("10.0.0.255"), 0) == -errno.EACCES
    assert one.send(REQUEST + bytes(65535), B, 0) == -errno.EMSGSIZE
    for err, address, ident in (
        (errno.EINVAL, b"", 7),
        (errno.EADDRNOTAVAIL, octets("8.8.8.8"), 7),
        (errno.EADDRINUSE, A, one.local_port),
    ):
        other = one if err == errno.EINVAL else net.ping.open(None, 4)
        with pytest.raises(OSError) as caught:
            other.bind(address, ident)
        assert caught.value.errno == err
    one.close()
    assert not net.ping.endpoints_by_ident


def test_an_icmp_error_reaches_a_socket_with_recverr(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    # b forwards, but knows no way itself.
    b.context.sysctl.set("net.ipv4.ip_forward", 1)
    a.ip.fib.add(octets("0.0.0.0"), 0, B, a.ip.interfaces[2])
    one = a.ping.open(None, 4)
    one.connect(octets("8.8.8.8"))
    ping(world, one, dst=b"")
    assert one.err == 0  # not fatal: only IP_RECVERR hears of it
    one.recverr = True
    ping(world, one, dst=b"")
    assert one.err == errno.ENETUNREACH
    assert ping(world, one, dst=b"") == -errno.ENETUNREACH


def test_the_queue_is_bounded(world: World, ends: tuple[Net, Net]) -> None:
    one = ends[0].ping.open(None, 4)
    one.queue.limit = 2000
    for _ in range(10):
        ping(world, one)
    assert 1 <= len(one.queue) < 6
    assert ends[0].context.counters.drops["ping_rcvbuf_full"] >= 4
    one.close()
    assert ends[0].context.pool.used == 0
