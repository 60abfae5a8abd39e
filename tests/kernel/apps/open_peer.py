"""One end of short connections: open_peer.py serve PORT | connect PEER PORT TIMES [fast].

The server takes Fast Open and echoes; it prints whether text came with a SYN. The client sends with MSG_FASTOPEN when
``fast`` is asked for, and prints whether the SYN's text was acknowledged with it.
"""

from __future__ import annotations

import socket
import sys

SYN_DATA = 32  # TCPI_OPT_SYN_DATA
TEXT = b"the first thing that is said" * 20


def how(connection: socket.socket) -> str:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return "fast" if info[5] & SYN_DATA else "slow"


def serve(port: int) -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    server.listen(1)
    print("listening", flush=True)
    while True:
        session, _ = server.accept()
        print("served", how(session), flush=True)
        while octets := session.recv(65536):
            session.sendall(octets)
        session.close()


def connect(peer: str, port: int, times: int, fast: bool) -> None:
    for _ in range(times):
        client = socket.socket()
        if fast:
            left = TEXT[client.sendto(TEXT, socket.MSG_FASTOPEN, (peer, port)) :]
        else:
            client.connect((peer, port))
            left = TEXT
        client.settimeout(100)
        client.sendall(left)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while octets := client.recv(65536):
            got += octets
        print("same" if got == TEXT else "differs", how(client), flush=True)
        client.close()


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    if role == "serve":
        serve(int(rest[0]))
    else:
        connect(rest[0], int(rest[1]), int(rest[2]), rest[3:] == ["fast"])
