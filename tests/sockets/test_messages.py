"""What recvmsg, ioctl and the rarer flags of stream sockets give."""

from __future__ import annotations

import errno
import struct

import pytest

from usernet.core.const import MS, POLLERR, POLLPRI
from usernet.sockets import const as so
from usernet.sockets import messages
from usernet.sockets.base import Ancillary
from usernet.sockets.tcp import TcpSocket
from usernet.tcp.errqueue import TSTAMP_ACK, TSTAMP_SND
from usernet.tcp.marks import OPT_ID, RX_SOFTWARE, SOFTWARE, TX_ACK, TX_SOFTWARE

from .streams import fails, stream
from .world import World, cable

SOL = so.SOL_SOCKET
TCP = 6


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


def read_from_now_on(world: World, sock: TcpSocket, n: int) -> None:
    """A reader comes by every millisecond until it has n octets."""
    left = n

    def read() -> None:
        nonlocal left
        if sock.ioctl(so.SIOCINQ):
            left -= len(sock.recv(1 << 20, so.MSG_DONTWAIT))
        if left > 0:
            world.at(MS, read)

    world.at(MS, read)


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


def test_when_text_came(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends

    def told(n: int, flags: int = 0) -> list[tuple[int, tuple[int, ...]]]:
        return [(kind, struct.unpack(f"={len(data) // 8}q", data)) for _, kind, data in child.recvmsg(n, 512, flags)[1]]

    def stamp(at: int, kind: int = so.SO_TIMESTAMPNS) -> tuple[int, tuple[int, ...]]:
        return kind, (at // 10**9, at % 10**9)

    client.send(b"unstamped.")
    world.settle()
    child.setsockopt(SOL, so.SO_TIMESTAMPNS, 1)
    came = []
    for size in (1000, 1000, 10, 10):
        world.advance(7 * MS)
        came.append(world.now())
        client.send(bytes(size))
        world.settle()
    assert told(10) == []
    assert told(1, so.MSG_PEEK) == told(1000, so.MSG_PEEK) == [stamp(came[0])]
    assert told(1001, so.MSG_PEEK) == [stamp(came[1])]
    assert told(500) == told(500) == [stamp(came[0])]
    # Short text is joined with what follows it (Linux).
    assert told(1001) == told(9) == told(9) == [stamp(came[3])]
    child.setsockopt(SOL, so.SO_TIMESTAMP, 1)
    child.setsockopt(SOL, so.SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)
    # What waits already keeps its instant.
    assert told(1) == [
        (so.SO_TIMESTAMP, (came[3] // 10**9, came[3] % 10**9 // 1000)),
        (so.SCM_TIMESTAMPING, (came[3] // 10**9, came[3] % 10**9, 0, 0, 0, 0)),
    ]
    client.send(b"more")
    world.settle()
    assert child.recvmsg(1, 20)[1:3] == (
        [(SOL, so.SO_TIMESTAMP, struct.pack("=q", world.now() // 10**9)[:4])],
        so.MSG_CTRUNC,
    )
    child.setsockopt(SOL, so.SO_TIMESTAMP, 0)
    child.setsockopt(SOL, so.SO_TIMESTAMPING, SOFTWARE)
    assert told(3) == []


def test_reading_lets_go_of_the_instants(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    child.setsockopt(SOL, so.SO_TIMESTAMPNS, 1)
    came = []
    for _ in range(10):
        world.advance(MS)
        came.append(world.now())
        client.send(bytes(1000))
        world.settle()
    assert child.tcb is not None and child.tcb.arrivals is not None
    entries = child.tcb.arrivals.entries
    assert len(entries) == 10
    for at in came:
        for n in (0, 100, 900):
            if n:
                assert child.recvmsg(n, 512)[1][0][2] == struct.pack("=qq", at // 10**9, at % 10**9)
            assert all(behind >= child.tcb.bytes_received - child.tcb.available() for _, behind, _ in entries)
    assert len(entries) == 1


def test_what_recvmsg_tells_is_found_with_the_lock_that_it_read_with(
    world: World, ends: tuple[TcpSocket, TcpSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, child = ends
    child.setsockopt(SOL, so.SO_TIMESTAMPNS, 1)
    child.setsockopt(TCP, so.TCP_INQ, 1)
    client.send(b"stamped")
    world.settle()
    locked = []

    def fitting(items: Ancillary, room: int) -> tuple[Ancillary, int]:
        locked.append(world.lock.is_owned())  # type: ignore[attr-defined]
        return items, 0

    monkeypatch.setattr(messages, "fitting", fitting)
    assert len(child.recvmsg(4, 512)[1]) == 2 and locked == [True]
    assert not world.lock.is_owned()  # type: ignore[attr-defined]


def test_an_accepted_connection_stamps_what_came_before_accept(world: World) -> None:
    near, far = cable(world)
    server, client = stream(far), stream(near)
    server.setsockopt(SOL, so.SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)
    server.bind(("", 80))
    server.listen(1)
    client.connect(("10.0.0.2", 80))
    came = world.now()
    client.send(b"early")
    world.advance(50 * MS)
    child, _ = server.accept()
    _, ancillary, _, _ = child.recvmsg(9, 512)
    assert [struct.unpack("=6q", data)[:2] for _, _, data in ancillary] == [(came // 10**9, came % 10**9)]


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
    assert (
        data == b"x" * 100 and [len(item[2]) for item in ancillary] == [4] and flags == so.MSG_ERRQUEUE | so.MSG_CTRUNC
    )
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


def test_reading_moves_a_peek_offset_back(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"abcdefgh")
    world.settle()
    child.setsockopt(SOL, so.SO_PEEK_OFF, 4)
    assert child.recv(2) == b"ab"
    assert child.getsockopt(SOL, so.SO_PEEK_OFF) == 2
    assert child.recv(1, so.MSG_PEEK) == b"e"
    assert child.recv_into(bytearray(2)) == 2 and child.getsockopt(SOL, so.SO_PEEK_OFF) == 1
    assert child.recv(2, so.MSG_WAITALL) == b"ef"
    assert child.getsockopt(SOL, so.SO_PEEK_OFF) == 0
    assert child.recv(9, so.MSG_PEEK) == b"gh"


def test_peeking_for_all_waits_for_all(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    both = so.MSG_PEEK | so.MSG_WAITALL
    client.send(b"abc")
    world.settle()
    assert child.recv(6, both | so.MSG_DONTWAIT) == b"abc"
    world.at(MS, lambda: client.send(b"de"))
    world.at(2 * MS, lambda: client.send(b"f"))
    assert child.recv(6, both) == b"abcdef"
    child.rcvtimeo_ns = 50 * MS
    assert child.recv(7, both) == b"abcdef"
    child.setsockopt(SOL, so.SO_PEEK_OFF, 6)
    fails(errno.EAGAIN, child.recv, 1, so.MSG_PEEK)
    child.rcvtimeo_ns = 0
    world.at(MS, lambda: client.send(b"g"))
    assert child.recv(1, both) == b"g"
    child.setsockopt(SOL, so.SO_PEEK_OFF, 0)
    world.at(MS, lambda: client.shutdown(so.SHUT_WR))
    assert child.recv(9, both) == b"abcdefg"
    assert child.recv(9, both) == b""


def test_an_urgent_octet_ends_what_is_waited_for(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.send(b"ab!", so.MSG_OOB)
    client.send(b"cd")
    world.settle()
    assert child.recv(4, so.MSG_PEEK | so.MSG_WAITALL) == b"ab"
    assert child.recv(4, so.MSG_WAITALL) == b"ab"
    assert child.recv(2, so.MSG_PEEK | so.MSG_WAITALL) == b"cd"
    assert child.recv(2, so.MSG_WAITALL) == b"cd"


def test_reports_nobody_has_read_end_no_other_call(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.setsockopt(SOL, so.SO_ZEROCOPY, 1)
    client.send(b"question", so.MSG_ZEROCOPY)
    world.advance(50 * MS)
    assert client.poll() & POLLERR
    waits = world.waits
    world.at(MS, lambda: child.send(b"answer"))
    assert client.recv(10) == b"answer" and world.waits == waits + 1
    client.setsockopt(SOL, so.SO_RCVLOWAT, 4)
    world.at(MS, lambda: child.send(b"ab"))
    world.at(2 * MS, lambda: child.send(b"cd"))
    assert client.recv(10) == b"abcd"
    assert report(client)[4:] == (0, 0)


@pytest.mark.parametrize("half", ["the peer's FIN", "SHUT_RD"])
def test_unread_reports_end_no_wait_of_a_half_closed_sender(
    world: World, ends: tuple[TcpSocket, TcpSocket], half: str
) -> None:
    client, child = ends
    client.setsockopt(SOL, so.SO_TIMESTAMPING, SOFTWARE | TX_ACK)
    client.setsockopt(SOL, so.SO_SNDBUF, 10_000)
    client.send(b"reported")
    world.advance(50 * MS)
    if half == "SHUT_RD":
        client.shutdown(so.SHUT_RD)
    else:
        child.shutdown(so.SHUT_WR)
        world.advance(50 * MS)
    assert client.poll() & POLLERR
    read_from_now_on(world, child, 300_000)
    assert client.send(b"z" * 300_000) == 300_000
    client.sendall(b"z" * 300_000)
    assert client.recv(1) == b"" and client.poll() & POLLERR
    client.close()


def test_unread_timestamps_take_a_buffer_at_most_and_no_completion_is_lost(
    world: World, ends: tuple[TcpSocket, TcpSocket]
) -> None:
    client, child = ends
    pool = client.stack.context.pool
    client.setsockopt(SOL, so.SO_ZEROCOPY, 1)
    client.setsockopt(SOL, so.SO_TIMESTAMPING, SOFTWARE | TX_SOFTWARE | TX_ACK)
    for _ in range(300):
        client.send(bytes(5000))
        world.settle()
        assert len(child.recv(5000)) == 5000
    assert client.tcb is not None and client.tcb.errors is not None
    assert 0 < client.tcb.errors.held <= client.tcb.rcv_buf
    assert client.stack.context.counters.drops["tcp_report_refused"] > 0
    client.send(bytes(5000), so.MSG_ZEROCOPY)
    world.advance(50 * MS)
    assert pool.used == client.tcb.errors.held
    reports = []
    while client.poll() & POLLERR:
        ancillary = client.recvmsg(0, 512, so.MSG_ERRQUEUE)[1]
        reports.append(struct.unpack("=IBBBBII", ancillary[-1][2][:16])[1])
    assert reports[-1] == 5 and set(reports[:-1]) == {4}
    assert pool.used == 0
    client.send(bytes(5000))
    world.advance(50 * MS)
    assert client.poll() & POLLERR and pool.used > 0
    client.close()
    world.settle()
    assert pool.used == 0


def test_a_disconnected_socket_still_tells_of_its_zero_copy_sends(
    world: World, ends: tuple[TcpSocket, TcpSocket]
) -> None:
    client, _ = ends
    client.setsockopt(SOL, so.SO_ZEROCOPY, 1)
    client.send(b"gone", so.MSG_ZEROCOPY)
    client.disconnect()
    assert client.poll() & POLLERR
    assert report(client)[4:] == (0, 0)
    assert client.getsockopt(SOL, so.SO_ERROR) == errno.ECONNRESET
    assert not client.poll() & POLLERR
    assert client.stack.context.pool.used == 0


def test_queue_lengths_of_a_connection_that_was_reset_are_0(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    client.setsockopt(TCP, so.TCP_CORK, 1)
    client.send(b"x" * 100)
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 0))
    client.setsockopt(TCP, so.TCP_CORK, 0)
    child.close()
    world.settle()
    assert [client.ioctl(request) for request in (so.SIOCINQ, so.SIOCOUTQ, so.SIOCOUTQNSD)] == [0, 0, 0]


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
    read_from_now_on(world, child, 300_000)
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


def test_a_trace_tells_of_each_segment(world: World, ends: tuple[TcpSocket, TcpSocket]) -> None:
    client, child = ends
    trace = client.start_trace()
    client.send(b"x" * 10)
    world.settle()
    child.send(b"reply")
    world.settle()
    told = [[event[name] for name in ("event", "flags", "seg_seq", "seg_ack", "seg_len")] for event in trace.dicts()]
    assert told[:3] == [["sent", "P.", 1, 1, 10], ["arrived", ".", 1, 11, 0], ["arrived", "P.", 1, 11, 5]]
    assert told[3:] == [["sent", ".", 11, 6, 0]]
