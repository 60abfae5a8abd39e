"""TAP and TUN against the kernel: small frames, super-segments both ways, and every way to fail."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from usernet.core.const import CSUM_PARTIAL, GSO_TCPV4, IPPROTO_TCP
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet, View
from usernet.link.const import F_ACCECN, F_ALL, F_SG, IFF_NOARP, IFF_RUNNING
from usernet.link.device import Device
from usernet.link.tun import TunTapDevice, open_fd, open_tap, open_tun
from usernet.link.url import open_device

from .frames import ACK, FIN, PSH, Recorder, ipv4_header, ones_sum, plain, pseudo
from .netns import Namespace

pytestmark = pytest.mark.kernel

KERNEL = bytes([10, 77, 0, 1])
OURS = bytes([10, 77, 0, 2])
SYN = 0x02
# Seconds that the kernel may take on a busy machine.
PATIENCE = 100


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    if os.geteuid() != 0:
        pytest.skip("needs root and network namespaces")
    namespace = Namespace()
    yield namespace
    namespace.delete()


@pytest.fixture
def tap(namespace: Namespace) -> Iterator[TunTapDevice]:
    """Our end of tap0, whose kernel end is up with 10.77.0.1/24 and knows our hardware address."""
    with namespace.inside():
        device = open_tap("tap0", Entropy(b"seed"))
    device.upper = Recorder()
    namespace.run("sysctl", "-qw", "net.ipv6.conf.tap0.disable_ipv6=1")
    namespace.run("ip", "addr", "add", "10.77.0.1/24", "dev", "tap0")
    namespace.run("ip", "link", "set", "tap0", "up")
    mac = device.address.hex(":")
    namespace.run("ip", "neigh", "replace", "10.77.0.2", "lladdr", mac, "nud", "permanent", "dev", "tap0")
    yield device
    device.close()


def recorder(device: Device) -> Recorder:
    assert isinstance(device.upper, Recorder)
    return device.upper


def receive(device: Device, timeout: float = PATIENCE) -> list[Packet]:
    """What came, waiting for the first frame of it; empty when nothing did."""
    if not select.select([device.fileno()], [], [], timeout)[0]:
        return []
    device.receive_batch(64, 1)
    packets = recorder(device).packets[:]
    recorder(device).packets.clear()
    return packets


def wait_for(device: Device, ethertype: int) -> Packet:
    while packets := receive(device):
        for packet in packets:
            if struct.unpack_from("!H", packet.buf, packet.head + 12)[0] == ethertype:
                return packet
    raise AssertionError(f"no frame of type {ethertype:#x} came")


def arp(device: Device, op: int, target: bytes) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + device.address + OURS + bytes(6) + target
    return b"\xff" * 6 + device.address + b"\x08\x06" + body


def kernel_mac(device: Device) -> bytes:
    device.send(plain(arp(device, 1, KERNEL)), 1)
    reply = wait_for(device, 0x0806).tobytes()
    assert reply[:6] == device.address
    assert struct.unpack("!H", reply[20:22])[0] == 2
    assert reply[28:32] == KERNEL
    return reply[22:28]


def ip_packet(protocol: int, payload: bytes, source: bytes = OURS, destination: bytes = KERNEL) -> bytes:
    head = bytearray(ipv4_header(20 + len(payload), 1, protocol))
    head[12:20] = source + destination
    head[10:12] = bytes(2)
    head[10:12] = struct.pack("!H", ones_sum(bytes(head)) ^ 0xFFFF)
    return bytes(head) + payload


def test_arp_and_echo_cross_a_tap(tap: TunTapDevice) -> None:
    mac = kernel_mac(tap)
    assert mac != tap.address
    assert tap.address[0] & 3 == 2
    for size in (0, 56, 1400):
        echo = struct.pack("!BBHHH", 8, 0, 0, 7, size) + bytes(size)
        echo = echo[:2] + struct.pack("!H", ones_sum(echo) ^ 0xFFFF) + echo[4:]
        tap.send(plain(mac + tap.address + b"\x08\x00" + ip_packet(1, echo)), 1)
        packet = wait_for(tap, 0x0800)
        octets = packet.tobytes()
        assert octets[34] == 0 and octets[38:42] == struct.pack("!HH", 7, size)
        # A small frame holds a small buffer.
        assert len(packet.buf) < len(octets) + 64
    assert (tap.stats.tx_packets, tap.stats.rx_packets) == (4, 4)
    assert tap.receive_batch(64, 1) == 0


class Peer:
    """Just enough TCP by hand to move data to and from the kernel over a device."""

    def __init__(self, device: Device, link: bytes, port: int) -> None:
        self.device = device
        self.link = link
        self.port = port
        self.snd_nxt = 0xFFFFFF00
        self.rcv_nxt = 0

    def send(self, flags: int, payload: bytes = b"", options: bytes = b"", mss: int = 0) -> None:
        length = 20 + len(options) + len(payload)
        tcp = struct.pack(
            "!HHIIBBHHH", 5000, self.port, self.snd_nxt, self.rcv_nxt, (20 + len(options)) // 4 << 4, flags, 0xFFFF,
            pseudo(OURS + KERNEL, 6, length), 0,
        )  # fmt: skip
        octets = self.link + ip_packet(IPPROTO_TCP, tcp + options + payload)
        headers = len(octets) - len(payload)
        packet = Packet(bytearray(96) + octets[:headers], 96, 96 + headers)
        for at in range(0, len(payload), 20000):
            packet.add_frag(View(payload, at, min(at + 20000, len(payload))))
        packet.l3 = 96 + len(self.link)
        packet.l4 = packet.csum_start = packet.l3 + 20
        packet.csum, packet.csum_offset = CSUM_PARTIAL, 16
        if mss:
            packet.gso_type, packet.gso_size = GSO_TCPV4, mss
        self.snd_nxt = (self.snd_nxt + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        self.device.send(packet, 1)

    def expect(self) -> tuple[Packet, int, bytes]:
        """The next TCP segment of the connection that brings anything new, acknowledged in our variables.

        What the kernel sends again because we were slow is acknowledged once more and passed over.
        """
        while packets := receive(self.device):
            assert len(packets) == 1, "the batch is read one at a time"
            packet = packets[0]
            octets = packet.tobytes()[len(self.link) :]
            if octets[0] >> 4 != 4 or octets[9] != IPPROTO_TCP:
                continue
            tcp = octets[20 : struct.unpack("!H", octets[2:4])[0]]
            seq, flags = struct.unpack("!I", tcp[4:8])[0], tcp[13]
            payload = tcp[(tcp[12] >> 4) * 4 :]
            if seq == self.rcv_nxt or (flags & SYN and self.rcv_nxt == 0):
                self.rcv_nxt = (seq + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
                return packet, flags, payload
            if payload:
                self.send(ACK)
        raise AssertionError("the kernel said nothing")

    def open(self) -> None:
        self.send(SYN, options=bytes.fromhex("020405b4 01030307"))
        _, flags, _ = self.expect()
        assert flags == SYN | ACK
        self.send(ACK)


@pytest.fixture
def kernel_listener(namespace: Namespace) -> Iterator[socket.socket]:
    with namespace.inside():
        listener = socket.socket()
    # Or its super-segments become the smaller the slower we are; BBR's, which may be the machine's default, anyway.
    namespace.run("sysctl", "-qw", "net.ipv4.tcp_min_tso_segs=44")
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    listener.bind(("0.0.0.0", 8080))
    listener.listen(1)
    listener.settimeout(PATIENCE)
    yield listener
    listener.close()


def exchange(device: Device, link: bytes, listener: socket.socket) -> list[Packet]:
    """60,000 octets in one super-segment to the kernel and 400,000 back; returns the data packets that came."""
    peer = Peer(device, link, 8080)
    peer.open()
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE)
        upload = bytes(i * 31 & 0xFF for i in range(60000))
        peer.send(ACK | PSH, upload, mss=1448)
        assert connection.recv(60000, socket.MSG_WAITALL) == upload
        download = os.urandom(400_000)
        connection.setblocking(False)
        sent, got, data = 0, b"", []
        while len(got) < len(download):
            if sent < len(download):
                with contextlib.suppress(BlockingIOError):
                    sent += connection.send(download[sent:])
            packet, _, payload = peer.expect()
            if payload:
                data.append(packet)
                got += payload
                # One ACK for a whole flight lets the next be as large, however slow we are.
                if not select.select([device.fileno()], [], [], 0)[0]:
                    peer.send(ACK)
        assert got == download
    return data


def one_at_a_time(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "receive", lambda d, timeout=PATIENCE: receive_one(d, timeout))


def receive_one(device: Device, timeout: float = PATIENCE) -> list[Packet]:
    if not select.select([device.fileno()], [], [], timeout)[0]:
        return []
    device.receive_batch(1, 1)
    packets = recorder(device).packets[:]
    recorder(device).packets.clear()
    return packets


def test_super_segments_cross_a_tap_both_ways(
    tap: TunTapDevice, kernel_listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tap.features == F_ALL & ~F_ACCECN
    link = kernel_mac(tap) + tap.address + b"\x08\x00"
    one_at_a_time(tap, monkeypatch)
    data = exchange(tap, link, kernel_listener)
    assert max(len(packet) for packet in data) > 40_000
    for packet in data:
        if len(packet) > 1514:
            assert (packet.gso_type, packet.gso_size) == (GSO_TCPV4, 1460)
            assert packet.csum == CSUM_PARTIAL
            assert (packet.csum_start, packet.csum_offset) == (packet.head + 34, 16)
    # Each large frame has a buffer of its own.
    assert len({id(packet.buf) for packet in data}) == len(data)
    assert (tap.stats.rx_errors, tap.stats.tx_errors, tap.stats.rx_dropped) == (0, 0, 0)


def test_super_segments_cross_a_tun_both_ways(
    namespace: Namespace, kernel_listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with namespace.inside():
        device = open_tun("tun0", Entropy(b"seed"))
    try:
        device.upper = Recorder()
        assert device.header_len == 0 and device.flags & IFF_NOARP
        namespace.run("ip", "addr", "add", "10.77.0.1", "peer", "10.77.0.2", "dev", "tun0")
        namespace.run("ip", "link", "set", "tun0", "up", "mtu", "1400")
        one_at_a_time(device, monkeypatch)
        data = exchange(device, b"", kernel_listener)
        assert max(len(packet) for packet in data) > 30_000
        assert {packet.gso_size for packet in data if len(packet) > 1400} == {1360}
    finally:
        device.close()


def test_a_descriptor_opened_elsewhere_is_taken_over(namespace: Namespace, tap: TunTapDevice) -> None:
    twin = open_device(f"fd:{os.dup(tap.fileno())}", Entropy(b"other"))
    twin.upper = Recorder()
    assert (twin.name, twin.kind, twin.features) == ("tap0", "tap", F_ALL & ~F_ACCECN)
    twin.send(plain(arp(twin, 1, KERNEL)), 1)
    assert wait_for(twin, 0x0806).tobytes()[:6] == twin.address
    twin.close()
    assert twin.fileno() == -1


def test_a_descriptor_without_vnet_header_has_no_offloads(namespace: Namespace) -> None:
    fcntl = pytest.importorskip("fcntl")
    with namespace.inside():
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"tap9", 0x1002))
        device = open_fd(fd, Entropy(b"seed"))
    device.upper = Recorder()
    assert device.features == F_SG and device.gso_max == 0
    namespace.run("ip", "addr", "add", "10.77.0.1/24", "dev", "tap9")
    namespace.run("ip", "link", "set", "tap9", "up")
    kernel_mac(device)
    device.close()


def test_a_frame_the_kernel_refuses_is_a_counted_drop(namespace: Namespace, tap: TunTapDevice) -> None:
    tap.send(plain(bytes(5)), 1)  # shorter than an Ethernet header
    assert (tap.stats.tx_errors, tap.stats.tx_dropped, tap.stats.tx_packets) == (1, 1, 0)
    namespace.run("ip", "link", "set", "tap0", "down")
    tap.send(plain(arp(tap, 1, KERNEL)), 1)
    assert (tap.stats.tx_errors, tap.stats.tx_dropped) == (2, 2)
    assert tap.flags & IFF_RUNNING


def test_many_small_views_are_one_frame(tap: TunTapDevice) -> None:
    octets = arp(tap, 1, KERNEL) + bytes(600)
    packet = plain(octets[:14])
    for at in range(14, len(octets)):
        packet.add_frag(View(octets, at, at + 1))
    tap.send(packet, 1)
    wait_for(tap, 0x0806)


def test_a_deleted_interface_is_a_lost_carrier(namespace: Namespace, tap: TunTapDevice) -> None:
    fd = tap.fileno()
    with select.epoll() as epoll:
        epoll.register(fd, select.EPOLLIN)
        namespace.run("ip", "link", "del", "tap0")
        assert epoll.poll(PATIENCE)
        assert tap.receive_batch(64, 1) == 0
        assert not tap.flags & IFF_RUNNING
        assert epoll.poll(0) == []
    # The number is kept until close, so that nobody else can be met under it.
    assert tap.fileno() == fd
    os.fstat(fd)
    tap.send(plain(bytes(60)), 1)
    assert tap.stats.tx_dropped == 1
    assert tap.stats.rx_errors == 1
    tap.close()
    tap.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_writing_to_a_deleted_interface_finds_out_too(namespace: Namespace, tap: TunTapDevice) -> None:
    namespace.run("ip", "link", "del", "tap0")
    tap.send(plain(bytes(60)), 1)
    assert not tap.flags & IFF_RUNNING
    assert tap.receive_batch(64, 1) == 0


def test_opening_says_what_is_wrong(namespace: Namespace, tap: TunTapDevice) -> None:
    entropy = Entropy(b"seed")
    namespace.run("ip", "tuntap", "add", "tunx", "mode", "tun")
    with namespace.inside():
        with pytest.raises(OSError, match="cannot open TAP device tap0: another program has it open") as busy:
            open_tap("tap0", entropy)
        assert busy.value.errno == 16
        with pytest.raises(OSError, match="tunx: an interface of this name exists and is no single-queue TAP") as kind:
            open_tap("tunx", entropy)
        assert kind.value.errno == 22
        with pytest.raises(OSError, match="is no interface name: 1 to 15 octets"):
            open_tap("much-too-long-a-name", entropy)
        with pytest.raises(OSError, match="is no interface name"):
            open_tun("", entropy)


UNPRIVILEGED = """
import sys
from usernet.link.url import open_device
from usernet.core.entropy import Entropy
try:
    open_device("tap:unpriv0", Entropy(b""))
except PermissionError as error:
    print(error.errno, error.strerror)
"""


def test_without_the_capability_it_says_what_would_help(namespace: Namespace) -> None:
    # The file may be open to all or not; the capability is dropped, so that the ioctl refuses.
    result = subprocess.run(
        ["setpriv", "--bounding-set=-net_admin", sys.executable, "-c", UNPRIVILEGED],
        check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert result.stdout.strip() == (
        "1 cannot open TAP device unpriv0: needs CAP_NET_ADMIN or a device made for you: "
        "ip tuntap add unpriv0 mode tap user NAME"
    ), result.stderr
