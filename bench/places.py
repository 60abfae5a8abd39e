"""Where the bench happens: one namespace with a TAP for our stack, and two joined by veth for the kernel's."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
# The kernel forgets a closed connection's port after a second instead of a minute, so that crr never runs out.
SYSCTLS = ("net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1")


@dataclass(frozen=True)
class Place:
    """One side of the comparison: which sockets, and in which namespaces server and generator run."""

    kind: str
    server_namespace: str
    generator_namespace: str
    address: str


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def inside(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


@contextlib.contextmanager
def places() -> Iterator[tuple[Place, Place]]:
    """Our place and the kernel's; the namespaces are gone afterwards."""
    tap, left, right = (f"usernet-bench-{os.getpid()}-{part}" for part in ("tap", "left", "right"))
    made = []
    try:
        for namespace in (tap, left, right):
            ip("netns", "add", namespace)
            made.append(namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
            for setting in SYSCTLS:
                subprocess.run(inside(namespace, "sysctl", "-qw", setting), check=True)
        ip("-n", tap, "tuntap", "add", "tap0", "mode", "tap")
        ip("-n", tap, "address", "add", "10.9.0.1/24", "dev", "tap0")
        ip("-n", tap, "link", "set", "tap0", "up")
        ip("-n", left, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", right)
        for namespace, address in ((left, "10.9.0.1/24"), (right, "10.9.0.2/24")):
            ip("-n", namespace, "address", "add", address, "dev", "veth0")
            ip("-n", namespace, "link", "set", "veth0", "up")
        yield Place("usernet", tap, tap, "10.9.0.2"), Place("kernel", right, left, "10.9.0.2")
    finally:
        for namespace in made:
            ip("netns", "delete", namespace)


@contextlib.contextmanager
def server(place: Place, mode: str, port: int) -> Iterator[int]:
    """A running server, listening; yields its process id."""
    command = [sys.executable, str(HERE / "server.py"), place.kind, mode, place.address, str(port)]
    process = subprocess.Popen(inside(place.server_namespace, *command), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit(f"bench: the {place.kind} server for {mode} did not start")
        # The kernel may not have noticed that the TAP's last user, with another hardware address, has gone.
        ip("-n", place.generator_namespace, "neighbour", "flush", "all")
        yield process.pid
        if process.poll() is not None:
            raise SystemExit(f"bench: the {place.kind} server for {mode} died with status {process.returncode}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def generate(place: Place, mode: str, port: int, seconds: float, connections: int) -> dict[str, Any]:
    """Run the generator against a listening server; its numbers."""
    words = [str(BUILD / "generator"), mode, place.address, str(port), str(seconds), str(connections)]
    result = subprocess.run(
        inside(place.generator_namespace, *words), stdout=subprocess.PIPE, timeout=seconds + 40, check=False
    )
    if result.returncode:
        raise SystemExit(f"bench: {mode} against the {place.kind} server failed")
    numbers: dict[str, Any] = json.loads(result.stdout)
    return numbers


def must_be_root() -> None:
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root for network namespaces and a TAP; try: sudo make bench")
