"""Options of a socket that are about the machine around it, and TCP_TX_DELAY."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from usernet.core.packet import Packet, new_packet
from usernet.core.pool import MemoryPool
from usernet.core.sender import Path, Sender
from usernet.sockets import const as so
from usernet.sockets.base import Socket
from usernet.sockets.const import AF_INET, SOCK_DGRAM, SOCK_STREAM
from usernet.sockets.factory import socket
from usernet.tcp.tx_delay import TxDelay

from .world import Net

TCP = 6
MS = 1_000_000
SERVER = ("10.0.0.2", 80)


def made(net: Net, kind: int = SOCK_STREAM) -> Any:
    return socket(net, net.host, AF_INET, kind, 0)


def joined(ends: tuple[Net, Net], delay_us: int) -> tuple[Any, Any, int]:
    a, b = ends
    server, client = made(b), made(a)
    server.bind(SERVER)
    server.listen(5)
    client.setsockopt(TCP, so.TCP_TX_DELAY, delay_us)
    began = a.host.now()
    client.connect(SERVER)
    child, _ = server.accept()
    return client, child, a.host.now() - began


def refused(sock: Socket, level: int, name: int, value: int) -> str:
    with pytest.raises(OSError) as caught:
        sock.setsockopt(level, name, value)
    return errno.errorcode[caught.value.errno or 0]


def unknown(sock: Socket, level: int, name: int) -> bool:
    with pytest.raises(OSError) as caught:
        sock.getsockopt(level, name)
    return caught.value.errno == errno.ENOPROTOOPT


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
def test_each_socket_of_a_host_has_a_cookie_of_its_own(ends: tuple[Net, Net], kind: int) -> None:
    cookies = {made(net, kind).getsockopt(so.SOL_SOCKET, so.SO_COOKIE, 8) for net in ends for _ in range(3)}
    assert len(cookies) == 6 and bytes(8) not in cookies
    sock = made(ends[0], kind)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_COOKIE, 8) == sock.getsockopt(so.SOL_SOCKET, so.SO_COOKIE, 100)
    assert refused(sock, so.SOL_SOCKET, so.SO_COOKIE, 1) == "ENOPROTOOPT"
    with pytest.raises(OSError, match="Invalid argument"):
        sock.getsockopt(so.SOL_SOCKET, so.SO_COOKIE, 4)


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
def test_each_stack_of_a_host_has_a_cookie_of_its_own(ends: tuple[Net, Net], kind: int) -> None:
    cookies = {made(net, kind).getsockopt(so.SOL_SOCKET, so.SO_NETNS_COOKIE, 8) for net in ends for _ in range(3)}
    assert len(cookies) == 2 and bytes(8) not in cookies
    sock = made(ends[0], kind)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_COOKIE, 8) not in cookies
    assert refused(sock, so.SOL_SOCKET, so.SO_NETNS_COOKIE, 1) == "ENOPROTOOPT"
    for size in (4, 9):
        with pytest.raises(OSError, match="Invalid argument"):
            sock.getsockopt(so.SOL_SOCKET, so.SO_NETNS_COOKIE, size)


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
def test_what_no_machine_here_has_is_kept(ends: tuple[Net, Net], kind: int) -> None:
    sock = made(ends[0], kind)
    for name, before, value in ((so.SO_INCOMING_CPU, -1, 3), (so.SO_BUSY_POLL, 0, 50), (so.SO_PREFER_BUSY_POLL, 0, 1)):
        assert sock.getsockopt(so.SOL_SOCKET, name) == before
        sock.setsockopt(so.SOL_SOCKET, name, value)
        assert sock.getsockopt(so.SOL_SOCKET, name) == value
    sock.setsockopt(so.SOL_SOCKET, so.SO_PREFER_BUSY_POLL, 7)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_PREFER_BUSY_POLL) == 1
    assert refused(sock, so.SOL_SOCKET, so.SO_BUSY_POLL, -1) == "EINVAL"
    sock.setsockopt(so.SOL_SOCKET, so.SO_BUSY_POLL_BUDGET, 64)
    assert refused(sock, so.SOL_SOCKET, so.SO_BUSY_POLL_BUDGET, 65536) == "EINVAL"
    assert unknown(sock, so.SOL_SOCKET, so.SO_BUSY_POLL_BUDGET)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_INCOMING_NAPI_ID) == 0
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_SNDLOWAT) == 1
    for name in (so.SO_INCOMING_NAPI_ID, so.SO_SNDLOWAT):
        assert refused(sock, so.SOL_SOCKET, name, 1) == "ENOPROTOOPT"


def test_txrehash_is_of_streams_and_inherited(ends: tuple[Net, Net]) -> None:
    listener = made(ends[1], SOCK_STREAM)
    assert listener.getsockopt(so.SOL_SOCKET, so.SO_TXREHASH) == 1
    for value, kept in ((0, 0), (1, 1), (0, 0), (-1, 1), (0, 0)):
        listener.setsockopt(so.SOL_SOCKET, so.SO_TXREHASH, value)
        assert listener.getsockopt(so.SOL_SOCKET, so.SO_TXREHASH) == kept
    for value in (2, -2, 256):
        assert refused(listener, so.SOL_SOCKET, so.SO_TXREHASH, value) == "EINVAL"
    datagrams = made(ends[0], SOCK_DGRAM)
    assert refused(datagrams, so.SOL_SOCKET, so.SO_TXREHASH, 1) == "ENOTSUP"  # EOPNOTSUPP by its other name
    with pytest.raises(OSError, match="not supported"):
        datagrams.getsockopt(so.SOL_SOCKET, so.SO_TXREHASH)
    listener.bind(SERVER)
    listener.listen(1)
    client = made(ends[0], SOCK_STREAM)
    client.connect(SERVER)
    child, _ = listener.accept()
    assert child.getsockopt(so.SOL_SOCKET, so.SO_TXREHASH) == 0
    child.setsockopt(so.SOL_SOCKET, so.SO_TXREHASH, 1)
    assert listener.getsockopt(so.SOL_SOCKET, so.SO_TXREHASH) == 0


def test_options_that_only_answer(ends: tuple[Net, Net]) -> None:
    sock = made(ends[0])
    assert sock.getsockopt(TCP, so.TCP_IS_MPTCP) == sock.getsockopt(TCP, so.TCP_THIN_DUPACK) == 0
    sock.setsockopt(TCP, so.TCP_THIN_DUPACK, 1)
    assert sock.getsockopt(TCP, so.TCP_THIN_DUPACK) == 0
    assert refused(sock, TCP, so.TCP_THIN_DUPACK, 2) == "EINVAL"
    assert refused(sock, TCP, so.TCP_IS_MPTCP, 1) == "ENOPROTOOPT"


def test_max_pacing_rate_is_an_int_or_a_long(ends: tuple[Net, Net]) -> None:
    sock = made(ends[0])
    sock.setsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, struct.pack("=Q", 10**10))
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, 8) == struct.pack("=Q", 10**10)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, 4) == b"\xff" * 4
    for rate in (0, 1):
        sock.setsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, rate)
        assert sock.getsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, 8) == struct.pack("=Q", rate)
    sock.setsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE, 10**9)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_MAX_PACING_RATE) == 10**9


def test_a_delay_makes_the_round_trip_longer(ends: tuple[Net, Net]) -> None:
    client, child, took = joined(ends, 50_000)
    # The SYN, and the ACK that the listener waits for.
    assert took == 100 * MS
    assert client.getsockopt(TCP, so.TCP_TX_DELAY) == 50_000
    for text in (b"x", bytes(300_000)):
        began = ends[0].host.now()
        client.sendall(text)
        got = 0
        while got < len(text):
            got += len(child.recv(1 << 20))
        assert ends[0].host.now() - began >= 50 * MS
    assert client.tcb.total_retrans == 0 and 50 * MS <= client.tcb.rtt.srtt < 60 * MS
    # The other direction has a delay of its own.
    child.sendall(b"back")
    began = ends[0].host.now()
    assert client.recv(10) == b"back" and ends[0].host.now() == began


def test_a_delay_of_a_live_connection_is_added_to_what_was_measured(ends: tuple[Net, Net]) -> None:
    client, child, _ = joined(ends, 0)
    before = client.tcb.rtt.srtt
    client.setsockopt(TCP, so.TCP_TX_DELAY, 300_000)
    assert client.tcb.rtt.srtt == before + 300 * MS and client.tcb.rtt.rto > 500 * MS
    client.sendall(b"slow")
    client.setsockopt(TCP, so.TCP_TX_DELAY, 0)
    assert client.tcb.rtt.srtt == before
    # What is sent now waits for what was sent before.
    client.sendall(b", then fast")
    began = ends[0].host.now()
    assert child.recv(100) == b"slow, then fast"
    assert ends[0].host.now() - began == 300 * MS
    client.sendall(b"at once")
    began = ends[0].host.now()
    assert child.recv(100) == b"at once" and ends[0].host.now() == began


def test_what_is_on_its_way_goes_although_the_connection_ends(ends: tuple[Net, Net]) -> None:
    client, child, _ = joined(ends, 20_000)
    client.sendall(b"farewell")
    client.setsockopt(so.SOL_SOCKET, so.SO_LINGER, struct.pack("=ii", 1, 0))
    client.close()
    assert child.recv(100) == b"farewell"
    with pytest.raises(ConnectionResetError):
        child.recv(100)
    assert ends[0].context.pool.used == 0


def test_an_accepted_connection_has_its_listeners_delay(ends: tuple[Net, Net]) -> None:
    a, b = ends
    server, client = made(b), made(a)
    server.setsockopt(TCP, so.TCP_TX_DELAY, 10_000)
    server.bind(SERVER)
    server.listen(5)
    began = a.host.now()
    client.connect(SERVER)
    assert a.host.now() - began == 10 * MS
    child, _ = server.accept()
    assert child.getsockopt(TCP, so.TCP_TX_DELAY) == 10_000
    child.sendall(b"late")
    began = a.host.now()
    assert client.recv(10) == b"late" and a.host.now() - began == 10 * MS


def test_a_delay_has_limits(ends: tuple[Net, Net]) -> None:
    sock = made(ends[0])
    for value in (-1, 1 << 28):
        assert refused(sock, TCP, so.TCP_TX_DELAY, value) == "EINVAL"
    sock.setsockopt(TCP, so.TCP_TX_DELAY, (1 << 28) - 1)


class Sink(Sender):
    def __init__(self) -> None:
        self.sent = 0

    def send(self, path: Path, packet: Packet, now: int) -> int:
        self.sent += 1
        return 0


def test_what_waits_is_bounded(ends: tuple[Net, Net]) -> None:
    context, sink = ends[0].context, Sink()
    delay = TxDelay(context.timers, sink, context.counters, context.pool)
    path = Path(4, bytes(4), bytes(4))
    delay.span = 10 * MS
    answers = [delay.send(path, new_packet(0), ends[0].host.now()) for _ in range(1001)]
    assert answers == [0] * 1000 + [-errno.ENOBUFS] and sink.sent == 0
    assert context.counters.drops["tcp_tx_delay_full"] == 1
    ends[0].host.advance(10 * MS)
    assert sink.sent == 1000


def test_what_waits_is_charged_though_its_connection_is_gone(ends: tuple[Net, Net]) -> None:
    client, _, _ = joined(ends, 50_000)
    pool = ends[0].context.pool
    client.send(bytes(100_000))
    client.setsockopt(so.SOL_SOCKET, so.SO_LINGER, struct.pack("=ii", 1, 0))
    client.close()
    # The first window, as it left, and the RST behind it.
    assert 10 * 1460 < pool.used < 100_000
    ends[0].host.advance(50 * MS)
    assert pool.used == 0


def test_what_waits_fits_into_memory(ends: tuple[Net, Net]) -> None:
    context, sink = ends[0].context, Sink()
    pool = MemoryPool(100, context.counters.tcp_ext)
    delay = TxDelay(context.timers, sink, context.counters, pool)
    path = Path(4, bytes(4), bytes(4))
    delay.span = 10 * MS
    packets = [new_packet(0) for _ in range(3)]
    for packet in packets:
        packet.push(40)
    answers = [delay.send(path, packet, ends[0].host.now()) for packet in packets]
    assert answers == [0, 0, -errno.ENOBUFS] and pool.used == 80
    assert context.counters.drops["tcp_tx_delay_memory"] == 1
    ends[0].host.advance(10 * MS)
    assert sink.sent == 2 and pool.used == 0


def test_the_answers_of_a_listener_are_bounded_together(ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = made(b)
    server.setsockopt(TCP, so.TCP_TX_DELAY, 1_000_000)
    server.bind(SERVER)
    server.listen(5)
    for _ in range(1001):
        # Whoever gives up at once leaves no request behind, only its answer.
        client = made(a)
        client.timeout_ns = 0
        assert client.connect_ex(SERVER) == errno.EINPROGRESS
        a.host.settle()
        client.close()
        for request in list(server.listener.requests.values()):
            request.drop()
    assert b.context.counters.drops["tcp_tx_delay_full"] == 1
