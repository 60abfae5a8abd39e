"""What recvmsg, ioctl and the rarer flags of stream sockets give."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import Any

import pytest

from usernet.core.const import MS, POLLERR, POLLPRI
from usernet.sockets import const as so
from usernet.sockets.const import AF_INET, SOCK_STREAM
from usernet.sockets.factory import socket
from usernet.sockets.tcp import TcpSocket
from usernet.tcp.errqueue import TSTAMP_ACK, TSTAMP_SND
from usernet.tcp.marks import OPT_ID, SOFTWARE, TX_ACK, TX_SOFTWARE

from .world import Net, World, cable

SOL = so.SOL_SOCKET
TCP = 6


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ends(world: World) -> tuple[TcpSocket, TcpSocket]:
    """A connected client and its server."""
    near, far = cable(world)
    server, client = stream(far), stream(near)
    server.bind(("", 80))
    server.listen(1)
    client.connect(("10.0.0.2", 80))
    child, _ = server.accept()
    server.close()
    return client, child


def stream(net: Net) -> TcpSocket:
    made = socket(net, net.host, AF_INET, SOCK_STREAM, 0)
    assert isinstance(made, TcpSocket)
    return made


def fails(err: int, call: Callable[..., object], *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert caught.value.errno == err, caught.value


def report(sock: TcpSocket) -> tuple[int, ...]:
    """sock_extended_err of the next entry: errno, origin, type, code, info, data."""
    data, ancillary, flags, address = sock.recvmsg(0, 512, so.MSG_ERRQUEUE)
    assert data == b"" and flags & so.MSG_ERRQUEUE and address is None
    level, kind, octets = ancillary[-1]
    assert (level, kind, len(octets)) == (so.IPPROTO_IP, so.IP_RECVERR, 32)
    err, origin, type_, code, _pad, info, value = struct.unpack("=IBBBBII", octets[:16])
    return err, origin, type_, code, info, value


def test_urgent_octet_by_msg_oob(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"before")
    client.send(b"!", so.MSG_OOB)
    client.send(b"behind")
    world.settle()
    assert child.poll() & POLLPRI and child.ioctl(so.SIOCINQ) == 6
    assert child.recv(10) == b"before" and child.ioctl(so.SIOCATMARK) == 1
    assert child.recvmsg(1, 0, so.MSG_OOB)[::2] == (b"!", so.MSG_OOB)
    assert child.recv(10) == b"behind" and child.ioctl(so.SIOCATMARK) == 0
    fails(errno.EINVAL, child.recv, 1, so.MSG_OOB)


def test_urgent_octet_in_line(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    child.setsockopt(SOL, so.SO_OOBINLINE, 1)
    client.send(b"be!", so.MSG_OOB)
    world.settle()
    assert child.recv(10) == b"be" and child.ioctl(so.SIOCATMARK) == 1 and child.recv(10) == b"!"
    fails(errno.EINVAL, child.recv, 1, so.MSG_OOB)


def test_zerocopy_completions(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, _child = ends
    client.send(b"without the option", so.MSG_ZEROCOPY)
    client.setsockopt(SOL, so.SO_ZEROCOPY, 1)
    client.send(b"by reference", so.MSG_ZEROCOPY)
    world.settle()
    assert client.poll() & POLLERR
    assert report(client) == (0, 5, 0, 0, 0, 0)
    client.send(bytearray(b"may change, and was copied"), so.MSG_ZEROCOPY)
    client.sendmsg([b"a", b"b"], (), so.MSG_ZEROCOPY)
    world.settle()
    assert report(client) == (0, 5, 0, 1, 1, 2)
    fails(errno.EAGAIN, client.recvmsg, 0, 512, so.MSG_ERRQUEUE)
    assert not client.poll() & POLLERR
    fails(errno.EINVAL, client.setsockopt, SOL, so.SO_ZEROCOPY, 2)


def test_timestamps_of_what_was_sent(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, _child = ends
    fails(errno.EINVAL, client.setsockopt, SOL, so.SO_TIMESTAMPING, 1 << 30)
    client.setsockopt(SOL, so.SO_TIMESTAMPING, TX_SOFTWARE | TX_ACK | SOFTWARE | OPT_ID)
    client.send(b"x" * 100)
    world.settle()
    _, ancillary, flags, _ = client.recvmsg(0, 512, so.MSG_ERRQUEUE)
    assert flags == so.MSG_ERRQUEUE | so.MSG_TRUNC and ancillary[0][:2] == (SOL, so.SCM_TIMESTAMPING)
    seconds, rest, *others = struct.unpack("=6q", ancillary[0][2])
    assert seconds * 1000 * MS + rest == world.now() and others == [0, 0, 0, 0]
    assert struct.unpack("=IBBBBII", ancillary[1][2][:16]) == (42, 4, 0, 0, 0, TSTAMP_SND, 99)
    data, ancillary, flags, _ = client.recvmsg(200, 20, so.MSG_ERRQUEUE)
    assert data == b"x" * 100 and ancillary == [] and flags == so.MSG_ERRQUEUE | so.MSG_CTRUNC
    client.send(b"y")
    world.settle()
    assert report(client)[4:] == (TSTAMP_SND, 100) and report(client)[4:] == (TSTAMP_ACK, 100)


def test_inq_tells_what_is_left_to_read(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"x" * 100)
    world.settle()
    assert child.recvmsg(10, 64)[1] == []
    child.setsockopt(TCP, so.TCP_INQ, 1)
    fails(errno.EINVAL, child.setsockopt, TCP, so.TCP_INQ, 2)
    assert child.recvmsg(10, 64)[1] == [(TCP, so.TCP_CM_INQ, struct.pack("=i", 80))]
    assert child.recvmsg(10, 4)[1:3] == ([], so.MSG_CTRUNC)
    client.shutdown(so.SHUT_WR)
    world.settle()
    assert child.recvmsg(100, 64)[1] == [(TCP, so.TCP_CM_INQ, struct.pack("=i", 1))]


def test_a_peek_offset_moves_on_by_itself(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"0123456789")
    world.settle()
    assert child.getsockopt(SOL, so.SO_PEEK_OFF) == -1
    assert child.recv(4, so.MSG_PEEK) == child.recv(4, so.MSG_PEEK) == b"0123"
    child.setsockopt(SOL, so.SO_PEEK_OFF, 2)
    assert [child.recv(4, so.MSG_PEEK) for _ in range(2)] == [b"2345", b"6789"]
    assert child.recv(10) == b"0123456789"


def test_queue_lengths(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.setsockopt(TCP, so.TCP_CORK, 1)
    client.send(b"x" * 100)
    assert (client.ioctl(so.SIOCOUTQ), client.ioctl(so.SIOCOUTQNSD)) == (100, 100)
    client.setsockopt(TCP, so.TCP_CORK, 0)
    assert (client.ioctl(so.SIOCOUTQ), client.ioctl(so.SIOCOUTQNSD)) == (100, 0)
    client.shutdown(so.SHUT_WR)
    assert client.ioctl(so.SIOCOUTQ) == 101
    world.settle()
    # The FIN's acknowledgment may wait a little; it counts as an octet (Linux).
    assert client.ioctl(so.SIOCOUTQ) == 1 and child.ioctl(so.SIOCINQ) == 100
    fails(errno.ENOTTY, client.ioctl, 0x1234)


def test_a_blocking_send_takes_everything(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.setsockopt(SOL, so.SO_SNDBUF, 10_000)
    got = bytearray()

    def read() -> None:
        if child.ioctl(so.SIOCINQ):
            got.extend(child.recv(1 << 20, so.MSG_DONTWAIT))
        if len(got) < 300_000:
            world.at(MS, read)

    world.at(MS, read)
    assert client.send(b"z" * 300_000) == 300_000
    world.settle()
    child.recv(1 << 20)
    world.settle()
    client.timeout_ns = 0
    assert 0 < client.send(b"z" * 300_000) < 300_000


def test_memory_as_ss_shows_it(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"x" * 1000)
    queued = struct.unpack("=9I", client.getsockopt(SOL, so.SO_MEMINFO, 36))  # type: ignore[arg-type]
    assert queued[3] == client.getsockopt(SOL, so.SO_SNDBUF) and queued[5] > 1000
    world.settle()
    held = struct.unpack("=9I", child.getsockopt(SOL, so.SO_MEMINFO, 36))  # type: ignore[arg-type]
    assert held[0] >= 1000 and held[1] == child.getsockopt(SOL, so.SO_RCVBUF)
    child.recv(1000)
    assert struct.unpack("=9I", child.getsockopt(SOL, so.SO_MEMINFO, 36))[0] == 0  # type: ignore[arg-type]


def test_notsent_lowat(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, _child = ends
    client.setsockopt(TCP, so.TCP_NOTSENT_LOWAT, 1000)
    assert client.getsockopt(TCP, so.TCP_NOTSENT_LOWAT) == 1000
    client.setsockopt(TCP, so.TCP_CORK, 1)
    client.timeout_ns = 0
    # What is below it when a piece begins is taken to the end of the piece.
    assert client.send(b"x" * 200_000) < 70_000
    fails(errno.EAGAIN, client.send, b"x" * 200_000)


def test_a_trace_keeps_the_last_events(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, _child = ends
    trace = client.start_trace(3)
    client.send(b"x" * 10)
    world.settle()
    client.send(b"y" * 10)
    world.settle()
    events = list(trace.dicts())
    assert [event["event"] for event in events] == ["arrived", "sent", "arrived"] and trace.dropped == 1
    assert [event["snd_una"] for event in events] == [1, 11, 11]
    assert events[-1]["state"] == "ESTABLISHED" and len(list(trace.lines())) == 3
    fails(errno.ENOTCONN, stream(client.stack).start_trace)
