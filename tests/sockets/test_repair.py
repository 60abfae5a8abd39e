"""TCP_REPAIR: a connection leaves one stack and goes on in another, and its peer does not notice."""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Any

import pytest

from usernet.core.packet import Packet
from usernet.link.device import Device, Stage
from usernet.sockets import const as so
from usernet.sockets.const import MSG_DONTWAIT, MSG_PEEK, SHUT_RDWR, SHUT_WR
from usernet.sockets.tcp import TcpSocket
from usernet.tcp.const import CLOSED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT

from .streams import stream
from .test_auth_options import ao_add
from .world import Net, World, cable

TCP = 6
OFF_NO_PROBE, OFF, ON = -1, 0, 1
NONE, RECV, SEND = 0, 1, 2
MSS, WINDOW, SACK, STAMPS = 2, 3, 4, 8
MOVER, PEER = ("10.0.0.1", 4000), ("10.0.0.2", 80)
ISS = 0xFFFFFF00
MS = 1_000_000


class Wire(Stage):
    """One direction of the cable: how many frames there were, and those that are lost."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.frames = 0
        self.is_cut = False
        self.drops: list[int] = []

    def process(self, packet: Packet, now: int) -> None:
        self.frames += 1
        if not self.is_cut and self.frames not in self.drops:
            self.device.emit(packet, now)


@dataclass
class Place:
    """Two stacks, and a third that takes the place of the first."""

    world: World
    a: Net
    b: Net

    def __post_init__(self) -> None:
        self.left = self.a.ip.interfaces[2].device
        right = self.b.ip.interfaces[2].device
        self.left.egress = self.out = Wire(self.left)
        right.egress = self.back = Wire(right)

    def cut(self, is_cut: bool = True) -> None:
        self.out.is_cut = self.back.is_cut = is_cut

    def another(self) -> Net:
        """The machine a connection moves to: the cable is plugged into it."""
        net = Net(self.world, "c")
        self.world.settle()
        net.attach(self.left, "10.0.0.1/24")
        return net


@pytest.fixture
def place() -> Place:
    world = World()
    return Place(world, *cable(world))


def option(sock: TcpSocket, name: int) -> int:
    octets = sock.getsockopt(TCP, name, 4)
    assert isinstance(octets, bytes)
    return int.from_bytes(octets, "little")


def select(sock: TcpSocket, queue: int, seq: int | None = None) -> None:
    sock.setsockopt(TCP, so.TCP_REPAIR_QUEUE, queue)
    if seq is not None:
        sock.setsockopt(TCP, so.TCP_QUEUE_SEQ, struct.pack("=I", seq & 0xFFFFFFFF))


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return errno.errorcode[caught.value.errno or 0]


def opened(place: Place, *, signed: bool = False) -> tuple[TcpSocket, TcpSocket]:
    """A connection whose first numbers are near the end of their range."""
    server, client = stream(place.b), stream(place.a)
    if signed:
        server.setsockopt(TCP, so.TCP_AO_ADD_KEY, ao_add("10.0.0.1", 2, 1))
        client.setsockopt(TCP, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 2))
    server.bind(PEER)
    server.listen(5)
    client.bind(MOVER)
    client.setsockopt(TCP, so.TCP_REPAIR, ON)
    select(client, SEND, ISS)
    client.setsockopt(TCP, so.TCP_REPAIR, OFF)
    client.connect(PEER)
    child, _ = server.accept()
    server.close()
    assert client.tcb is not None and client.tcb.iss == ISS
    return client, child


@dataclass
class Image:
    """What is known of a connection that was taken out of its socket."""

    unread: bytes
    sent: bytes
    unsent: bytes
    read_to: int
    written_to: int
    options: bytes
    windows: bytes
    stamp: bytes


def dump(sock: TcpSocket) -> Image:
    """As CRIU does it."""
    info = sock.tcb.info() if sock.tcb is not None else {}
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    waiting, queued = sock.ioctl(so.SIOCOUTQNSD), sock.ioctl(so.SIOCOUTQ)
    select(sock, RECV)
    read_to = option(sock, so.TCP_QUEUE_SEQ)
    unread = b""
    if inq := sock.ioctl(so.SIOCINQ):
        unread = sock.recv(inq + 1, MSG_PEEK | MSG_DONTWAIT)
        assert len(unread) == inq
    select(sock, SEND)
    written_to = option(sock, so.TCP_QUEUE_SEQ)
    text = sock.recv(queued + 1, MSG_PEEK | MSG_DONTWAIT)
    assert len(text) == queued
    options = struct.pack("=II", MSS, option(sock, so.TCP_MAXSEG))
    # TCPI_OPT_TIMESTAMPS, _SACK and _WSCALE.
    bits = int(info["options"])
    if bits & 4:
        options += struct.pack("=II", WINDOW, int(info["snd_wscale"]) | int(info["rcv_wscale"]) << 16)
    if bits & 2:
        options += struct.pack("=II", SACK, 0)
    if bits & 1:
        options += struct.pack("=II", STAMPS, 0)
    windows, stamp = sock.getsockopt(TCP, so.TCP_REPAIR_WINDOW, 20), sock.getsockopt(TCP, so.TCP_TIMESTAMP, 4)
    assert isinstance(windows, bytes) and isinstance(stamp, bytes)
    sock.close()
    cut = queued - waiting
    return Image(unread, text[:cut], text[cut:], read_to, written_to, options, windows, stamp)


def restore(net: Net, image: Image, end: int = OFF) -> TcpSocket:
    """As CRIU does it."""
    sock = stream(net)
    sock.setsockopt(so.SOL_SOCKET, so.SO_SNDBUFFORCE, 1 << 17)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.bind(MOVER)
    select(sock, RECV, image.read_to - len(image.unread))
    select(sock, SEND, image.written_to - len(image.sent + image.unsent))
    sock.connect(PEER)
    sock.setsockopt(TCP, so.TCP_REPAIR_OPTIONS, image.options)
    sock.setsockopt(TCP, so.TCP_TIMESTAMP, image.stamp)
    select(sock, RECV)
    sock.sendall(image.unread)
    select(sock, SEND)
    sock.sendall(image.sent)
    sock.setsockopt(TCP, so.TCP_REPAIR_WINDOW, image.windows)
    if image.unsent:
        # Never sent, it needs no repair.
        sock.setsockopt(TCP, so.TCP_REPAIR, OFF_NO_PROBE)
        sock.sendall(image.unsent)
        sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.setsockopt(TCP, so.TCP_REPAIR, end)
    return sock


def take(sock: TcpSocket, n: int) -> bytes:
    parts = []
    while n > 0:
        parts.append(sock.recv(n))
        assert parts[-1]
        n -= len(parts[-1])
    return b"".join(parts)


LONG = bytes(range(256)) * 400


@pytest.mark.parametrize("end", [OFF, OFF_NO_PROBE])
@pytest.mark.parametrize("lacking", [(), ("timestamps",), ("sack",), ("window_scaling",), ("timestamps", "sack")])
def test_a_connection_moves_with_both_queues_whole(place: Place, lacking: tuple[str, ...], end: int) -> None:
    for name in lacking:
        place.a.context.sysctl.set(f"net.ipv4.tcp_{name}", 0)
    mover, peer = opened(place)
    peer.sendall(b"read, ")
    assert mover.recv(100) == b"read, "
    mover.sendall(b"acknowledged, ")
    assert peer.recv(100) == b"acknowledged, "
    peer.sendall(b"unread, ")
    place.world.settle()
    place.out.is_cut = True
    mover.sendall(LONG[:60_000])
    assert 0 < mover.ioctl(so.SIOCOUTQNSD) < mover.ioctl(so.SIOCOUTQ)
    place.cut()
    frames = place.out.frames
    image = dump(mover)
    assert image.sent + image.unsent == LONG[:60_000] and image.unread == b"unread, "
    assert place.out.frames == frames, "nothing is said of the end here"
    assert place.a.context.pool.used == 0 and place.a.tcp.ext.TCPAbortOnClose == 0

    c = place.another()
    place.world.clock += 3 * 1_000_000_000
    sock = restore(c, image, end)
    place.cut(False)
    assert take(peer, 60_000) == LONG[:60_000]
    assert take(sock, 8) == b"unread, "
    for text in (b"on and on", LONG):
        sock.sendall(text)
        assert take(peer, len(text)) == text
        peer.sendall(text)
        assert take(sock, len(text)) == text
    sock.close()
    assert peer.recv(1) == b""
    peer.close()
    place.world.advance(1_000 * MS)
    assert c.context.pool.used == place.b.context.pool.used == 0
    assert place.b.tcp.mib.EstabResets == place.b.tcp.mib.OutRsts == c.tcp.mib.OutRsts == c.tcp.mib.ActiveOpens == 0


def test_what_a_gap_held_is_sent_again_by_the_peer(place: Place) -> None:
    mover, peer = opened(place)
    place.back.drops = [place.back.frames + 1]
    peer.sendall(b"lost, ")
    place.world.settle()
    peer.setsockopt(TCP, so.TCP_NODELAY, 1)
    peer.sendall(b"held")
    place.world.settle()
    assert mover.tcb is not None and mover.tcb.ofo.held
    assert peer.tcb is not None and peer.tcb.board.sacked_out == 1
    sock = restore(place.another(), dump(mover))
    assert take(sock, 10) == b"lost, held"


def test_signatures_go_on_with_the_numbers_they_had(place: Place) -> None:
    mover, peer = opened(place, signed=True)
    # Past the end of the numbers: the SNE of what is sent from here on is 1.
    mover.sendall(bytes(1000))
    assert take(peer, 1000) == bytes(1000)
    assert refused(mover.getsockopt, TCP, so.TCP_AO_REPAIR, 16) == "EPERM"
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    standing = mover.getsockopt(TCP, so.TCP_AO_REPAIR, 16)
    assert isinstance(standing, bytes)
    assert standing[:4] == ISS.to_bytes(4, "big") and struct.unpack("=II", standing[8:]) == (1, 0)
    image = dump(mover)

    sock = stream(place.another())
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.bind(MOVER)
    select(sock, RECV, image.read_to)
    select(sock, SEND, image.written_to)
    sock.connect(PEER)
    assert refused(sock.setsockopt, TCP, so.TCP_AO_REPAIR, standing) == "ENOENT"
    sock.setsockopt(TCP, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 2))
    assert refused(sock.setsockopt, TCP, so.TCP_AO_REPAIR, standing[:15]) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_AO_REPAIR, standing + b"\1") == "E2BIG"
    sock.setsockopt(TCP, so.TCP_AO_REPAIR, standing)
    assert sock.getsockopt(TCP, so.TCP_AO_REPAIR, 16) == standing
    sock.setsockopt(TCP, so.TCP_REPAIR_WINDOW, image.windows)
    sock.setsockopt(TCP, so.TCP_REPAIR, OFF)
    sock.sendall(b"signed still")
    assert take(peer, 12) == b"signed still"
    peer.sendall(b"so is this")
    assert take(sock, 10) == b"so is this"
    assert place.b.tcp.ext.TCPAOBad == 0 and place.b.tcp.ext.TCPAOGood > 0


def test_the_numbers_behind_signatures_wrap_as_well(place: Place) -> None:
    mover, peer = opened(place, signed=True)
    for sock in (mover, peer):
        sock.setsockopt(TCP, so.TCP_REPAIR, ON)
        standing = sock.getsockopt(TCP, so.TCP_AO_REPAIR, 16)
        assert isinstance(standing, bytes)
        sock.setsockopt(TCP, so.TCP_AO_REPAIR, standing[:8] + b"\xff" * 8)
        sock.setsockopt(TCP, so.TCP_REPAIR, OFF_NO_PROBE)
    mover.sendall(bytes(1000))
    assert take(peer, 1000) == bytes(1000)
    place.world.advance(1_000 * MS)
    for sock, at in ((mover, 8), (peer, 12)):
        sock.setsockopt(TCP, so.TCP_REPAIR, ON)
        standing = sock.getsockopt(TCP, so.TCP_AO_REPAIR, 16)
        assert isinstance(standing, bytes) and standing[at : at + 4] == bytes(4)


def test_our_own_fin_is_restored(place: Place) -> None:
    mover, peer = opened(place)
    place.out.is_cut = True
    mover.sendall(b"the last of it")
    mover.shutdown(SHUT_WR)
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    select(mover, SEND)
    assert option(mover, so.TCP_QUEUE_SEQ) == (ISS + 1 + 14 + 1) & 0xFFFFFFFF
    assert mover.ioctl(so.SIOCOUTQ) == 15
    text = mover.recv(100, MSG_PEEK)
    select(mover, RECV)
    windows = mover.getsockopt(TCP, so.TCP_REPAIR_WINDOW, 20)
    read_to = option(mover, so.TCP_QUEUE_SEQ)
    mover.close()
    image = Image(b"", text, b"", read_to, ISS + 1 + 14, struct.pack("=II", MSS, 1460), b"", b"")
    assert isinstance(windows, bytes)
    image.windows = windows
    sock = stream(place.another())
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.bind(MOVER)
    select(sock, RECV, read_to)
    select(sock, SEND, ISS + 1)
    sock.connect(PEER)
    sock.sendall(text)
    frames = place.out.frames
    sock.shutdown(SHUT_WR)
    assert sock.tcb is not None and sock.tcb.state == FIN_WAIT_1 and place.out.frames == frames
    assert refused(sock.sendall, b"more") == "EPIPE"
    sock.setsockopt(TCP, so.TCP_REPAIR, OFF)
    place.cut(False)
    place.world.advance(5_000 * MS)
    assert take(peer, 14) == text and peer.recv(1) == b""
    assert sock.tcb.state == FIN_WAIT_2
    peer.close()
    assert sock.recv(1) == b""


def test_shutdown_without_a_queue_sends_its_fin(place: Place) -> None:
    mover, peer = opened(place)
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    mover.shutdown(SHUT_RDWR)
    assert peer.recv(1) == b""


def test_peeking_takes_nothing(place: Place) -> None:
    mover, peer = opened(place)
    peer.sendall(b"to read")
    place.world.settle()
    place.cut()
    mover.sendall(b"sent")
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    assert refused(mover.recv, 10) == "EPERM"
    assert refused(mover.recv_into, bytearray(10)) == "EPERM"
    assert refused(mover.recvmsg, 10) == "EPERM"
    assert refused(mover.recv, 10, MSG_PEEK) == "EINVAL"
    assert refused(mover.send, b"x") == "EINVAL"
    select(mover, RECV)
    for _ in range(2):
        assert mover.recv(100, MSG_PEEK) == b"to read"
        assert mover.recv(2, MSG_PEEK) == b"to"
    select(mover, SEND)
    buffer = bytearray(10)
    assert mover.recv_into(buffer, 0, MSG_PEEK) == 4 and buffer[:4] == b"sent"
    assert refused(mover.recv, 3, MSG_PEEK) == "EFAULT"
    mover.setsockopt(TCP, so.TCP_REPAIR, OFF)
    assert mover.recv(100) == b"to read"
    place.cut(False)
    assert peer.recv(100) == b"sent"


@pytest.mark.parametrize("how", ["close", "linger", "disconnect"])
def test_the_end_in_repair_mode_is_silent(place: Place, how: str) -> None:
    mover, peer = opened(place)
    peer.sendall(b"unread")
    place.world.settle()
    mover.sendall(b"on its way")
    if how == "linger":
        mover.setsockopt(so.SOL_SOCKET, so.SO_LINGER, struct.pack("=ii", 1, 0))
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    frames = place.out.frames
    if how == "disconnect":
        mover.disconnect()
    else:
        mover.close()
    assert place.out.frames == frames
    assert place.a.context.pool.used == 0 and place.a.tcp.mib.CurrEstab == 0
    assert peer.tcb is not None and peer.tcb.state == ESTABLISHED


def test_the_window_is_asked_for_unless_told_otherwise(place: Place) -> None:
    mover, _ = opened(place)
    place.cut()
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    frames = place.out.frames
    mover.setsockopt(TCP, so.TCP_REPAIR, OFF_NO_PROBE)
    assert place.out.frames == frames and place.a.tcp.ext.TCPWinProbe == 0
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    mover.setsockopt(TCP, so.TCP_REPAIR, OFF)
    assert place.out.frames == frames + 1 and place.a.tcp.ext.TCPWinProbe == 1


def test_a_port_in_use_is_no_hindrance(place: Place) -> None:
    mover, peer = opened(place)
    listener = stream(place.a)
    assert refused(listener.bind, MOVER) == "EADDRINUSE"
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    select(mover, RECV)
    read_to = option(mover, so.TCP_QUEUE_SEQ)
    listener.setsockopt(TCP, so.TCP_REPAIR, ON)
    listener.bind(MOVER)
    listener.setsockopt(TCP, so.TCP_REPAIR, OFF)
    listener.listen(1)
    # One of the same four addresses and ports is.
    twin = stream(place.a)
    twin.setsockopt(TCP, so.TCP_REPAIR, ON)
    twin.bind(MOVER)
    select(twin, SEND, ISS + 1)
    select(twin, RECV, read_to)
    assert refused(twin.connect, PEER) == "EADDRNOTAVAIL"
    mover.close()
    twin.connect(PEER)
    twin.setsockopt(TCP, so.TCP_REPAIR, OFF)
    twin.sendall(b"it is me")
    assert peer.recv(10) == b"it is me"
    other = stream(place.a)
    other.setsockopt(so.SOL_SOCKET, so.SO_REUSEADDR, 1)
    assert refused(other.bind, MOVER) == "EADDRINUSE"


def test_reuse_is_off_behind_repair(place: Place) -> None:
    sock = stream(place.a)
    sock.setsockopt(so.SOL_SOCKET, so.SO_REUSEADDR, 1)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.setsockopt(TCP, so.TCP_REPAIR, OFF)
    assert sock.getsockopt(so.SOL_SOCKET, so.SO_REUSEADDR) == 0


def test_a_connection_resumes_in_the_place_of_its_time_wait(place: Place) -> None:
    mover, peer = opened(place)
    mover.close()
    place.world.settle()
    peer.close()
    place.world.settle()
    assert [t.state for t in place.a.tcp.tcbs()] == [TIME_WAIT]
    place.world.advance(2_000 * MS)
    place.a.context.sysctl.set("net.ipv4.tcp_tw_reuse", 1)
    sock = stream(place.a)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.bind(MOVER)
    select(sock, SEND, 12345)
    sock.connect(PEER)
    assert option(sock, so.TCP_QUEUE_SEQ) == 12345


def test_errors_are_those_of_linux(place: Place) -> None:
    sock = stream(place.a)
    for name in (so.TCP_REPAIR_QUEUE, so.TCP_TIMESTAMP):
        assert refused(sock.setsockopt, TCP, name, 1) == "EPERM"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_WINDOW, bytes(20)) == "EPERM"
    assert refused(sock.getsockopt, TCP, so.TCP_REPAIR_WINDOW, 20) == "EPERM"
    assert refused(sock.getsockopt, TCP, so.TCP_REPAIR_WINDOW, 16) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_OPTIONS, bytes(8)) == "EINVAL"
    assert refused(sock.getsockopt, TCP, so.TCP_REPAIR_OPTIONS, 8) == "ENOPROTOOPT"
    assert refused(sock.getsockopt, TCP, so.TCP_REPAIR_QUEUE, 4) == "EINVAL"
    assert refused(sock.getsockopt, TCP, so.TCP_QUEUE_SEQ, 4) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_QUEUE_SEQ, 1) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR, 2) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR, b"\1") == "EINVAL"
    assert sock.getsockopt(TCP, so.TCP_REPAIR) == 0
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    assert sock.getsockopt(TCP, so.TCP_REPAIR) == 1 and sock.getsockopt(TCP, so.TCP_REPAIR_QUEUE) == NONE
    for queue in (3, -1):
        assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_QUEUE, queue) == "EINVAL"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_OPTIONS, bytes(8)) == "EPERM"
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_WINDOW, bytes(19)) == "EINVAL"
    assert refused(sock.recv, 1) == "EPERM" and refused(sock.send, b"x") == "EPIPE"
    select(sock, RECV)
    assert refused(sock.recv, 1, MSG_PEEK) == "ENOTCONN"
    sock.bind(MOVER)
    sock.setsockopt(TCP, so.TCP_REPAIR, OFF)
    sock.listen(1)
    assert refused(sock.setsockopt, TCP, so.TCP_REPAIR, ON) == "EPERM"
    assert refused(sock.setsockopt, TCP, so.TCP_QUEUE_SEQ, 1) == "EPERM"


def test_options_and_windows_are_checked(place: Place) -> None:
    sock = stream(place.a)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    select(sock, RECV, 1000)
    sock.connect(PEER)
    assert refused(sock.setsockopt, TCP, so.TCP_QUEUE_SEQ, 1) == "EPERM"
    for entry, name in (
        ((WINDOW, 15), "EFBIG"), ((WINDOW, 15 << 16), "EFBIG"), ((SACK, 1), "EINVAL"), ((STAMPS, 1), "EINVAL"),
    ):  # fmt: skip
        assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_OPTIONS, struct.pack("=II", *entry)) == name
    # What is not known, and half an entry, are passed over.
    sock.setsockopt(TCP, so.TCP_REPAIR_OPTIONS, struct.pack("=IIIII", 77, 1, WINDOW, 7 | 5 << 16, MSS))
    sock.setsockopt(TCP, so.TCP_REPAIR_OPTIONS, struct.pack("=II", MSS, 1400))
    assert sock.getsockopt(TCP, so.TCP_MAXSEG) == 1400
    info = sock.tcb.info() if sock.tcb is not None else {}
    assert (info["snd_wscale"], info["rcv_wscale"]) == (7, 5)
    for window in ((0, 2, 1, 9, 1000), (1010, 0, 0, 9, 1000), (0, 0, 0, 9, 1001)):
        assert refused(sock.setsockopt, TCP, so.TCP_REPAIR_WINDOW, struct.pack("=5I", *window)) == "EINVAL"
    right = struct.pack("=5I", 1009, 500, 600, 9, 990)
    sock.setsockopt(TCP, so.TCP_REPAIR_WINDOW, right)
    assert sock.getsockopt(TCP, so.TCP_REPAIR_WINDOW, 20) == right


def test_no_option_changes_under_what_was_sent(place: Place) -> None:
    mover, _ = opened(place)
    mover.sendall(b"x")
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    assert refused(mover.setsockopt, TCP, so.TCP_REPAIR_OPTIONS, struct.pack("=II", MSS, 1400)) == "EPERM"


def test_the_receive_queue_holds_what_its_buffer_does(place: Place) -> None:
    sock = stream(place.a)
    sock.setsockopt(so.SOL_SOCKET, so.SO_RCVBUF, 10_000)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.connect(PEER)
    select(sock, RECV)
    assert sock.send(b"") == 0
    assert sock.send(bytes(20_000)) == 20_000
    assert refused(sock.send, b"x") == "ENOMEM"
    assert sock.ioctl(so.SIOCINQ) == 20_000 and option(sock, so.TCP_QUEUE_SEQ) == 20_000
    sock.close()
    assert place.a.context.pool.used == 0


def test_the_send_queue_holds_what_its_buffer_does(place: Place) -> None:
    sock = stream(place.a)
    sock.setsockopt(so.SOL_SOCKET, so.SO_SNDBUF, 10_000)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.connect(PEER)
    select(sock, SEND)
    assert 20_000 < sock.send(bytes(100_000), MSG_DONTWAIT) < 70_000
    assert refused(sock.send, b"x", MSG_DONTWAIT) == "EAGAIN"
    assert sock.ioctl(so.SIOCOUTQNSD) == 0
    sock.close()
    assert place.a.context.pool.used == 0


def test_a_timestamp_counts_on_from_where_it_is_set(place: Place) -> None:
    sock = stream(place.a)
    sock.setsockopt(TCP, so.TCP_REPAIR, ON)
    sock.setsockopt(TCP, so.TCP_TIMESTAMP, struct.pack("=I", 0xFFFFFFF0))
    sock.connect(PEER)
    place.world.advance(20 * MS)
    assert option(sock, so.TCP_TIMESTAMP) == 4
    sock.setsockopt(TCP, so.TCP_TIMESTAMP, 1_000_000)
    assert option(sock, so.TCP_TIMESTAMP) == 1_000_000
    sock.setsockopt(TCP, so.TCP_REPAIR, OFF_NO_PROBE)
    assert option(sock, so.TCP_TIMESTAMP) == 1_000_000


def test_a_connection_that_died_meanwhile(place: Place) -> None:
    mover, peer = opened(place)
    mover.setsockopt(TCP, so.TCP_REPAIR, ON)
    select(mover, SEND)
    peer.setsockopt(so.SOL_SOCKET, so.SO_LINGER, struct.pack("=ii", 1, 0))
    peer.close()
    place.world.settle()
    assert mover.tcb is not None and mover.tcb.state == CLOSED
    assert refused(mover.send, b"x") == "EPIPE"
    assert mover.recv(10, MSG_PEEK) == b""
    mover.setsockopt(TCP, so.TCP_QUEUE_SEQ, 5)
    assert option(mover, so.TCP_QUEUE_SEQ) == 5
