"""A guest on a user-mode network, and kernel servers and clients on the machine's loopback."""

from __future__ import annotations

import hashlib
import socket as kernel_socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from usernet.gateway.user import UserNet, open_user
from usernet.host import Host, Stack
from usernet.sockets.base import Socket
from usernet.sockets.factory import socket as make_socket

SECOND = 1_000_000_000
# A machine too busy for anything costs time, not a verdict.
PATIENCE = 100


class Guest:
    """A stack on a user: device, with sockets that give up after PATIENCE seconds."""

    def __init__(self, url: str) -> None:
        self.host = Host("live")
        self.stack = Stack("guest", self.host)
        with self.host.lock:
            self.net: UserNet = open_user(self.host, url)
        self.stack.attach(self.net.device, self.net.guest_address, self.net.gateway, [self.net.dns])
        self._sockets: list[Socket] = []

    def socket(self, kind: int = kernel_socket.SOCK_STREAM, proto: int = 0) -> Socket:
        sock = make_socket(self.stack, self.host, kernel_socket.AF_INET, kind, proto)
        sock.timeout_ns = PATIENCE * SECOND
        self._sockets.append(sock)
        return sock

    def connect(self, ip: str, port: int) -> Socket:
        sock = self.socket()
        sock.connect((ip, port))
        return sock

    def listen(self, port: int, backlog: int = 128) -> Socket:
        sock = self.socket()
        sock.bind(("0.0.0.0", port))
        sock.listen(backlog)
        return sock

    def accept(self, listener: Socket) -> tuple[Socket, tuple[str, int]]:
        sock, peer = listener.accept()
        sock.timeout_ns = PATIENCE * SECOND
        self._sockets.append(sock)
        return sock, peer

    def until(self, holds: Callable[[], bool]) -> None:
        """Drive until a condition of the gateway holds."""
        deadline = self.host.now() + PATIENCE * SECOND
        while not holds():
            assert self.host.now() < deadline, self.net.stats()
            self.host.run_for(2_000_000)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()
        self.host.close()


@contextmanager
def guest_on(url: str) -> Iterator[Guest]:
    guest = Guest(url)
    try:
        yield guest
    finally:
        guest.close()


@pytest.fixture
def guest() -> Iterator[Guest]:
    with guest_on("user:") as one:
        yield one


class Kernel:
    """Threads with kernel sockets; an exception in one fails the test."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._sockets: list[kernel_socket.socket] = []
        self._errors: list[BaseException] = []
        self._results: dict[threading.Thread, Any] = {}

    def run(self, work: Callable[..., Any], *args: Any) -> threading.Thread:
        def body() -> None:
            try:
                self._results[thread] = work(*args)
            except BaseException as error:
                self._errors.append(error)

        thread = threading.Thread(target=body, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def result(self, thread: threading.Thread) -> Any:
        thread.join(PATIENCE)
        assert not self._errors, self._errors
        assert not thread.is_alive()
        return self._results[thread]

    def keep(self, sock: kernel_socket.socket) -> kernel_socket.socket:
        sock.settimeout(PATIENCE)
        self._sockets.append(sock)
        return sock

    def listen(self, backlog: int = 512) -> tuple[kernel_socket.socket, int]:
        sock = self.keep(kernel_socket.create_server(("127.0.0.1", 0), backlog=backlog))
        return sock, sock.getsockname()[1]

    def accept(self, listener: kernel_socket.socket) -> kernel_socket.socket:
        return self.keep(listener.accept()[0])

    def connect(self, port: int) -> kernel_socket.socket:
        return self.keep(kernel_socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))

    def udp(self) -> tuple[kernel_socket.socket, int]:
        sock = self.keep(kernel_socket.socket(kernel_socket.AF_INET, kernel_socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", 0))
        return sock, sock.getsockname()[1]

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not self._errors, self._errors


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    machine = Kernel()
    yield machine
    machine.close()


def read_all(sock: Any) -> bytes:
    """Everything up to the end of file."""
    pieces = []
    while piece := sock.recv(1 << 18):
        pieces.append(piece)
    return b"".join(pieces)


def read_exactly(sock: Any, n: int) -> bytes:
    """n octets."""
    pieces = []
    while n > 0:
        piece = sock.recv(min(n, 1 << 18))
        assert piece, f"{n} octets are missing"
        pieces.append(piece)
        n -= len(piece)
    return b"".join(pieces)


def digest_all(sock: Any) -> str:
    """The SHA-256 of everything up to the end of file."""
    digest = hashlib.sha256()
    while piece := sock.recv(1 << 18):
        digest.update(piece)
    return digest.hexdigest()


def reset(sock: kernel_socket.socket) -> None:
    """Close a kernel socket with a RST."""
    sock.setsockopt(kernel_socket.SOL_SOCKET, kernel_socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def own_address() -> str | None:
    """An address of the machine that is not its loopback's; asking sends nothing."""
    with kernel_socket.socket(kernel_socket.AF_INET, kernel_socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(sock.getsockname()[0])
