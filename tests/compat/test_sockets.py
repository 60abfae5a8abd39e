"""usernet.socket on a stack's lo: what a program written for the kernel's socket module sees."""

from __future__ import annotations

import errno
import gc
import os
import termios
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import usernet
from usernet import Host, Stack

socket = usernet.socket
select = usernet.select
selectors = usernet.selectors


@pytest.fixture
def stack() -> Iterator[Stack]:
    host = Host("realtime")
    with Stack("test", host) as stack:
        yield stack
    host.close()


@pytest.fixture
def pair(stack: Stack) -> Iterator[tuple[Any, Any]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


def test_octets_come_out_as_they_went_in(pair: tuple[Any, Any]) -> None:
    client, server = pair
    client.sendall(b"over our own TCP")
    assert server.recv(1024) == b"over our own TCP"
    into = bytearray(4)
    server.sendall(b"answer")
    assert client.recv_into(into) == 4
    assert bytes(into) == b"answ"
    assert client.recv(10) == b"er"


def test_end_of_stream_is_empty(pair: tuple[Any, Any]) -> None:
    client, server = pair
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""


def test_descriptors_are_above_the_kernels(pair: tuple[Any, Any]) -> None:
    assert all(sock.fileno() >= 1 << 30 for sock in pair)


def test_a_timeout_is_a_timeout_error(pair: tuple[Any, Any]) -> None:
    client, _ = pair
    client.settimeout(0.01)
    assert client.gettimeout() == 0.01
    with pytest.raises(TimeoutError, match="timed out"):
        client.recv(1)


def test_a_nonblocking_socket_says_eagain(pair: tuple[Any, Any]) -> None:
    client, _ = pair
    client.setblocking(False)
    assert not client.getblocking()
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_connect_to_a_closed_port_is_refused(stack: Stack) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 9))


def test_closed_socket_is_ebadf(pair: tuple[Any, Any]) -> None:
    client, _ = pair
    client.close()
    client.close()
    assert client.fileno() == -1
    for call in (lambda: client.recv(1), lambda: client.send(b"x"), client.getsockname, lambda: client.settimeout(1)):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBADF


def test_detached_descriptor_is_adopted_with_family_and_type(pair: tuple[Any, Any]) -> None:
    client, server = pair
    adopted = socket.socket(fileno=client.detach())
    with adopted:
        assert (adopted.family, adopted.type) == (socket.AF_INET, socket.SOCK_STREAM)
        adopted.sendall(b"x")
        assert server.recv(1) == b"x"


def test_dup_keeps_the_connection(pair: tuple[Any, Any]) -> None:
    client, server = pair
    with client.dup() as copy:
        client.close()
        copy.sendall(b"still here")
        assert server.recv(20) == b"still here"


def test_a_descriptor_is_found_from_another_stack(pair: tuple[Any, Any]) -> None:
    client, server = pair
    other = Host("realtime")
    try:
        with Stack("other", other), client.dup() as copy:
            copy.sendall(b"x")
            assert select.select([server], [], [], 100) == ([server], [], [])
    finally:
        other.close()


def test_unclosed_socket_warns_and_is_closed(stack: Stack) -> None:
    sock = socket.socket()
    fd = int(sock.fileno())
    with pytest.warns(ResourceWarning, match="unclosed"):
        del sock
        gc.collect()
    with pytest.raises(OSError):
        stack.host.fds.get(fd)  # type: ignore[attr-defined]


def test_half_made_socket_is_freed_in_silence(stack: Stack) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError) as caught:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, 77)
        gc.collect()
    assert caught.value.errno == errno.EPROTONOSUPPORT


def test_ipv6_is_refused_and_said_to_be_missing(stack: Stack) -> None:
    assert not socket.has_ipv6
    with pytest.raises(OSError) as caught:
        socket.socket(socket.AF_INET6)
    assert caught.value.errno == errno.EAFNOSUPPORT


def test_other_families_are_the_kernels(stack: Stack) -> None:
    a, b = socket.socketpair()
    with a, b:
        assert a.family == socket.AF_UNIX
        assert a.fileno() < 1 << 30
        a.sendall(b"unix")
        assert b.recv(10) == b"unix"
        a.settimeout(0.01)
        with pytest.raises(TimeoutError):
            a.recv(1)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("localhost", TypeError),
        (("127.0.0.1",), TypeError),
        (("127.0.0.1", 1, 2), TypeError),
        (("127.0.0.1", "80"), TypeError),
        ((1, 80), TypeError),
        (("127.0.0.1", 65536), OverflowError),
        (("127.0.0.1", -1), OverflowError),
        (("no such host\0", 1), ValueError),
    ],
)
def test_wrong_addresses_are_refused_as_cpython_does(stack: Stack, address: Any, error: type[Exception]) -> None:
    with socket.socket() as sock, pytest.raises(error):
        sock.connect(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1", b"127.0.0.1"])
def test_hosts_are_resolved_when_bound(stack: Stack, address: Any) -> None:
    with socket.socket() as sock:
        sock.bind((address, 0))
        assert sock.getsockname()[0] == ("127.0.0.1" if address else "0.0.0.0")


def test_options_take_int_bytes_and_none_with_length(stack: Stack) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, b"\0\0\0\0")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 4) == b"\0\0\0\0"
        with pytest.raises(OSError):
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 4096)
        with pytest.raises(TypeError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, None)


def test_datagrams_carry_their_sender(stack: Stack) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        a.bind(("127.0.0.1", 0))
        a.sendto(b"hello", b.getsockname())
        assert b.recvfrom(100) == (b"hello", a.getsockname())
        a.sendmsg([b"he", b"llo"], [], 0, b.getsockname())
        parts = [bytearray(2), bytearray(8)]
        assert b.recvmsg_into(parts)[0] == 5
        assert bytes(parts[0] + parts[1][:3]) == b"hello"


@pytest.mark.parametrize("name", ["SelectSelector", "PollSelector", "EpollSelector"])
def test_one_selector_serves_our_descriptors_and_the_kernels(pair: tuple[Any, Any], name: str) -> None:
    client, server = pair
    read, write = os.pipe()
    try:
        with getattr(selectors, name)() as selector:
            selector.register(server, selectors.EVENT_READ, "ours")
            selector.register(read, selectors.EVENT_READ, "kernel")
            assert selector.select(0) == []
            assert selector.select(0.01) == []
            client.send(b"x")
            assert [key.data for key, _ in selector.select(100)] == ["ours"]
            server.recv(10)
            os.write(write, b"y")
            assert [key.data for key, _ in selector.select(100)] == ["kernel"]
            os.read(read, 10)
            assert selector.select(0) == []
    finally:
        os.close(read)
        os.close(write)


def test_a_kernel_descriptor_wakes_a_waiting_selector(pair: tuple[Any, Any]) -> None:
    read, write = os.pipe()
    timer = threading.Timer(0.05, os.write, (write, b"x"))
    timer.start()
    try:
        assert select.select([pair[0], read], [], [], 100) == ([read], [], [])
        os.read(read, 1)
        timer = threading.Timer(0.05, os.write, (write, b"x"))
        timer.start()
        with select.epoll() as epoll:
            epoll.register(pair[0], select.EPOLLIN)
            epoll.register(read, select.EPOLLIN)
            assert epoll.poll(100) == [(read, select.EPOLLIN)]
    finally:
        timer.join()
        os.close(read)
        os.close(write)


def test_closing_drops_the_epoll_registration_silently(pair: tuple[Any, Any]) -> None:
    client, _ = pair
    fd = client.fileno()
    with select.epoll() as epoll:
        epoll.register(fd, select.EPOLLIN)
        client.close()
        assert epoll.poll(0) == []
        with pytest.raises(OSError):
            epoll.unregister(fd)


def test_poll_says_pollnval_and_select_ebadf_for_what_is_not_open(stack: Stack) -> None:
    poller = select.poll()
    poller.register(0x7FFFFFF0, select.POLLIN)
    assert poller.poll(1000) == [(0x7FFFFFF0, select.POLLNVAL)]
    with pytest.raises(OSError) as caught:
        select.select([0x7FFFFFF0], [], [], 0)
    assert caught.value.errno == errno.EBADF


def test_a_blocked_reader_is_woken_from_another_thread(pair: tuple[Any, Any]) -> None:
    client, server = pair
    timer = threading.Timer(0.05, client.sendall, (b"late",))
    timer.start()
    assert server.recv(10) == b"late"
    timer.join()


def test_file_interface_reads_lines(pair: tuple[Any, Any]) -> None:
    client, server = pair
    with server.makefile("rw") as file, client.makefile("rb") as other:
        file.write("one\ntwo\n")
        file.flush()
        assert other.readline() == b"one\n"
        assert other.readline() == b"two\n"


def test_interfaces_are_the_stacks(stack: Stack) -> None:
    assert socket.if_nameindex() == [(1, "lo")]
    assert socket.if_nametoindex("lo") == 1
    assert socket.if_indextoname(1) == "lo"
    with pytest.raises(OSError):
        socket.if_nametoindex("eth7")


def test_ioctl_and_a_trace_are_there_for_our_own_connections(pair: tuple[Any, Any]) -> None:
    client, server = pair
    trace = client.start_trace(8)
    client.sendall(b"seven..")
    select.select([server], [], [])
    assert server.ioctl(termios.FIONREAD) == 7
    assert any('"sent"' in line for line in trace.lines())


def test_ioctl_and_a_trace_are_refused_elsewhere(stack: Stack) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, socket.socket(socket.AF_UNIX) as kernel:
        for sock in (datagram, kernel):
            for call in (sock.start_trace, lambda sock=sock: sock.ioctl(termios.FIONREAD)):
                with pytest.raises(OSError) as caught:
                    call()
                assert caught.value.errno == errno.EOPNOTSUPP
    with socket.socket() as stream, pytest.raises(OSError) as caught:
        stream.start_trace()
    assert caught.value.errno == errno.ENOTCONN
    with pytest.raises(OSError) as caught:
        stream.ioctl(termios.FIONREAD)
    assert caught.value.errno == errno.EBADF
