"""One end of a bulk transfer: ecn_peer.py listen|connect PEER PORT OCTETS.

The connecting end sends; at the end each prints what TCP_INFO says of ECN.
"""

from __future__ import annotations

import json
import socket
import struct
import sys

OPT_ECN, OPT_ECN_SEEN = 8, 16
# Offsets in struct tcp_info.
OPTIONS, TOTAL_RETRANS, DELIVERED_CE, RECEIVED_CE = 5, 100, 196, 248


def report(end: socket.socket) -> None:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
    words = {
        name: struct.unpack_from("=I", info, at)[0] if at + 4 <= len(info) else None
        for name, at in (("retrans", TOTAL_RETRANS), ("delivered_ce", DELIVERED_CE), ("received_ce", RECEIVED_CE))
    }
    words["ecn"] = bool(info[OPTIONS] & OPT_ECN)
    words["seen"] = bool(info[OPTIONS] & OPT_ECN_SEEN)
    print("info", json.dumps(words), flush=True)


def listen(port: int) -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.listen()
    print("listening", flush=True)
    session, _ = server.accept()
    size = 0
    while octets := session.recv(1 << 16):
        size += len(octets)
    report(session)
    session.sendall(str(size).encode())
    session.close()


def connect(peer: str, port: int, size: int) -> None:
    client = socket.create_connection((peer, port), 100)
    block = bytes(1 << 16)
    for _ in range(size >> 16):
        client.sendall(block)
    client.shutdown(socket.SHUT_WR)
    assert int(client.recv(100)) == size >> 16 << 16
    report(client)
    client.close()


if __name__ == "__main__":
    role, peer, port, octets = sys.argv[1:]
    if role == "listen":
        listen(int(port))
    else:
        connect(peer, int(port), int(octets))
