"""The server under test: one program, told only which socket and select modules to use.

usage: server.py kernel|usernet MODE ADDRESS PORT

MODE is bulk_receive, bulk_send, rr (blocking sockets) or rr_epoll, crr, udp_rr (non-blocking, epoll). With
``usernet`` the stack stands on tap0 of the namespace this runs in; with ``kernel`` ADDRESS is the namespace's own.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

CHUNK = 256 * 1024


def bulk_receive(socket: Any, select: Any, address: tuple[str, int]) -> None:
    into = bytearray(CHUNK)
    with socket.create_server(address) as listener:
        ready()
        while True:
            connection, _ = listener.accept()
            with connection:
                while connection.recv_into(into):
                    pass


def bulk_send(socket: Any, select: Any, address: tuple[str, int]) -> None:
    octets = bytes(CHUNK)
    with socket.create_server(address) as listener:
        ready()
        while True:
            connection, _ = listener.accept()
            # The generator leaves when its time is up.
            with connection, contextlib.suppress(ConnectionError):
                while True:
                    connection.sendall(octets)


def rr(socket: Any, select: Any, address: tuple[str, int]) -> None:
    with socket.create_server(address) as listener:
        ready()
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, contextlib.suppress(ConnectionError):
                while octets := connection.recv(1):
                    connection.send(octets)


def rr_epoll(socket: Any, select: Any, address: tuple[str, int]) -> None:
    """Both rr with many connections and crr: accept, echo each octet, close at end of file."""
    poller = select.epoll()
    connections: dict[int, Any] = {}
    with socket.create_server(address, backlog=1024) as listener:
        listener.setblocking(False)
        accepting = listener.fileno()
        poller.register(accepting, select.EPOLLIN)
        ready()
        while True:
            for fd, _ in poller.poll():
                if fd == accepting:
                    with contextlib.suppress(BlockingIOError):
                        while True:
                            connection, _ = listener.accept()
                            connection.setblocking(False)
                            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                            connections[connection.fileno()] = connection
                            poller.register(connection.fileno(), select.EPOLLIN)
                    continue
                connection = connections[fd]
                try:
                    octets = connection.recv(1)
                    if octets:
                        connection.send(octets)
                        continue
                except BlockingIOError:
                    continue
                except ConnectionError:
                    pass
                poller.unregister(fd)
                del connections[fd]
                connection.close()


def udp_rr(socket: Any, select: Any, address: tuple[str, int]) -> None:
    poller = select.epoll()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.setblocking(False)
        poller.register(sock.fileno(), select.EPOLLIN)
        ready()
        while True:
            poller.poll()
            with contextlib.suppress(BlockingIOError):
                while True:
                    octets, peer = sock.recvfrom(2048)
                    sock.sendto(octets, peer)


def ready() -> None:
    print("ready", flush=True)


MODES = {
    "bulk_receive": bulk_receive,
    "bulk_send": bulk_send,
    "rr": rr,
    "rr_epoll": rr_epoll,
    "crr": rr_epoll,
    "udp_rr": udp_rr,
}


def main(kind: str, mode: str, address: str, port: str) -> None:
    at = (address, int(port))
    if kind == "kernel":
        import select
        import socket

        MODES[mode](socket, select, at)
    else:
        import usernet
        from usernet import select, socket

        stack = usernet.Stack("bench")
        stack.attach("tap:tap0", address=f"{address}/24")
        with stack:
            MODES[mode](socket, select, at)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
