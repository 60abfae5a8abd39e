"""System calls of scripts: what they give, their errno, and the structures they fill in."""

from __future__ import annotations

import pytest

from usernet.testing.drill import run_script

from .judge import fails, passes

NONBLOCK = "+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("write(4, ..., 10) = 10", "write(4, ..., 10) = 9", "write() gave 10, 9 expected"),
        ("read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)", "read(4, ..., 10) = -1 EPIPE",
         "read() failed with EAGAIN, EPIPE expected"),
        ("read(4, ..., 10) = -1", "read(4, ..., 10) = 0", "read() gave -1 EAGAIN, 0 expected"),
        ("getsockopt(4, SOL_SOCKET, SO_TYPE, [1], [4]) = 0", "getsockopt(4, SOL_SOCKET, SO_TYPE, [2], [4]) = 0",
         "gave 1, 2 expected"),
        # A length of 0 asks for nothing but whether there is such an option.
        ("getsockopt(4, SOL_SOCKET, SO_TYPE, [1], [0]) = 0", "getsockopt(4, SOL_SOCKET, 12345, [1], [0]) = 0",
         "gave -1 ENOPROTOOPT, 0 expected"),
        ("ioctl(4, SIOCINQ, [0]) = 0", "ioctl(4, SIOCINQ, [5]) = 0", "gave 0, 5 expected"),
        ("fcntl(4, F_GETFL) = 0x802 (flags O_RDWR|O_NONBLOCK)", "fcntl(4, F_GETFL) = 2", "fcntl() gave 2050"),
        ("close(4) = 0", "close(9) = 0", "descriptor 9"),
        ("poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1",
         "poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN|POLLOUT}], 1, 0) = 1",
         "revents POLLIN|POLLOUT expected, POLLOUT given"),
        ("send(4, NULL, 10, 0) = -1 EFAULT (Bad address)", "send(4, ..., 10, 0) = -1 EFAULT", "gave 10"),
        ("shutdown(4, SHUT_WR) = 0", "shutdown(4, SHUT_WR) = -1 ENOTCONN", "gave 0, -1 ENOTCONN expected"),
    ],
)  # fmt: skip
def test_result_and_errno_are_compared(good: str, bad: str, words: str) -> None:
    passes(f"{NONBLOCK}+0 {good}")
    fails(
        f"{NONBLOCK}+0 {bad}",
        words,
        "script:",
    )


def test_options_are_set_and_read() -> None:
    passes("""
    +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
    +0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0
    +0 setsockopt(4, SOL_TCP, TCP_CONGESTION, "reno", 4) = 0
    +0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=7}, 8) = 0
    +0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=7}, [8]) = 0
    """)


def test_a_number_that_is_open_already_means_the_newer_descriptor() -> None:
    passes("""
    +0 pipe([5, 6]) = 0
    +0 epoll_create(1) = 5
    +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0
    +0 epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1
    """)


def test_epoll_gives_events_and_data() -> None:
    lines = """
    +0 epoll_create(1) = 5
    +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLOUT|EPOLLET, u64=77}) = 0
    +0 epoll_wait(5, {events=EPOLLOUT, u64=77}, 1, 0) = 1
    +0 epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0
    +0...0.1 epoll_wait(5, {events=EPOLLIN|EPOLLOUT, u64=77}, 1, 1000) = 1
   +.1 < P. 1:11(10) ack 1 win 257
    """
    passes(lines)
    fails(lines.replace("EPOLLOUT, u64=77}, 1, 0", "EPOLLOUT, u64=78}, 1, 0"), "u64 78 expected, 77 given")
    fails(lines.replace("events=EPOLLOUT, u64", "events=EPOLLIN, u64"), "events EPOLLIN expected, EPOLLOUT given")


def test_vectors_and_messages() -> None:
    passes("""
    +0 writev(4, [{..., 100}, {..., 200}], 2) = 300
    +0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 50}, {..., 50}], msg_flags=0}, 0) = 100
    +0 < P. 1:31(30) ack 1 win 257
    +0 readv(4, [{..., 10}, {..., 10}], 2) = 20
    +0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=0}, 0) = 10
    """)
    fails("+0 writev(4, [{..., 100}], 2) = 100", "2 vectors announced and 1 given")
    fails(
        "+0 < P. 1:31(30) ack 1 win 257\n"
        "+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=MSG_OOB}, 0) = 30",
        "msg_flags: MSG_OOB expected, 0",
    )


def test_a_pipe_and_a_file_of_zeros() -> None:
    result = run_script("""
    `dd if=/dev/zero of=/tmp/zeros bs=1 count=5`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000>
   +0 > S. 0:0(0) ack 1 <mss 1460>
   +0 < . 1:101(100) ack 1 win 500
   +0 > . 1:1(0) ack 101
   +0 accept(3, ..., ...) = 4
   +0 open("/tmp/zeros", O_RDONLY) = 5
   +0 open("/tmp/nothing", O_RDONLY) = -1 ENOENT (No such file or directory)
   +0 sendfile(4, 5, [2], 10) = 3
   +0 > P. 1:4(3) ack 101
   +0 pipe([6, 7]) = 0
   +0 splice(4, NULL, 7, NULL, 60, 0) = 60
   +0 read(6, ..., 100) = 60
   +0 read(4, ..., 100) = 40
    """)
    assert result.ok, "\n".join([str(result), *result.trace])


def test_a_blocking_connect_and_accept() -> None:
    result = run_script("""
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0...0.1 connect(3, ..., ...) = 0
   +0 > S 0:0(0) <...>
  +.1 < S. 0:0(0) ack 1 win 5792 <mss 1460>
   +0 > . 1:1(0) ack 1
    """)
    assert result.ok, str(result)
    result = run_script("""
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0...0.2 accept(3, ..., ...) = 4
  +.1 < S 0:0(0) win 32792 <mss 1000>
   +0 > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1 win 257
   +0 write(4, ..., 5) = 5
   +0 > P. 1:6(5) ack 1
    """)
    assert result.ok, str(result)


def test_a_refused_connection_has_its_errno() -> None:
    lines = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0...0.1 connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)
   +0 > S 0:0(0) <...>
  +.1 < R. 0:0(0) ack 1 win 0
    """
    assert run_script(lines).ok
    assert "ETIMEDOUT expected" in str(run_script(lines.replace("ECONNREFUSED", "ETIMEDOUT")))


@pytest.mark.parametrize("line", ["fork() = 0", "setsockopt(4, SOL_TCP, TCP_TELEPATHY, [1], 4) = 0",
                                  "socket(AF_UNIX, SOCK_STREAM, 0) = 5", "read(4, ..., 5) = -1 ENONSENSE",
                                  'setsockopt(4, SOL_TCP, TCP_AO_ADD_KEY, {sndid=256, rcvid=1, key="k"}, 288) = 0',
                                  f'setsockopt(4, SOL_TCP, TCP_AO_ADD_KEY, {{sndid=1, key="{"k" * 81}"}}, 288) = 0',
                                  f'setsockopt(4, SOL_TCP, TCP_MD5SIG, {{key="{"k" * 81}"}}, 216) = 0',
                                  "setsockopt(4, SOL_TCP, TCP_AO_INFO, {current_key=-1}, 56) = 0"])  # fmt: skip
def test_what_nobody_knows_is_unsupported(line: str) -> None:
    fails(f"{NONBLOCK}+0 {line}", outcome="unsupported")


def test_a_call_with_too_few_arguments_is_a_failure_that_says_so() -> None:
    fails("+0 read(4, ...) = 0", "read() takes 3 arguments, not 2")


@pytest.mark.parametrize(
    "line",
    ["read(4, ..., ...) = 1", "poll(5, 1, 0) = 0", "pipe(5) = 0", "write(4, ..., -1) = 1", "listen(4, [1]) = 0"],
)
def test_arguments_no_call_takes_fail_without_a_traceback(line: str) -> None:
    fails(f"{NONBLOCK}+0 {line}", "script:10: ")


def test_datagrams() -> None:
    lines = """
    0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
   +0 bind(3, ..., ...) = 0
   +0 < udp (1000)
   +0 read(3, ..., 5000) = 1000
   +0 sendto(3, ..., 500, 0, ..., ...) = 500
   +0 > udp (500)
    """
    assert run_script(lines).ok, str(run_script(lines))
    assert "length: 501 expected, 500 sent" in str(run_script(lines.replace("> udp (500)", "> udp (501)")))
