"""What stream sockets send, receive and tell, over two stacks and a cable, call by call and errno by errno."""

from __future__ import annotations

import errno
import hashlib
import struct

import pytest

from usernet.core.const import MS, POLLHUP, POLLIN, POLLOUT
from usernet.sockets import const as so
from usernet.sockets.const import MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, SHUT_RDWR, SHUT_WR
from usernet.tcp.const import CLOSED, ESTABLISHED
from usernet.testing.drill.code import INFO_SIZE, unpack_info

from .streams import SOL, TCP, fails, listener, pair, stream
from .world import Net, World

# Sending and receiving.


def test_octets_both_ways(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    assert client.send(b"hello") == 5
    assert child.recv(3) == b"hel"
    assert child.recv(100) == b"lo"
    child.sendall(memoryview(b"world"))
    into = bytearray(10)
    assert client.recv_into(into) == 5
    assert into == b"world" + bytes(5)
    assert client.sendto(b"x", 0, ("1.2.3.4", 5)) == 1
    assert child.recvfrom(10) == (b"x", None)
    assert client.sendmsg([b"a", bytearray(b"b"), memoryview(b"c")]) == 3
    assert child.recvmsg(10) == (b"abc", [], 0, None)


def test_empty_sends_and_receives(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    assert client.send(b"") == 0
    client.sendall(b"")
    assert child.recv(0) == b""
    assert child.recv_into(bytearray(0)) == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_long_sendall_arrives_whole(world: World, ends: tuple[Net, Net], kind: type) -> None:
    client, child = pair(ends)
    data = hashlib.shake_128(b"seed").digest(3_000_000)
    got = hashlib.sha256()
    count = 0

    def read() -> None:
        nonlocal count
        while count < len(data):
            try:
                octets = child.recv(100_000, MSG_DONTWAIT)
            except BlockingIOError:
                break
            got.update(octets)
            count += len(octets)
        if count < len(data):
            world.at(1 * MS, read)

    world.at(0, read)
    client.sendall(kind(data))
    while count < len(data):
        world.advance(10 * MS)
    assert got.digest() == hashlib.sha256(data).digest()


def test_a_full_buffer_is_eagain_or_a_timeout(world: World, ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.timeout_ns = 0
    with pytest.raises(BlockingIOError):
        while True:
            client.send(bytes(100_000))
            world.settle()
    assert not client.poll() & POLLOUT
    client.timeout_ns = 20 * MS
    start = world.now()
    with pytest.raises(TimeoutError, match="timed out"):
        client.sendall(bytes(10_000_000))
    assert world.now() - start == 20 * MS
    client.timeout_ns = -1
    client.setsockopt(SOL, so.SO_SNDTIMEO, struct.pack("=qq", 0, 30_000))
    fails(errno.EAGAIN, client.sendall, bytes(10_000_000))


def test_recv_waits_and_times_out(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    world.at(5 * MS, lambda: client.send(b"late"))
    start = world.now()
    assert child.recv(10) == b"late"
    assert world.now() == start + 5 * MS
    child.timeout_ns = 5 * MS
    with pytest.raises(TimeoutError, match="timed out"):
        child.recv(10)
    child.timeout_ns = 0
    fails(errno.EAGAIN, child.recv, 10)
    fails(errno.EAGAIN, child.recv_into, bytearray(10))


def test_peek_leaves_the_octets(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.send(b"abc")
    assert child.recv(2, MSG_PEEK) == b"ab"
    assert child.recv_into(bytearray(2), 0, MSG_PEEK) == 2
    assert child.recv(10) == b"abc"


def test_waitall_collects(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.send(b"abc")
    world.at(1 * MS, lambda: client.send(b"def"))
    assert child.recv(6, MSG_WAITALL) == b"abcdef"
    client.send(b"gh")
    world.at(1 * MS, lambda: client.shutdown(SHUT_WR))
    into = bytearray(6)
    assert child.recv_into(into, 0, MSG_WAITALL) == 2
    assert child.recv(1, MSG_WAITALL) == b""


def test_waitall_keeps_what_came_before_the_timeout(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.send(b"abc")
    child.timeout_ns = 5 * MS
    assert child.recv(6, MSG_WAITALL) == b"abc"
    with pytest.raises(TimeoutError):
        child.recv(6, MSG_WAITALL)


def test_trunc_throws_away(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.send(b"abcdef")
    assert len(child.recv(4, so.MSG_TRUNC)) == 4
    into = bytearray(1)
    assert child.recv_into(into, 0, so.MSG_TRUNC) == 1
    assert child.recv(10) == b"f"


def test_urgent_data_that_is_not_there(ends: tuple[Net, Net]) -> None:
    _client, child = pair(ends)
    fails(errno.EINVAL, child.recv, 1, so.MSG_OOB)
    fails(errno.EAGAIN, child.recv, 1, so.MSG_ERRQUEUE)


def test_rcvlowat_holds_readability_back(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_RCVLOWAT, 4)
    client.send(b"abc")
    world.settle()
    assert not child.poll() & POLLIN
    world.at(MS, lambda: client.send(b"d"))
    assert child.recv(10) == b"abcd"
    client.send(b"e")
    client.shutdown(SHUT_WR)
    world.settle()
    assert child.recv(10) == b"e"
    assert child.recv(10) == b""


def test_rcvlowat_hides_nothing_from_who_cannot_wait(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_RCVLOWAT, 4)
    for flags, into in ((MSG_DONTWAIT, False), (MSG_DONTWAIT, True), (0, False), (0, True)):
        client.send(b"abc")
        world.settle()
        child.rcvtimeo_ns = 50 * MS
        if into:
            buffer = bytearray(10)
            assert child.recv_into(buffer, 0, flags) == 3 and buffer[:3] == b"abc"
        else:
            assert child.recv(10, flags) == b"abc"
    fails(errno.EAGAIN, child.recv, 10)
    client.send(b"abc")
    world.settle()
    # Python's own timeout ends before the call is made.
    child.timeout_ns = 50 * MS
    with pytest.raises(TimeoutError):
        child.recv(10)
    child.timeout_ns = 0
    assert child.recv(10) == b"abc"


def test_rcvlowat_without_memory_left_is_not_waited_for(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_RCVLOWAT, 100_000)
    client.send(b"abc")
    world.settle()
    pool = ends[1].context.pool
    pool.force(pool.limit)
    assert child.poll() & POLLIN
    assert child.recv(200_000) == b"abc"
    pool.uncharge(pool.limit)


def test_sending_on_a_half_that_is_shut_tells_no_soft_error(world: World, ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.shutdown(SHUT_WR)
    assert client.tcb is not None
    client.tcb.soft_err = errno.EHOSTUNREACH
    fails(errno.EPIPE, client.send, b"x")
    assert client.getsockopt(SOL, so.SO_ERROR) == errno.EHOSTUNREACH


def test_unconnected_sockets_send_epipe_and_receive_enotconn(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    fails(errno.EPIPE, sock.send, b"x")
    fails(errno.ENOTCONN, sock.recv, 1)
    fails(errno.ENOTCONN, sock.recv_into, bytearray(1))
    fails(errno.ENOTCONN, sock.shutdown, SHUT_RDWR)
    assert sock.poll() == POLLOUT | POLLHUP
    server = listener(ends[1])
    fails(errno.EPIPE, server.send, b"x")
    fails(errno.ENOTCONN, server.recv, 1)


# Options.


@pytest.mark.parametrize(
    ("level", "name", "initial", "value", "result"),
    [
        (TCP, so.TCP_NODELAY, 0, 1, 1),
        (TCP, so.TCP_CORK, 0, 1, 1),
        (TCP, so.TCP_MAXSEG, 536, 1000, 1000),
        (TCP, so.TCP_KEEPIDLE, 7200, 10, 10),
        (TCP, so.TCP_KEEPINTVL, 75, 5, 5),
        (TCP, so.TCP_KEEPCNT, 9, 3, 3),
        (TCP, so.TCP_SYNCNT, 6, 2, 2),
        (TCP, so.TCP_LINGER2, 60, 5, 5),
        (TCP, so.TCP_LINGER2, 60, -7, -1),
        (TCP, so.TCP_LINGER2, 60, 121, 120),
        (TCP, so.TCP_DEFER_ACCEPT, 0, 3, 3),
        (TCP, so.TCP_WINDOW_CLAMP, 0, 5000, 5000),
        (TCP, so.TCP_WINDOW_CLAMP, 0, -1, 1152),
        (TCP, so.TCP_USER_TIMEOUT, 0, 1234, 1234),
        (TCP, so.TCP_RTO_MIN_US, 200_000, 1001, 2000),
        (TCP, so.TCP_DELACK_MAX_US, 200_000, 19_999, 20_000),
        (TCP, so.TCP_QUICKACK, 1, 0, 0),
        (SOL, so.SO_KEEPALIVE, 0, 1, 1),
        (SOL, so.SO_SNDBUF, 16384, 20000, 40000),
        (SOL, so.SO_RCVBUF, 131072, 20000, 40000),
        (SOL, so.SO_RCVBUFFORCE, None, 300_000, None),
        (SOL, so.SO_BUF_LOCK, 0, 1, 1),
        (SOL, so.SO_BUF_LOCK, 0, 2, 2),
        (SOL, so.SO_BUF_LOCK, 0, 3, 3),
        (so.IPPROTO_IP, so.IP_TTL, 64, 5, 5),
        (so.IPPROTO_IP, so.IP_TOS, 0, 0x13, 0x10),
        (so.IPPROTO_IP, so.IP_MINTTL, 0, 255, 255),
        (so.IPPROTO_IP, so.IP_LOCAL_PORT_RANGE, 0, 0x9C409C40, None),
    ],
)
def test_options(
    ends: tuple[Net, Net], level: int, name: int, initial: int | None, value: int, result: int | None
) -> None:
    sock = stream(ends[0])
    if initial is not None:
        assert sock.getsockopt(level, name) == initial
    sock.setsockopt(level, name, value)
    if result is not None:
        assert sock.getsockopt(level, name) == result


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (so.TCP_MAXSEG, 87), (so.TCP_KEEPIDLE, 0), (so.TCP_KEEPIDLE, 32768), (so.TCP_KEEPINTVL, 0),
        (so.TCP_KEEPCNT, 128), (so.TCP_SYNCNT, 0), (so.TCP_USER_TIMEOUT, -1), (so.TCP_SYNCNT, 128),
        (so.TCP_RTO_MIN_US, 1000), (so.TCP_RTO_MIN_US, 200_001), (so.TCP_DELACK_MAX_US, -1),
    ],
)  # fmt: skip
def test_values_out_of_range_are_einval(ends: tuple[Net, Net], name: int, value: int) -> None:
    fails(errno.EINVAL, stream(ends[0]).setsockopt, TCP, name, value)


def test_congestion_control_by_name(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    assert sock.getsockopt(TCP, so.TCP_CONGESTION, 16) == b"cubic".ljust(16, b"\0")
    sock.setsockopt(TCP, so.TCP_CONGESTION, b"reno")
    assert sock.getsockopt(TCP, so.TCP_CONGESTION, 16) == b"reno".ljust(16, b"\0")
    fails(errno.ENOENT, sock.setsockopt, TCP, so.TCP_CONGESTION, b"nonsense")


def test_options_reach_a_living_connection(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.setsockopt(TCP, so.TCP_NODELAY, 1)
    assert client.tcb is not None and client.tcb.settings.nodelay
    client.setsockopt(SOL, so.SO_RCVBUF, 50_000)
    assert client.getsockopt(SOL, so.SO_RCVBUF) == 100_000
    assert client.tcb.rcv_buf == 100_000
    assert child.getsockopt(so.IPPROTO_IP, so.IP_MTU) == 1500


def test_a_least_ttl_drops_what_comes_from_farther(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    fails(errno.EINVAL, client.setsockopt, so.IPPROTO_IP, so.IP_MINTTL, 256)
    fails(errno.EINVAL, client.setsockopt, so.IPPROTO_IP, so.IP_MINTTL, -1)
    child.setsockopt(so.IPPROTO_IP, so.IP_MINTTL, 65)
    client.send(b"from afar")
    ends[0].host.advance(20 * MS)
    assert not child.poll() & POLLIN and child.stack.context.counters.tcp_ext.TCPMinTTLDrop > 0
    client.setsockopt(so.IPPROTO_IP, so.IP_TTL, 65)
    client.send(b", and near")
    ends[0].host.advance(2000 * MS)
    assert child.recv(99) == b"from afar, and near"


def test_a_socket_has_its_ports_of_a_range_of_its_own(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    fails(errno.EINVAL, sock.setsockopt, so.IPPROTO_IP, so.IP_LOCAL_PORT_RANGE, 40_000 << 16 | 40_001)
    sock.setsockopt(so.IPPROTO_IP, so.IP_LOCAL_PORT_RANGE, 40_000 << 16 | 40_000)
    sock.bind(("0.0.0.0", 0))
    assert sock.getsockname()[1] == 40_000
    fails(errno.EADDRINUSE, bound_in, ends[0], 40_000 << 16 | 40_000)
    # An end outside of the system's range does not count.
    assert bound_in(ends[0], 40_001 << 16 | 1000) in range(32768, 40_002)
    assert bound_in(ends[0], 60_999) >= 60_999 and bound_in(ends[0], 32_768 << 16) == 32_768


def bound_in(net: Net, port_range: int) -> int:
    sock = stream(net)
    sock.setsockopt(so.IPPROTO_IP, so.IP_LOCAL_PORT_RANGE, port_range)
    sock.bind(("0.0.0.0", 0))
    return int(sock.getsockname()[1])


def test_a_connection_leaves_from_its_sockets_range(ends: tuple[Net, Net]) -> None:
    server, client = stream(ends[1]), stream(ends[0])
    server.bind(("0.0.0.0", 80))
    server.listen(1)
    client.setsockopt(so.IPPROTO_IP, so.IP_LOCAL_PORT_RANGE, 40_007 << 16 | 40_007)
    client.connect(("10.0.0.2", 80))
    assert client.getsockname()[1] == 40_007


def test_a_buffer_keeps_the_size_at_which_it_was_locked(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    fails(errno.EINVAL, client.setsockopt, SOL, so.SO_BUF_LOCK, 4)
    before = client.getsockopt(SOL, so.SO_RCVBUF)
    client.setsockopt(SOL, so.SO_BUF_LOCK, 2)
    assert client.tcb is not None and client.tcb.rcv_buf_locked and not client.tcb.snd_buf_locked
    assert client.tcb.rcv_buf == before == client.getsockopt(SOL, so.SO_RCVBUF)
    client.setsockopt(SOL, so.SO_SNDBUF, 50_000)
    assert client.getsockopt(SOL, so.SO_BUF_LOCK) == 3
    client.setsockopt(SOL, so.SO_BUF_LOCK, 0)
    assert not client.tcb.rcv_buf_locked and not client.tcb.snd_buf_locked
    assert client.getsockopt(SOL, so.SO_SNDBUF) == 100_000 and child.getsockopt(SOL, so.SO_BUF_LOCK) == 0


def test_multicast_options_are_not_for_streams(ends: tuple[Net, Net]) -> None:
    fails(errno.ENOPROTOOPT, stream(ends[0]).setsockopt, so.IPPROTO_IP, so.IP_MULTICAST_TTL, 1)


def test_tcp_info_as_linux_lays_it_out(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.sendall(bytes(100_000))
    while child.recv(100_000) and child.tcb is not None and child.tcb.bytes_received < 100_000:
        pass
    world.settle()
    info = client.getsockopt(TCP, so.TCP_INFO, 256)
    assert isinstance(info, bytes)
    assert info[0] == ESTABLISHED
    (snd_mss,) = struct.unpack_from("=I", info, 16)
    assert snd_mss == 1448
    (bytes_acked,) = struct.unpack_from("=Q", info, 120)
    assert bytes_acked in (100_000, 100_001)
    (pmtu,) = struct.unpack_from("=I", info, 60)
    assert pmtu == 1500
    assert stream(ends[0]).getsockopt(TCP, so.TCP_INFO, 1) == bytes([CLOSED])
    assert listener(ends[1], 99).getsockopt(TCP, so.TCP_INFO, 1) == bytes([10])


def test_tcp_info_before_there_is_a_connection(ends: tuple[Net, Net]) -> None:
    """What a kernel (6.18) tells; the instants are that of nothing, long ago."""
    fresh = unpack_info(bytes(stream(ends[0]).getsockopt(TCP, so.TCP_INFO, INFO_SIZE)))
    never = {"tcpi_last_data_sent", "tcpi_last_data_recv", "tcpi_last_ack_recv"}
    unlimited = {"tcpi_pacing_rate": (1 << 64) - 1, "tcpi_max_pacing_rate": (1 << 64) - 1}
    assert {name: value for name, value in fresh.items() if value and name not in never} == {
        "tcpi_state": 7, "tcpi_rto": 1_000_000, "tcpi_rttvar": 250_000, "tcpi_snd_mss": 536, "tcpi_snd_cwnd": 10,
        "tcpi_snd_ssthresh": 0x7FFFFFFF, "tcpi_reordering": 3, "tcpi_min_rtt": 0xFFFFFFFF,
        "tcpi_delivery_rate_app_limited": 1, **unlimited,
    }  # fmt: skip
    server = listener(ends[1], 99, backlog=5)
    client = stream(ends[0])
    client.connect(("10.0.0.2", 99))
    waiting = unpack_info(bytes(server.getsockopt(TCP, so.TCP_INFO, INFO_SIZE)))
    assert {name: value for name, value in waiting.items() if value} == {
        "tcpi_state": 10, "tcpi_unacked": 1, "tcpi_sacked": 5, "tcpi_snd_cwnd": 10, "tcpi_reordering": 3, **unlimited,
    }  # fmt: skip


def test_dctcp_without_ecn_tells_so(ends: tuple[Net, Net]) -> None:
    """Linux runs dctcp_reno then, which has nothing to tell."""
    _, child = pair(ends)
    child.setsockopt(TCP, so.TCP_CONGESTION, b"dctcp")
    assert child.getsockopt(TCP, so.TCP_CC_INFO, 20) == bytes(16)
