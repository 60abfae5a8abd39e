"""One end of a bulk transfer, over the kernel's sockets or ours.

usage: endpoint.py kernel|usernet receive ADDRESS PORT SECONDS
       endpoint.py kernel|usernet send ADDRESS PORT SECONDS CC PEER

With ``usernet`` the stack stands with ADDRESS on tap "own" of the namespace this runs in. The receiver prints "ready",
and at the end how much came in SECONDS from the accept, in all and in each tenth of a second; the sender sends for
SECONDS with congestion control CC, then prints what struct tcp_info and nstat know of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from cells import RMEM, WMEM

PRIORITY = 20
CHUNK = 64 * 1024
SLICE = 0.1
# struct tcp_info (linux/tcp.h): name, offset, format.
INFO = (
    ("rto", 8, "I"), ("reordering", 88, "I"), ("rtt", 68, "I"), ("snd_ssthresh", 76, "I"), ("snd_cwnd", 80, "I"),
    ("total_retrans", 100, "I"), ("min_rtt", 148, "I"), ("busy_time", 168, "Q"), ("rwnd_limited", 176, "Q"),
    ("sndbuf_limited", 184, "Q"), ("bytes_sent", 200, "Q"), ("bytes_retrans", 208, "Q"), ("dsack_dups", 216, "I"),
    ("reord_seen", 220, "I"),
)  # fmt: skip
COUNTERS = (
    "TcpRetransSegs", "TcpExtTCPTimeouts", "TcpExtTCPLossProbes", "TcpExtTCPSackRecovery", "TcpExtTCPLostRetransmit",
    "TcpExtTCPSpuriousRTOs", "TcpExtTCPDSACKUndo", "TcpExtTCPFullUndo", "TcpExtTCPLossUndo", "TcpExtTCPPartialUndo",
    "TcpExtTCPDSACKRecv", "TcpExtTCPFastRetrans", "TcpExtTCPSlowStartRetrans", "TcpExtTCPSACKReorder",
)  # fmt: skip


def receive(socket: Any, address: tuple[str, int], seconds: float) -> dict[str, Any]:
    into = bytearray(1 << 20)
    slices = [0] * (round(seconds / SLICE) + 1)
    count = 0
    with socket.create_server(address) as listener:
        print("ready", flush=True)
        listener.settimeout(20)
        connection, _ = listener.accept()
        start = time.monotonic()
        with connection:
            while (left := start + seconds - time.monotonic()) > 0:
                connection.settimeout(left)
                try:
                    n = connection.recv_into(into)
                except TimeoutError:
                    break
                if n == 0:
                    break
                passed = time.monotonic() - start
                if passed <= seconds:
                    count += n
                    slices[int(passed / SLICE)] += n
    return {"octets": count, "seconds": seconds, "slices": slices}


def send(socket: Any, address: tuple[str, int], seconds: float, cc: str, peer: str) -> dict[str, Any]:
    octets = bytes(CHUNK)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, cc.encode())
        sock.bind((address[0], 0))
        sock.settimeout(20)
        sock.connect((peer, address[1]))
        until = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError, ConnectionError):
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                sock.send(octets)
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
        # What is queued goes on until the receiver has counted to its end and leaves.
        with contextlib.suppress(TimeoutError, ConnectionError):
            sock.settimeout(5)
            sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return {name: struct.unpack_from(form, info, at)[0] for name, at, form in INFO if at + 8 <= len(info)}


def _wait_for_bridge() -> None:
    # The bridge notices a carrier up to a second late; until its port forwards (3), a SYN would be lost.
    port = Path("/sys/class/net/own/brport/state")
    for _ in range(300):
        if port.read_text().strip() == "3":
            return
        time.sleep(0.01)
    raise SystemExit("the bridge does not forward for tap own")


def kernel_counters() -> dict[str, int]:
    """The namespace's own."""
    found: dict[str, int] = {}
    for file in ("/proc/self/net/snmp", "/proc/self/net/netstat"):
        with open(file, encoding="ascii") as lines:
            for names, values in zip(lines, lines, strict=True):
                prefix, *words = names.split()
                found |= {prefix[:-1] + word: int(value) for word, value in zip(words, values.split()[1:], strict=True)}
    return found


def main(kind: str, role: str, address: str, port: str, seconds: str, cc: str = "", peer: str = "") -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    at = (address, int(port))
    socket: Any
    if kind == "kernel":
        socket = import_module("socket")
        counters = kernel_counters
    else:
        import usernet

        socket = usernet.socket
        stack = usernet.Stack("bench")
        for name, value in (("net.ipv4.tcp_rmem", RMEM), ("net.ipv4.tcp_wmem", WMEM)):
            stack.context.sysctl.set(name, value)
        stack.attach("tap:own", address=f"{address}/24")
        _wait_for_bridge()
        stack.__enter__()

        def counters() -> dict[str, int]:
            return dict(stack.context.counters.items())

    before = counters()
    if role == "receive":
        result = receive(socket, at, float(seconds))
    else:
        result = send(socket, at, float(seconds), cc, peer)
    after = counters()
    print(json.dumps(result | {name: after[name] - before.get(name, 0) for name in COUNTERS}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
