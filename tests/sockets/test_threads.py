"""Many threads on one host's sockets: who waits is woken, by data and by close."""

from __future__ import annotations

import errno
import gc
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from usernet.core.const import POLLIN
from usernet.host import Host, Stack
from usernet.link.const import IFF_UP
from usernet.link.veth import veth_pair
from usernet.sockets.const import AF_INET, SO_LINGER, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from usernet.sockets.epoll import Epoll
from usernet.sockets.factory import socket

JOIN = 200


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host("realtime", seed=1)
    yield host
    host.close()


@pytest.fixture
def stacks(host: Host) -> tuple[Stack, Stack]:
    a, b = Stack("a", host), Stack("b", host)
    left, right = veth_pair("eth0", "eth0")
    a.attach(left, "10.0.0.1/24")
    b.attach(right, "10.0.0.2/24")
    return a, b


class Outcome:
    """A call in a thread of its own, and what became of it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.value: object = None
        self.error: BaseException | None = None

        def run() -> None:
            try:
                self.value = call()
            except OSError as error:
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def get(self) -> object:
        self.thread.join(JOIN)
        assert not self.thread.is_alive(), "it never returned"
        if self.error is not None:
            raise self.error
        return self.value


def until_asleep(host: Host) -> None:
    """Until a thread drives, and sleeps for want of anything to do."""
    pause = threading.Event()
    while host.timers.slept_until < 0:
        pause.wait(0.001)


def test_echo_between_two_threads(host: Host, stacks: tuple[Stack, Stack]) -> None:
    a, b = stacks
    server = socket(b, host, AF_INET, SOCK_STREAM, 0)
    server.bind(("", 80))
    server.listen()

    def serve() -> int:
        child, _ = server.accept()
        total = 0
        while data := child.recv(65536):
            child.sendall(data)
            total += len(data)
        child.close()
        return total

    serving = Outcome(serve)
    client = socket(a, host, AF_INET, SOCK_STREAM, 0)
    client.connect(("10.0.0.2", 80))
    for i in range(50):
        client.sendall(bytes([i]) * 1000)
        got = b""
        while len(got) < 1000:
            got += client.recv(1000)
        assert got == bytes([i]) * 1000
    client.close()
    assert serving.get() == 50_000


def test_many_threads_wait_for_many_sockets(host: Host, stacks: tuple[Stack, Stack]) -> None:
    a, b = stacks
    waiting = []
    for port in range(20):
        sock = socket(b, host, AF_INET, SOCK_DGRAM, 0)
        sock.bind(("", 1000 + port))
        waiting.append(Outcome(lambda sock=sock: sock.recv(100)))
    client = socket(a, host, AF_INET, SOCK_DGRAM, 0)
    for port in reversed(range(20)):
        client.sendto(str(port).encode(), 0, ("10.0.0.2", 1000 + port))
    assert [one.get() for one in waiting] == [str(port).encode() for port in range(20)]


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
def test_a_close_by_another_thread_wakes_with_ebadf(host: Host, stacks: tuple[Stack, Stack], kind: int) -> None:
    sock = socket(stacks[1], host, AF_INET, kind, 0)
    sock.bind(("", 80))
    if kind == SOCK_STREAM:
        sock.listen()
        call = Outcome(sock.accept)
    else:
        call = Outcome(lambda: sock.recv(1))
    until_asleep(host)
    sock.close()
    with pytest.raises(OSError) as caught:
        call.get()
    assert caught.value.errno == errno.EBADF


def test_an_epoll_in_one_thread_hears_of_another(host: Host, stacks: tuple[Stack, Stack]) -> None:
    a, b = stacks
    server = socket(b, host, AF_INET, SOCK_DGRAM, 0)
    server.bind(("", 53))
    fd = host.fds.open(server)
    epoll = Epoll(host)
    epoll.register(fd, POLLIN)
    call = Outcome(lambda: epoll.wait(-1, 10))
    until_asleep(host)
    socket(a, host, AF_INET, SOCK_DGRAM, 0).sendto(b"x", 0, ("10.0.0.2", 53))
    assert call.get() == [(fd, POLLIN)]
    epoll.close()
    host.fds.close(fd)


def test_a_registration_while_another_thread_waits_is_heard(host: Host, stacks: tuple[Stack, Stack]) -> None:
    a, b = stacks
    server = socket(b, host, AF_INET, SOCK_DGRAM, 0)
    server.bind(("", 53))
    socket(a, host, AF_INET, SOCK_DGRAM, 0).sendto(b"x", 0, ("10.0.0.2", 53))
    epoll = Epoll(host)
    call = Outcome(lambda: epoll.wait(-1, 10))
    until_asleep(host)
    fd = host.fds.open(server)
    epoll.register(fd, POLLIN)
    assert call.get() == [(fd, POLLIN)]
    epoll.close()
    host.fds.close(fd)


class Finalized:
    """Garbage in a cycle that closes something when it is collected."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close
        self.me = self

    def __del__(self) -> None:
        self.close()


@pytest.fixture
def collected_on_request() -> Iterator[None]:
    """No garbage is collected but by the test's own call."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("how", ["descriptor", "abandon", "file"])
def test_a_finalizer_in_the_midst_of_the_engine_does_not_wait_for_its_own_thread(
    host: Host, stacks: tuple[Stack, Stack], how: str, collected_on_request: None
) -> None:
    sock = socket(stacks[0], host, AF_INET, SOCK_DGRAM)
    sock.bind(("10.0.0.1", 53))
    if how == "file":
        Finalized(sock.close)
    else:
        fd = host.fds.open(sock)
        Finalized((lambda: host.fds.close(fd)) if how == "descriptor" else (lambda: host.fds.abandon(fd)))

    def collect() -> None:
        # As when a packet's processing makes the garbage collector run.
        with host.lock:
            gc.collect()
            assert not sock.closed

    Outcome(collect).get()
    host.run_for(0)
    assert sock.closed
    assert len(host.fds) == 0


def test_what_a_finalizer_closes_lingers_for_nobody(
    host: Host, stacks: tuple[Stack, Stack], collected_on_request: None
) -> None:
    server = socket(stacks[1], host, AF_INET, SOCK_STREAM)
    server.bind(("10.0.0.2", 80))
    server.listen()
    client = socket(stacks[0], host, AF_INET, SOCK_STREAM)
    client.connect(("10.0.0.2", 80))
    client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 1000))
    stacks[1].interface("eth0").device.flags &= ~IFF_UP
    client.send(b"nobody will acknowledge this")
    fd = host.fds.open(client)
    Finalized(lambda: host.fds.close(fd))

    def collect() -> None:
        with host.lock:
            gc.collect()
        host.run_for(0)

    Outcome(collect).get()
    assert client.closed
    server.close()


def test_a_lingering_close_that_is_interrupted_still_closes(host: Host, stacks: tuple[Stack, Stack]) -> None:
    server = socket(stacks[1], host, AF_INET, SOCK_STREAM)
    server.bind(("10.0.0.2", 80))
    server.listen()
    client = socket(stacks[0], host, AF_INET, SOCK_STREAM)
    client.bind(("10.0.0.1", 4000))
    client.connect(("10.0.0.2", 80))
    tcb = client.tcb
    client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 1000))
    stacks[1].interface("eth0").device.flags &= ~IFF_UP
    client.send(b"nobody will acknowledge this")
    close = Outcome(client.close)
    until_asleep(host)
    host.close()
    with pytest.raises(OSError):
        close.get()
    assert tcb.owner is None
    assert client.binding is None
