"""Pings beyond the gateway, in a namespace of the kernel's where anybody may send them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import socket
from usernet.gateway.user import open_user, ping_allowed
from usernet.host import Host, Stack
from usernet.sockets.factory import socket as make_socket

assert ping_allowed()
host = Host("live")
stack = Stack("guest", host)
with host.lock:
    net = open_user(host, "user:")
stack.attach(net.device, net.guest_address, net.gateway, [net.dns])
sock = make_socket(stack, host, socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
sock.timeout_ns = 100 * 10**9
sock.connect(("192.0.2.1", 0))
for sequence in range(3):
    request = bytes((8, 0, 0, 0, 0, 0, 0, sequence)) + b"payload" * sequence
    sock.send(request)
    answer = sock.recv(100)
    assert answer[:2] == bytes(2) and answer[6:] == request[6:], answer
assert net.stats()["echo_in"] == 3
# Nowhere to send it: the kernel says so, and the guest hears it (a ping socket itself is told of fatal errors only).
sock.connect(("198.51.100.1", 0))
sock.send(bytes((8, 0, 0, 0, 0, 0, 0, 0)))
while stack.context.counters.icmp.InDestUnreachs == 0:
    host.run_for(1_000_000)
print("unreachable")
sock.close()
host.close()
"""


@pytest.mark.kernel
def test_a_guests_ping_is_answered_from_beyond() -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare(1)")
    setup = (
        "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && "
        "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range && "
        'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" -W error -c "$1"'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", setup, sys.executable, SCRIPT],
        check=False, capture_output=True, text=True, timeout=300, env=environment, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "unreachable\n", done.stdout + done.stderr
