"""One end of a signed session: signed_peer.py md5|ao listen|connect PEER PORT KEY [OCTETS SECONDS].

The listener echoes; the other is patient for so many seconds.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import sys

TCP_MD5SIG = 14
TCP_AO_ADD_KEY = 38


def keyed(kind: str, peer: str, key: bytes) -> socket.socket:
    made = socket.socket()
    address = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(peer))
    if kind == "md5":
        made.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))
    else:
        # hmac(sha1), prefix 32, both ids 100.
        rest = struct.pack("=64siIHBBBBBB80s", b"hmac(sha1)", 0, 0, 0, 32, 100, 100, 12, 0, len(key), key)
        made.setsockopt(socket.IPPROTO_TCP, TCP_AO_ADD_KEY, address + rest)
    return made


def listen(kind: str, peer: str, port: int, key: bytes) -> None:
    server = keyed(kind, peer, key)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.listen()
    print("listening", flush=True)
    session, _ = server.accept()
    while octets := session.recv(65536):
        session.sendall(octets)
    session.close()
    print("closed", flush=True)


def connect(kind: str, peer: str, port: int, key: bytes, size: int, patience: float) -> None:
    client = keyed(kind, peer, key)
    client.settimeout(patience)
    client.connect((peer, port))
    sent, got = hashlib.sha256(), hashlib.sha256()
    block = bytes(range(256)) * 64
    left = size
    while left > 0:
        client.sendall(block)
        sent.update(block)
        back = len(block)
        while back > 0:
            octets = client.recv(back)
            assert octets, "the peer closed"
            got.update(octets)
            back -= len(octets)
        left -= len(block)
    client.close()
    print("same" if sent.digest() == got.digest() else "differs", flush=True)


if __name__ == "__main__":
    kind, role, peer, port, key, *rest = sys.argv[1:]
    if role == "listen":
        listen(kind, peer, int(port), key.encode())
    else:
        connect(kind, peer, int(port), key.encode(), int(rest[0]), float(rest[1]))
