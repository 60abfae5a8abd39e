"""Stream sockets for tests: how they are made, connected and broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from usernet.core.packet import Packet
from usernet.link.device import Device, Stage
from usernet.sockets import const as so
from usernet.sockets.const import AF_INET, SOCK_STREAM
from usernet.sockets.factory import socket
from usernet.sockets.tcp import TcpSocket

from .world import Net

SOL = so.SOL_SOCKET
TCP = 6
SERVER = ("10.0.0.2", 80)


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
