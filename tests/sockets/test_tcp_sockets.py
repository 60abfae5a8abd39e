"""Stream sockets over two stacks and a cable, call by call and errno by errno."""

from __future__ import annotations

import errno
import hashlib
import struct
from collections.abc import Callable
from typing import Any

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP, SECOND
from usernet.core.packet import Packet
from usernet.link.device import Device, Stage
from usernet.sockets import const as so
from usernet.sockets.const import AF_INET, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_STREAM
from usernet.sockets.factory import socket
from usernet.sockets.tcp import TcpSocket
from usernet.tcp.const import CLOSED, ESTABLISHED, TIME_WAIT
from usernet.testing.drill.code import INFO_SIZE, unpack_info

from .world import Net, World, cable

SOL = so.SOL_SOCKET
TCP = 6
SERVER = ("10.0.0.2", 80)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ends(world: World) -> tuple[Net, Net]:
    return cable(world)


def stream(net: Net) -> TcpSocket:
    made = socket(net, net.host, AF_INET, SOCK_STREAM, 0)
    assert isinstance(made, TcpSocket)
    return made


def listener(net: Net, port: int = 80, backlog: int = 10) -> TcpSocket:
    sock = stream(net)
    sock.setsockopt(SOL, so.SO_REUSEADDR, 1)
    sock.bind(("", port))
    sock.listen(backlog)
    return sock


def pair(ends: tuple[Net, Net]) -> tuple[TcpSocket, TcpSocket]:
    """A connected client and the server's accepted socket."""
    server = listener(ends[1])
    client = stream(ends[0])
    client.connect(SERVER)
    child, _ = server.accept()
    server.close()
    return client, child


def fails(err: int, call: Callable[..., object], *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert caught.value.errno == err, caught.value


class Silence(Stage):
    """Loses every IP packet; ARP passes."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def process(self, packet: Packet, now: int) -> None:
        if packet.buf[packet.head + 12 : packet.head + 14] != b"\x08\x00":
            self.device.pass_up(packet, now)


def broken(ends: tuple[Net, Net]) -> None:
    """From now on nothing reaches the server."""
    device = ends[1].ip.interfaces[2].device
    device.ingress = Silence(device)


# Opening.


def test_connect_accept_and_names(ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    client = stream(ends[0])
    client.connect(SERVER)
    child, address = server.accept()
    assert address == client.getsockname() == child.getpeername()
    assert client.getpeername() == child.getsockname() == SERVER
    assert server.getsockname() == ("0.0.0.0", 80)
    fails(errno.ENOTCONN, server.getpeername)


def test_an_unbound_socket_has_an_empty_name(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    assert sock.getsockname() == ("0.0.0.0", 0)
    fails(errno.ENOTCONN, sock.getpeername)


def test_bind_errors(ends: tuple[Net, Net]) -> None:
    net = ends[1]
    sock = stream(net)
    sock.bind(("10.0.0.2", 80))
    assert sock.getsockname() == SERVER
    fails(errno.EINVAL, sock.bind, ("", 81))
    fails(errno.EADDRINUSE, stream(net).bind, ("", 80))
    fails(errno.EADDRNOTAVAIL, stream(net).bind, ("8.8.8.8", 80))
    net.tcp.net_bind_service = False
    fails(errno.EACCES, stream(net).bind, ("", 81))


def test_a_closed_socket_gives_its_port_back(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[1])
    sock.bind(("", 80))
    sock.close()
    stream(ends[1]).bind(("", 80))


def test_listen_without_bind_takes_an_ephemeral_port(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[1])
    sock.listen()
    assert sock.getsockname()[1] >= 32768
    assert sock.getsockopt(SOL, so.SO_ACCEPTCONN) == 1
    sock.listen(5)
    assert sock.listener is not None and sock.listener.backlog == 5


def test_who_may_not_listen(ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    fails(errno.EINVAL, client.listen)


def test_accept_on_what_does_not_listen_is_einval(ends: tuple[Net, Net]) -> None:
    fails(errno.EINVAL, stream(ends[0]).accept)


def test_accept_without_connection_is_eagain(ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    server.timeout_ns = 0
    fails(errno.EAGAIN, server.accept)
    assert server.poll() == 0


def test_accept_waits_and_times_out(world: World, ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    server.timeout_ns = 10 * MS
    with pytest.raises(TimeoutError, match="timed out"):
        server.accept()

    def knock() -> None:
        client = stream(ends[0])
        client.timeout_ns = 0
        fails(errno.EINPROGRESS, client.connect, SERVER)

    world.at(3 * MS, knock)
    start = world.now()
    server.accept()
    assert world.now() == start + 3 * MS


def test_shutdown_of_a_listener_ends_accept_with_einval(world: World, ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    world.at(1 * MS, lambda: server.shutdown(SHUT_RD))
    fails(errno.EINVAL, server.accept)


def test_accepted_sockets_inherit_options(ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    server.setsockopt(TCP, so.TCP_NODELAY, 1)
    server.setsockopt(SOL, so.SO_KEEPALIVE, 1)
    server.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 5))
    client = stream(ends[0])
    client.connect(SERVER)
    child, _ = server.accept()
    assert child.getsockopt(TCP, so.TCP_NODELAY) == 1
    assert child.getsockopt(SOL, so.SO_KEEPALIVE) == 1
    assert child.getsockopt(SOL, so.SO_LINGER, 8) == struct.pack("=ii", 1, 5)
    child.setsockopt(TCP, so.TCP_NODELAY, 0)
    assert server.getsockopt(TCP, so.TCP_NODELAY) == 1


def test_nonblocking_connect_einprogress_ealready_success_eisconn(world: World, ends: tuple[Net, Net]) -> None:
    listener(ends[1])
    sock = stream(ends[0])
    sock.timeout_ns = 0
    fails(errno.EINPROGRESS, sock.connect, SERVER)
    fails(errno.EALREADY, sock.connect, SERVER)
    fails(errno.EAGAIN, sock.send, b"x")
    fails(errno.EAGAIN, sock.recv, 1)
    fails(errno.ENOTCONN, sock.getpeername)
    assert sock.poll() == 0
    world.settle()
    assert sock.poll() == POLLOUT
    assert sock.getsockopt(SOL, so.SO_ERROR) == 0
    sock.connect(SERVER)
    fails(errno.EISCONN, sock.connect, SERVER)
    assert sock.connect_ex(SERVER) == errno.EISCONN


def test_a_listener_cannot_connect(ends: tuple[Net, Net]) -> None:
    fails(errno.EISCONN, listener(ends[1]).connect, SERVER)


@pytest.mark.parametrize("everybody", ["255.255.255.255", "10.0.0.255", "224.0.0.1"])
def test_must_46_connect_to_everybody_is_refused(ends: tuple[Net, Net], everybody: str) -> None:
    fails(errno.ENETUNREACH, stream(ends[0]).connect, (everybody, 80))


def test_econnrefused_and_the_socket_may_try_again(world: World, ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    fails(errno.ECONNREFUSED, sock.connect, SERVER)
    # It has been told, and is as if it had never tried.
    assert sock.poll() == POLLOUT | POLLHUP
    assert sock.getsockname() == ("0.0.0.0", 0)
    fails(errno.ENOTCONN, sock.recv, 1)
    listener(ends[1])
    sock.connect(SERVER)
    assert sock.getpeername() == SERVER


def test_a_refused_nonblocking_connect_is_told_by_so_error(world: World, ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    sock.timeout_ns = 0
    fails(errno.EINPROGRESS, sock.connect, SERVER)
    world.settle()
    assert sock.poll() & (POLLERR | POLLHUP) == POLLERR | POLLHUP
    assert sock.getsockopt(SOL, so.SO_ERROR) == errno.ECONNREFUSED
    fails(errno.ECONNABORTED, sock.connect, SERVER)


def test_connect_ex_returns_errno(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    assert sock.connect_ex(SERVER) == errno.ECONNREFUSED
    listener(ends[1])
    assert stream(ends[0]).connect_ex(SERVER) == 0
    assert stream(ends[0]).connect_ex(("8.8.8.8", 80)) == errno.ENETUNREACH


def test_connect_gives_up_with_etimedout(world: World, ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    sock.setsockopt(TCP, so.TCP_SYNCNT, 2)
    broken(ends)
    start = world.now()
    fails(errno.ETIMEDOUT, sock.connect, SERVER)
    assert world.now() - start >= 6 * SECOND


def test_connect_timeouts(world: World, ends: tuple[Net, Net]) -> None:
    broken(ends)
    sock = stream(ends[0])
    sock.timeout_ns = 10 * MS
    with pytest.raises(TimeoutError, match="timed out"):
        sock.connect(SERVER)
    assert sock.connect_ex(SERVER) == errno.EAGAIN
    sock = stream(ends[0])
    sock.setsockopt(SOL, so.SO_SNDTIMEO, struct.pack("=qq", 0, 10_000))
    fails(errno.EINPROGRESS, sock.connect, SERVER)


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


def test_what_a_refused_connect_leaves_may_listen_or_be_bound(world: World, ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    fails(errno.ECONNREFUSED, sock.connect, SERVER)
    sock.bind(("10.0.0.1", 90))
    sock.listen(1)
    assert sock.getsockname() == ("10.0.0.1", 90)
    assert sock.poll() == 0
    sock.timeout_ns = 0
    fails(errno.EAGAIN, sock.accept)
    client = stream(ends[1])
    client.connect(("10.0.0.1", 90))
    assert sock.accept()[1] == client.getsockname()


def test_a_connect_that_learns_of_a_reset_leaves_no_text_in_memory(world: World, ends: tuple[Net, Net]) -> None:
    server, sock = listener(ends[1]), stream(ends[0])
    sock.timeout_ns = 0
    fails(errno.EINPROGRESS, sock.connect, SERVER)
    world.settle()
    child = server.accept()[0]
    child.send(b"nobody reads it")
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 0))
    child.close()
    world.settle()
    fails(errno.ECONNRESET, sock.connect, SERVER)
    assert ends[0].context.pool.used == 0


def test_a_socket_that_was_connected_does_not_listen(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.close()
    world.settle()
    assert client.recv(1) == b""
    client.shutdown(SHUT_WR)
    world.settle()
    assert client.tcb is not None and client.tcb.state == CLOSED
    fails(errno.EINVAL, client.listen, 1)
    client.disconnect()
    client.listen(1)
    trying = stream(ends[0])
    trying.timeout_ns = 0
    fails(errno.EINPROGRESS, trying.connect, SERVER)
    world.settle()
    fails(errno.EINVAL, trying.listen, 1)


def test_sending_on_a_half_that_is_shut_tells_no_soft_error(world: World, ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.shutdown(SHUT_WR)
    assert client.tcb is not None
    client.tcb.soft_err = errno.EHOSTUNREACH
    fails(errno.EPIPE, client.send, b"x")
    assert client.getsockopt(SOL, so.SO_ERROR) == errno.EHOSTUNREACH


def test_listeners_on_one_port_of_two_devices(world: World, ends: tuple[Net, Net]) -> None:
    net = ends[1]

    def bound(device: bytes, sharing: int) -> TcpSocket:
        sock = stream(net)
        sock.setsockopt(SOL, so.SO_REUSEPORT, sharing)
        sock.setsockopt(SOL, so.SO_BINDTODEVICE, device)
        sock.bind(("", 80 + sharing))
        sock.listen(50)
        return sock

    for sharing in (0, 1):
        socks = [bound(b"lo", sharing), bound(b"eth0", sharing)]
        if sharing:
            socks.append(bound(b"", sharing))
        else:
            # To no device: in the way of both.
            fails(errno.EADDRINUSE, bound, b"", 0)
        for _ in range(20):
            stream(ends[0]).connect(("10.0.0.2", 80 + sharing))
        socks[1].timeout_ns = 0
        for _ in range(20):
            socks[1].accept()
        for sock in socks:
            sock.close()


def test_one_that_is_bound_to_no_device_gets_what_comes_in_elsewhere(world: World, ends: tuple[Net, Net]) -> None:
    socks = []
    for device in (b"lo", b""):
        sock = stream(ends[1])
        sock.setsockopt(SOL, so.SO_REUSEADDR, 1)
        sock.setsockopt(SOL, so.SO_REUSEPORT, 1)
        sock.setsockopt(SOL, so.SO_BINDTODEVICE, device)
        sock.bind(("", 80))
        sock.listen(5)
        socks.append(sock)
    stream(ends[0]).connect(SERVER)
    socks[1].timeout_ns = 0
    socks[1].accept()


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


# Ending.


def test_half_close(ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.sendall(b"request")
    client.shutdown(SHUT_WR)
    fails(errno.EPIPE, client.send, b"more")
    assert child.recv(100) == b"request"
    assert child.recv(100) == b""
    assert child.poll() & (POLLIN | POLLRDHUP) == POLLIN | POLLRDHUP
    child.sendall(b"response")
    child.close()
    assert client.recv(100) == b"response"
    assert client.recv(100) == b""
    assert client.recv(100) == b""


def test_shutdown_rd_reads_the_end(ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.shutdown(SHUT_RD)
    assert client.recv(1) == b""
    fails(errno.EINVAL, client.shutdown, 3)


def test_econnreset_once_then_the_end(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 0))
    child.close()
    world.settle()
    assert client.poll() & (POLLERR | POLLHUP) == POLLERR | POLLHUP
    fails(errno.ECONNRESET, client.recv, 1)
    assert client.recv(1) == b""
    fails(errno.EPIPE, client.send, b"x")
    fails(errno.ENOTCONN, client.getpeername)
    fails(errno.ENOTCONN, client.shutdown, SHUT_RDWR)


def test_what_came_before_the_reset_is_still_read(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.send(b"last words")
    world.settle()
    client.send(b"unread")
    world.settle()
    child.close()  # RFC 2525: unread data makes it a reset
    world.settle()
    assert client.recv(100) == b"last words"
    fails(errno.ECONNRESET, client.recv, 1)


def test_send_reports_the_reset_first_and_epipe_then(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 0))
    child.close()
    world.settle()
    fails(errno.ECONNRESET, client.send, b"x")
    fails(errno.EPIPE, client.send, b"x")


def test_behind_a_fin_there_is_only_the_end(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.close()
    world.settle()
    client.send(b"nobody reads this")
    world.settle()
    assert client.recv(1) == b""
    fails(errno.EPIPE, client.send, b"x")


def test_a_silent_peer_is_etimedout(world: World, ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.setsockopt(TCP, so.TCP_USER_TIMEOUT, 5000)
    broken(ends)
    client.send(b"x")
    fails(errno.ETIMEDOUT, client.recv, 1)
    assert client.recv(1) == b""


def test_lingering_close_waits_for_the_acknowledgment(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 30))
    child.send(b"bye")
    tcb = child.tcb
    assert tcb is not None
    child.close()
    assert tcb.outq() == 0
    broken(ends)
    client.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 3))
    assert client.recv(10) == b"bye"
    start = world.now()
    client.close()
    assert world.now() == start + 3 * SECOND


def test_close_leaves_nothing_but_time_wait(world: World, ends: tuple[Net, Net]) -> None:
    client, child = pair(ends)
    client.close()
    world.settle()
    child.close()
    world.settle()
    assert [tcb.state for tcb in ends[0].tcp.tcbs()] == [TIME_WAIT]
    assert list(ends[1].tcp.tcbs()) == []
    world.advance(61 * SECOND)
    assert list(ends[0].tcp.tcbs()) == []
    assert ends[0].context.pool.used == ends[1].context.pool.used == 0


def test_closing_a_listener_refuses_what_waits(world: World, ends: tuple[Net, Net]) -> None:
    server = listener(ends[1])
    client = stream(ends[0])
    client.connect(SERVER)
    server.close()
    world.settle()
    fails(errno.ECONNRESET, client.recv, 1)
    fails(errno.ECONNREFUSED, stream(ends[0]).connect, SERVER)


def test_every_call_on_a_closed_socket_is_ebadf(ends: tuple[Net, Net]) -> None:
    client, _ = pair(ends)
    client.close()
    client.close()
    assert client.poll() == POLLNVAL | POLLERR | POLLHUP
    for name, args in {
        "recv": (1,), "recvfrom": (1,), "recvmsg": (1,), "recv_into": (bytearray(1),), "send": (b"x",),
        "sendall": (b"x",), "sendto": (b"x", 0, None), "sendmsg": ([b"x"],), "bind": (("", 0),), "connect": (SERVER,),
        "accept": (), "listen": (), "getsockname": (), "getpeername": (), "shutdown": (2,),
        "setsockopt": (SOL, so.SO_KEEPALIVE, 1), "getsockopt": (SOL, so.SO_TYPE),
    }.items():  # fmt: skip
        fails(errno.EBADF, getattr(client, name), *args)
    assert client.connect_ex(SERVER) == errno.EBADF


@pytest.mark.parametrize("call", ["recv", "accept", "sendall", "connect"])
def test_a_close_by_another_wakes_who_waits_with_ebadf(world: World, ends: tuple[Net, Net], call: str) -> None:
    client, child = pair(ends)
    if call == "recv":
        world.at(1 * MS, client.close)
        fails(errno.EBADF, client.recv, 1)
    elif call == "accept":
        server = listener(ends[1], 81)
        world.at(1 * MS, server.close)
        fails(errno.EBADF, server.accept)
    elif call == "sendall":
        world.at(1 * MS, client.close)
        fails(errno.EBADF, client.sendall, bytes(20_000_000))
    else:
        broken(ends)
        sock = stream(ends[0])
        world.at(1 * MS, sock.close)
        fails(errno.EBADF, sock.connect, SERVER)
    assert not child.closed


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
        (so.IPPROTO_IP, so.IP_TTL, 64, 5, 5),
        (so.IPPROTO_IP, so.IP_TOS, 0, 0x13, 0x10),
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
