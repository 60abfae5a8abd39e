"""System calls of scripts: what they give, their errno, and the structures they fill in."""

from __future__ import annotations

import struct

import pytest

from usernet.testing.drill import run_script
from usernet.testing.drill.errors import Mismatch
from usernet.testing.drill.script import Struct
from usernet.testing.drill.structs import check_message
from usernet.testing.drill.symbols import SYMBOLS

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


def test_a_number_that_is_open_already_is_accepts_alone_to_give() -> None:
    for line in ("socket(..., SOCK_STREAM, 0) = 4", "epoll_create(1) = 4", "pipe([5, 4]) = 0", "pipe([5, 5]) = 0"):
        fails(f"+0 {line}", "open already", f"script: {line}")
    passes("""
    +0 < S 0:0(0) win 32792 <mss 1000>
    +0 close(4) = 0
    +0 pipe([4, 5]) = 0
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
    ("line", "words"),
    [
        ("read(4, ..., ...) = 1", "read() takes a count as its argument 3, not ..."),
        ("write(4, ..., -1) = 1", "takes a count as its argument 3, not -1"),
        ("write(4, ..., 999999999999) = 1", "takes a count"),
        ('write(4, "text", 4) = 4', "takes a buffer, '...' or NULL, as its argument 2, not \"text\""),
        ("write([4], ..., 5) = 5", "takes a descriptor as its argument 1, not [4]"),
        ("listen(4, [1]) = 0", "listen() takes a number as its argument 2, not [1]"),
        ("socket(..., ..., ...) = 5", "socket() takes a number as its argument 2"),
        ("poll(5, 1, 0) = 0", "poll() takes an array like [{fd=4, events=POLLIN, revents=0}]"),
        ("poll([{fd=4, events=..., revents=0}], 1, 0) = 0", "not [{fd=4, events=..., revents=0}]"),
        ("pipe(5) = 0", "pipe() takes two descriptors like [5, 6]"),
        ("pipe([5]) = 0", "pipe() takes two descriptors"),
        ("recvmsg(4, {msg_iov(1)=[{..., 1}], msg_flags=0, msg_control=5}, 0) = 0", "recvmsg() takes a msghdr like"),
        ("sendmsg(4, {msg_iov(1)=7, msg_flags=0}, 0) = 0", "sendmsg() takes a msghdr like"),
        ("epoll_wait(4, {events=0, ptr=0}, 1, 0) = 1", "epoll_wait() gave -1 EINVAL"),
        ("epoll_wait(4, 0, 1, 0) = 0", "takes an event like {events=EPOLLIN, fd=4}"),
        ("readv(4, [{..., NULL, 5}], 1) = 0", "readv() takes an array like [{..., 1000}, {..., 500}]"),
        ("open(5, O_RDONLY) = 5", "open() takes a string"),
        ("fcntl(4, F_SETFL, ...) = 0", "fcntl() takes a number as its argument 3"),
    ],
)
def test_arguments_no_call_takes_fail_in_words(line: str, words: str) -> None:
    fails(f"{NONBLOCK}+0 {line}", "script:10: ", words, f"script: {line}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wrote(4, ..., 1) = 1", "the system call wrote(); is write meant?"),
        ("setsockopt(4, SOL_TCP, TCP_NODELY, [1], 4) = 0", "is TCP_NODELAY meant?"),
        ("read(4, ..., 1) = -1 EAGIAN", "no errno is called EAGIAN; is EAGAIN meant?"),
        # Also where the result is another one.
        ("write(4, ..., 1) = -1 EAGIAN", "no errno is called EAGIAN"),
    ],
)
def test_a_name_nobody_knows_comes_with_what_may_be_meant(line: str, words: str) -> None:
    fails(f"{NONBLOCK}+0 {line}", words, "script:10:", outcome="unsupported")


@pytest.mark.parametrize("value", ["5", "[]", "[0, 0]"])
def test_a_value_of_another_form_is_no_pass(value: str) -> None:
    fails(f"+0 getsockopt(4, SOL_TCP, TCP_NODELAY, {value}, [4]) = 0", outcome="unsupported")
    passes("+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [...], [4]) = 0")


def test_an_option_is_as_long_as_the_script_says() -> None:
    passes("""
    +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 3) = -1 EINVAL (Invalid argument)
    +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 0) = -1 EINVAL (Invalid argument)
    +0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 8) = 0
    +0 setsockopt(4, SOL_IP, IP_TOS, [0x110], 1) = 0
    +0 getsockopt(4, SOL_IP, IP_TOS, [0x10], [4]) = 0
    """)


def test_an_epoll_wait_without_events_gives_nothing() -> None:
    lines = """
    +0 epoll_create(1) = 5
    +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, ptr=7}) = 0
    """
    passes(lines + "+0 epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0")
    passes(lines + "+0 epoll_wait(5, {events=0, fd=4}, 1, 0) = 0")
    fails(lines + "+0 epoll_wait(5, {events=EPOLLIN, ptr=0}, 1, 0) = 0", "events EPOLLIN expected, 0 given")
    fails(lines + "+0 epoll_wait(5, {events=0, ptr=7}, 1, 0) = 0", "ptr 7 expected, 0 given")
    fails(
        lines + "+0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN, fd=3}) = 0",
        "is of descriptor 4, and its event of 3",
    )


def test_flags_of_a_message_to_send_are_no_field_of_it() -> None:
    fails("+0 sendmsg(4, {msg_iov(1)=[{..., 5}], msg_flags=MSG_MORE}, 0) = 5", "looks at no msg_flags")


def test_a_message_has_as_many_vectors_as_it_says() -> None:
    fails("+0 sendmsg(4, {msg_iov(2)=[{..., 5}], msg_flags=0}, 0) = 5", "msg_iov(2) has 1 values", outcome="error")


def test_all_statistics_of_a_write_are_to_be_named() -> None:
    def given(*statistics: tuple[int, int]) -> list[tuple[int, int, bytes]]:
        return [(1, SYMBOLS["SCM_TIMESTAMPING_OPT_STATS"],
                 b"".join(struct.pack("=HHQ", 12, kind, value) for kind, value in statistics))]  # fmt: skip

    control = Struct((
        ("cmsg_level", 1), ("cmsg_type", SYMBOLS["SCM_TIMESTAMPING_OPT_STATS"]),
        ("cmsg_data", Struct((("TCP_NLA_DATA_SEGS_OUT", 3),))),
    ))  # fmt: skip
    expected = Struct((("msg_flags", 0), ("msg_control", [control])))
    check_message(expected, given((4, 3)), 0, 4000)
    with pytest.raises(Mismatch, match="TCP_NLA_DATA_SEGS_OUT 3 expected, 2 given"):
        check_message(expected, given((4, 2)), 0, 4000)
    with pytest.raises(Mismatch, match="1 statistics expected, attribute 5 given as well"):
        check_message(expected, given((4, 3), (5, 0)), 0, 4000)


def test_code_looks_at_tcp_alone() -> None:
    result = run_script("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 %{ assert True }%\n")
    assert result.message == "script:2: the socket to look at has no TCP_INFO"


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
