"""TCP-MD5 with the kernel on the other end of a TAP, as client and as server."""

from __future__ import annotations

import errno
import socket

import pytest

from .ground import APPS, KERNEL, OURS, Ground

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]
PEER = str(APPS / "md5_peer.py")
OCTETS = str(1 << 20)


@pytest.fixture(autouse=True)
def signing_kernel() -> None:
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, 14, bytes(216))
        except OSError as error:
            if error.errno == errno.ENOPROTOOPT:
                pytest.skip("the kernel has no CONFIG_TCP_MD5SIG")


def test_the_kernel_connects_to_us(ground: Ground) -> None:
    server = ground.usernet("python", PEER, "listen", KERNEL, "179", "secret")
    server.says("listening")
    client = ground.start("python3", PEER, "connect", OURS, "179", "secret", OCTETS)
    client.says("same", 60)
    server.says("closed")


def test_we_connect_to_the_kernel(ground: Ground) -> None:
    server = ground.start("python3", PEER, "listen", OURS, "179", "secret")
    server.says("listening")
    client = ground.usernet("python", PEER, "connect", KERNEL, "179", "secret", OCTETS)
    client.says("same", 60)
    server.says("closed")


def test_another_key_is_met_with_silence_on_both_sides(ground: Ground) -> None:
    server = ground.start("python3", PEER, "listen", OURS, "179", "secret")
    server.says("listening")
    client = ground.usernet("python", PEER, "connect", KERNEL, "179", "other", OCTETS)
    client.says("timed out", 60)
    assert "closed" not in server.output
