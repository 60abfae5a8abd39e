"""TCP-MD5 and TCP-AO with the kernel on the other end of a TAP, as client and as server."""

from __future__ import annotations

import errno
import socket

import pytest

from .ground import APPS, KERNEL, OURS, Ground, KernelLacks

pytestmark = pytest.mark.kernel
PEER = str(APPS / "signed_peer.py")
OCTETS = str(1 << 20)
# What setsockopt() says where the kernel was built without it.
OPTIONS = {"md5": (14, 216, "CONFIG_TCP_MD5SIG"), "ao": (38, 288, "CONFIG_TCP_AO")}


@pytest.fixture(params=["md5", "ao"])
def kind(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    option, size, config = OPTIONS[name]
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, option, bytes(size))
        except OSError as error:
            if error.errno == errno.ENOPROTOOPT:
                raise KernelLacks(f"the kernel has no {config}") from None
    return name


def test_the_kernel_connects_to_us(ground: Ground, kind: str) -> None:
    server = ground.usernet("python", PEER, kind, "listen", KERNEL, "179", "secret")
    server.says("listening")
    client = ground.start("python3", PEER, kind, "connect", OURS, "179", "secret", OCTETS, "100")
    client.says("same")
    server.says("closed")


def test_we_connect_to_the_kernel(ground: Ground, kind: str) -> None:
    server = ground.start("python3", PEER, kind, "listen", OURS, "179", "secret")
    server.says("listening")
    client = ground.usernet("python", PEER, kind, "connect", KERNEL, "179", "secret", OCTETS, "100")
    client.says("same")
    server.says("closed")


def test_another_key_is_met_with_silence_on_both_sides(ground: Ground, kind: str) -> None:
    server = ground.start("python3", PEER, kind, "listen", OURS, "179", "secret")
    server.says("listening")
    client = ground.usernet("python", PEER, kind, "connect", KERNEL, "179", "other", OCTETS, "5")
    client.says("timed out")
    assert "closed" not in server.output
