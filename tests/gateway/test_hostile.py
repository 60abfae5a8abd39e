"""Whatever the guest puts on its cable: nothing raises, tables stay within their bounds, and the others keep moving."""

from __future__ import annotations

import random

import pytest

from usernet.core.packet import Packet, new_packet
from usernet.gateway.config import parse_url
from usernet.gateway.resolver import Resolver
from usernet.link.device import Device, Tap

from .conftest import Guest, Kernel, guest_on, read_exactly

MACHINE = "10.0.2.2"


class Recorder(Tap):
    """Frames of a device, as octets."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def frame(self, device: Device, packet: Packet, outgoing: bool, now: int) -> None:
        if outgoing:
            whole = packet.clone()
            whole.complete_checksum()
            self.frames.append(whole.tobytes())


def record(guest: Guest, kernel: Kernel) -> list[bytes]:
    """Frames of ordinary conversations: ARP, TCP, UDP, DNS and ping."""
    recorder = Recorder()
    guest.net.device.taps = [recorder]
    listener, port = kernel.listen()
    sock = guest.connect(MACHINE, port)
    sock.sendall(b"some text")
    read_exactly(kernel.accept(listener), 9)
    _, udp_port = kernel.udp()
    guest.socket(2).sendto(b"datagram", 0, (MACHINE, udp_port))
    guest.socket(2).sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 0, ("10.0.2.3", 53))
    ping = guest.socket(2, 1)
    ping.connect(("192.0.2.1", 0))
    ping.send(b"\x08\0\0\0\0\0\0\1ping")
    sock.close()
    guest.host.run_for(5_000_000)
    guest.net.device.taps = None
    return recorder.frames


def send(guest: Guest, octets: bytes, checked: bool) -> None:
    packet = new_packet(len(octets))
    packet.buf[packet.head : packet.head + len(octets)] = octets
    packet.tail = packet.head + len(octets)
    # Half of them as from a device that has verified checksums, so that they get past those.
    packet.csum = 1 if checked else 0
    with guest.host.lock:
        guest.net.device.send(packet, guest.host.now())


@pytest.mark.parametrize("seed", range(4))
def test_mangled_frames_of_the_guest(seed: int, kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(seed)
    with guest_on("user:?max_tcp=16&max_udp=16") as guest:
        guest.net._nat.resolver = Resolver(parse_url("user:"), "/nonexistent", "/nonexistent")
        frames = record(guest, kernel)
        for i in range(400):
            octets = bytearray(dice.choice(frames))
            for _ in range(dice.choice((1, 1, 2, 8))):
                # Not the destination's hardware address: those would be nobody's.
                at = dice.randrange(12, len(octets))
                octets[at] = dice.randrange(256)
            # Never an address beyond the machine: nothing of a test leaves it.
            octets[30:34] = bytes((10, 0, 2, dice.choice((2, 3, 15, 77, 255))))
            end = len(octets) if dice.random() < 0.8 else dice.randrange(14, len(octets) + 1)
            send(guest, bytes(octets[:end]), bool(i & 1))
            if i % 50 == 49:
                guest.host.run_for(1_000_000)
        stats = guest.net.stats()
        assert stats["tcp_open"] <= 16
        assert stats["flows_open"] <= 16
    with guest_on("user:") as guest:
        listener, port = kernel.listen()
        guest.connect(MACHINE, port).sendall(b"still here")
        assert read_exactly(kernel.accept(listener), 10) == b"still here"
    assert "internal error" not in capfd.readouterr().err


def test_a_flood_of_syns_stays_within_the_bound(kernel: Kernel) -> None:
    with guest_on("user:?max_tcp=8") as guest:
        _, port = kernel.listen(backlog=0)
        kernel.connect(port)  # the backlog is full: what follows hangs
        socks = [guest.socket() for _ in range(32)]
        for sock in socks:
            sock.timeout_ns = 0
            with pytest.raises(BlockingIOError):
                sock.connect((MACHINE, port))
        guest.until(lambda: guest.net.stats().get("drop.gateway_tcp_full") == 24)
        assert guest.net.stats()["tcp_open"] <= 8
