"""What a packet costs in instructions: counted by valgrind's callgrind, so that a busy machine does not matter.

``python bench/instructions.py [KIND ...]``, in a checkout, with the compiled package on the path. Each kind runs twice,
with few rounds and with more; the difference is the rounds' own, start-up left out. A round is a request of one octet
and its answer (rr), the same between 32 connections that are served by epoll (rr_32), with a connection of its own
(crr) or in datagrams (udp_rr), 64 KiB one way (bulk), or a spoofed SYN at a listener that answers with cookies, less
what making the SYN costs (syn). Both ends are counted.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import usernet
from usernet.core.const import MS
from usernet.link.veth import veth_pair

# kind -> rounds of the shorter and of the longer run.
ROUNDS = {
    "rr": (200, 700),
    "rr_32": (320, 1280),
    "crr": (100, 300),
    "udp_rr": (200, 700),
    "bulk": (200, 600),
    "syn": (500, 1500),
    "made": (500, 1500),
}
SERVER = ("10.0.0.2", 80)
CONNECTIONS = 32


class Pair:
    """Two stacks and the wire between them, one of them listening."""

    def __init__(self) -> None:
        self.host = usernet.Host("sim", seed=7)
        self.near, self.far = usernet.Stack("near", self.host), usernet.Stack("far", self.host)
        left, right = veth_pair("left", "right")
        self.near.attach(left, "10.0.0.1/24")
        self.far.attach(right, "10.0.0.2/24")
        with self.far:
            self.listener = usernet.socket.socket()
        self.listener.bind(SERVER)
        self.listener.listen(64)

    def open(self) -> tuple[Any, Any]:
        """A connection's two ends."""
        with self.near:
            client = usernet.socket.socket()
        client.connect(SERVER)
        return client, self.listener.accept()[0]


def _exchange(client: Any, server: Any) -> None:
    client.send(b"x")
    server.recv(16)
    server.send(b"y")
    client.recv(16)


def rr(rounds: int) -> None:
    """Requests and responses on one connection."""
    client, server = Pair().open()
    for _ in range(rounds):
        _exchange(client, server)


def rr_32(rounds: int) -> None:
    """As rr, on many connections, a server that is told by epoll which of them have something to read."""
    pair = Pair()
    clients = []
    served = {}
    poller = usernet.select.epoll()
    for _ in range(CONNECTIONS):
        client, server = pair.open()
        server.setblocking(False)
        clients.append(client)
        served[server.fileno()] = server
        poller.register(server.fileno(), usernet.select.EPOLLIN)
    for _ in range(rounds // CONNECTIONS):
        for client in clients:
            client.send(b"x")
        for fd, _ in poller.poll():
            served[fd].send(served[fd].recv(1))
        for client in clients:
            client.recv(1)


def udp_rr(rounds: int) -> None:
    """Requests and responses in datagrams, from a connected socket to one that is not."""
    pair = Pair()
    with pair.near:
        client = usernet.socket.socket(type=usernet.socket.SOCK_DGRAM)
    with pair.far:
        server = usernet.socket.socket(type=usernet.socket.SOCK_DGRAM)
    server.bind(SERVER)
    client.connect(SERVER)
    for _ in range(rounds):
        client.send(b"x")
        server.sendto(*server.recvfrom(2048))
        client.recv(16)


def crr(rounds: int) -> None:
    """A connection for each request."""
    pair = Pair()
    for _ in range(rounds):
        client, server = pair.open()
        _exchange(client, server)
        client.close()
        server.recv(16)
        server.close()
        pair.host.run_for(MS)


def bulk(rounds: int) -> None:
    """64 KiB at a time."""
    client, server = Pair().open()
    piece, room = bytes(1 << 16), bytearray(1 << 16)
    for _ in range(rounds):
        client.sendall(piece)
        got = 0
        while got < len(piece):
            got += server.recv_into(room)


def syn(rounds: int, *, deliver: bool = True) -> None:
    """Spoofed SYNs, delivered or only made."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "attacks"))
    from syn_flood import Battlefield

    field = Battlefield()
    now = field.host.now()
    for number in range(rounds + 200):
        packet = field.spoofed_syn()
        if deliver or number < 200:
            field.gate.deliver(packet, now)


def made(rounds: int) -> None:
    """What the SYNs of ``syn`` cost to make."""
    syn(rounds, deliver=False)


def count(kind: str, rounds: int) -> int:
    """Instructions of a whole run."""
    with tempfile.TemporaryDirectory() as room:
        out = Path(room, "callgrind")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, __file__]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run([*command, "--run", kind, str(rounds)], check=True, capture_output=True, env=environment)
        found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def per_round(kind: str) -> float:
    """Instructions of one round."""
    few, many = ROUNDS[kind]
    return (count(kind, many) - count(kind, few)) / (many - few)


def main(kinds: list[str]) -> None:
    """Print what each kind costs."""
    for kind in kinds or ["rr", "rr_32", "crr", "udp_rr", "bulk", "syn"]:
        cost = per_round(kind)
        if kind == "syn":
            cost -= per_round("made")
        print(f"{kind:6}{cost:12,.0f} instructions")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        gc.disable()
        globals()[sys.argv[2]](int(sys.argv[3]))
    else:
        main(sys.argv[1:])
