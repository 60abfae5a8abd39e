"""TCP Fast Open and SYN cookies with the kernel on the other end of a TAP, as client and as server."""

from __future__ import annotations

import pytest

from .ground import APPS, KERNEL, OURS, Ground, wait_until

pytestmark = pytest.mark.kernel
PEER = str(APPS / "open_peer.py")


def test_the_kernel_opens_fast_to_us(ground: Ground) -> None:
    ground.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=1")
    server = ground.usernet("python", PEER, "serve", "90", options=("--sysctl", "net.ipv4.tcp_fastopen=3"))
    server.says("listening")
    client = ground.run("python3", PEER, "connect", OURS, "90", "3", "fast").stdout
    assert client.splitlines() == ["same slow", "same fast", "same fast"]
    wait_until("three to be served", lambda: server.output.count("served") == 3)
    assert server.output.count("served fast") == 2


def test_we_open_fast_to_the_kernel(ground: Ground) -> None:
    ground.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=2")
    server = ground.start("python3", PEER, "serve", "90")
    server.says("listening")
    client = ground.usernet("python", PEER, "connect", KERNEL, "90", "3", "fast")
    assert client.ends() == 0, client.output
    assert [line for line in client.output.splitlines() if " " in line][-3:] == ["same slow", "same fast", "same fast"]
    assert server.output.count("served fast") == 2


def test_a_shared_key_makes_the_same_cookies(ground: Ground) -> None:
    # The client learns the kernel's cookie and gives it to us, as behind a balancer with servers of both kinds.
    key = "00112233-44556677-8899aabb-ccddeeff"
    ground.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=3", f"net.ipv4.tcp_fastopen_key={key}")
    sysctls = ("--sysctl", "net.ipv4.tcp_fastopen=3", "--sysctl", f"net.ipv4.tcp_fastopen_key={key}")
    server = ground.usernet("python", PEER, "serve", "90", options=sysctls)
    server.says("listening")
    assert ground.run("python3", PEER, "connect", OURS, "90", "2", "fast").stdout.splitlines()[1] == "same fast"
    server.stop()
    # Another stack with the same key honours what the first gave out: the kernel's cache still has it.
    again = ground.usernet("python", PEER, "serve", "90", options=sysctls)
    again.says("listening")
    assert ground.run("python3", PEER, "connect", OURS, "90", "1", "fast").stdout.splitlines() == ["same fast"]


@pytest.mark.parametrize("timestamps", [0, 1])
def test_the_kernel_gets_in_by_cookie(ground: Ground, timestamps: int) -> None:
    ground.run("sysctl", "-qw", f"net.ipv4.tcp_timestamps={timestamps}")
    server = ground.usernet("python", PEER, "serve", "90", options=("--sysctl", "net.ipv4.tcp_syncookies=2"))
    server.says("listening")
    assert ground.run("python3", PEER, "connect", OURS, "90", "5").stdout.splitlines() == ["same slow"] * 5


@pytest.mark.parametrize("timestamps", [0, 1])
def test_we_get_into_the_kernel_by_cookie(ground: Ground, timestamps: int) -> None:
    ground.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    server = ground.start("python3", PEER, "serve", "90")
    server.says("listening")
    options = ("--sysctl", f"net.ipv4.tcp_timestamps={timestamps}")
    client = ground.usernet("python", PEER, "connect", KERNEL, "90", "5", options=options)
    assert client.ends() == 0, client.output
    assert client.output.count("same slow") == 5
