"""How stream sockets come to be connected: bind, listen, accept and connect, errno by errno."""

from __future__ import annotations

import errno
import struct

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLOUT, SECOND
from usernet.sockets import const as so
from usernet.sockets.const import SHUT_RD, SHUT_WR
from usernet.sockets.tcp import TcpSocket
from usernet.tcp.const import CLOSED

from .streams import SERVER, SOL, TCP, broken, fails, listener, pair, stream
from .world import Net, World


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
