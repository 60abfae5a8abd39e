"""The whole way as a user who may do nothing: the reason for user-mode NAT."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import os, socket, threading
from usernet.gateway.user import open_user
from usernet.host import Host, Stack
from usernet.sockets.factory import socket as make_socket

assert os.geteuid() != 0
host = Host("live")
stack = Stack("guest", host)
with host.lock:
    net = open_user(host, "user:")
stack.attach(net.device, net.guest_address, net.gateway, [net.dns])
listener = make_socket(stack, host, socket.AF_INET, socket.SOCK_STREAM, 0)
listener.timeout_ns = 100 * 10**9
listener.bind(("0.0.0.0", 8080))
listener.listen(5)
port = net.publish("127.0.0.1", 0, 8080)
answer = []
def client():
    with socket.create_connection(("127.0.0.1", port), timeout=100) as sock:
        answer.append(sock.recv(100))
thread = threading.Thread(target=client)
thread.start()
sock, peer = listener.accept()
sock.sendall(b"unprivileged")
sock.close()
thread.join()
listener.close()
host.close()
assert answer == [b"unprivileged"], answer
print("served")
"""


def test_a_user_without_any_privilege_publishes_a_port() -> None:
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("we are root, and setpriv, with which to drop that, is not installed")
        command = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment, cwd="/")
    assert done.stdout == "served\n", done.stderr
