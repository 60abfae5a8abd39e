"""How stream sockets end: half-close, resets, lingering and what calls say afterwards."""

from __future__ import annotations

import errno
import struct

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLRDHUP, SECOND
from usernet.sockets import const as so
from usernet.sockets.const import SHUT_RD, SHUT_RDWR, SHUT_WR
from usernet.tcp.const import TIME_WAIT

from .streams import SERVER, SOL, TCP, broken, fails, listener, pair, stream
from .world import Net, World


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
