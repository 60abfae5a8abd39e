"""The same calls on the kernel's stream sockets and on ours, over each one's lo: the same results, the same errno."""

from __future__ import annotations

import errno
import platform
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import usernet
from usernet import Host, Stack
from usernet.sockets import const as so
from usernet.tcp.marks import RX_SOFTWARE, SOFTWARE

# Of older kernels some options are not there, or mean less.
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or [int(part) for part in platform.release().split(".")[:2]] < [6, 12],
    reason="compares with Linux 6.12 or later",
)

Results = list[object]
LO = "127.0.0.1"
SOL, TCP = so.SOL_SOCKET, 6
NUMBERS = (-1 << 31, -2, -1, 0, 1, 2, 100, 1000, 40000, 1 << 20, (1 << 31) - 1)
OPTIONS = {
    TCP: (
        "TCP_NODELAY", "TCP_MAXSEG", "TCP_CORK", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_SYNCNT",
        "TCP_LINGER2", "TCP_DEFER_ACCEPT", "TCP_WINDOW_CLAMP", "TCP_QUICKACK", "TCP_THIN_LINEAR_TIMEOUTS",
        "TCP_USER_TIMEOUT", "TCP_FASTOPEN", "TCP_NOTSENT_LOWAT", "TCP_SAVE_SYN", "TCP_FASTOPEN_CONNECT",
        "TCP_FASTOPEN_NO_COOKIE", "TCP_INQ", "TCP_RTO_MAX_MS",
    ),
    SOL: (
        "SO_RCVLOWAT", "SO_OOBINLINE", "SO_ZEROCOPY", "SO_TIMESTAMPING", "SO_KEEPALIVE", "SO_PEEK_OFF", "SO_REUSEPORT",
    ),
}  # fmt: skip


@pytest.fixture
def stack() -> Iterator[Stack]:
    host = Host("realtime")
    with Stack("test", host) as stack:
        for name in ("tcp_rmem", "tcp_wmem"):
            stack.sysctl.set(f"net.ipv4.{name}", " ".join(Path(f"/proc/sys/net/ipv4/{name}").read_text().split()))
        yield stack
    host.close()


def outcome(call: Callable[..., Any], *args: Any) -> object:
    try:
        return call(*args)
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else type(error).__name__


class Sockets:
    """One of the two: ``library`` is its socket module, and ``polls`` its select."""

    def __init__(self, library: Any, polls: Any) -> None:
        self.library = library
        self.polls = polls
        self.kept: list[Any] = []

    def fresh(self) -> Any:
        self.kept.append(self.library.socket())
        return self.kept[-1]

    def listening(self) -> Any:
        sock = self.fresh()
        sock.bind((LO, 0))
        sock.listen(5)
        return sock

    def refused(self) -> Any:
        sock = self.fresh()
        assert outcome(sock.connect, (LO, 1)) == "ECONNREFUSED"
        return sock

    def pair(self) -> tuple[Any, Any]:
        listener = self.listening()
        client = self.fresh()
        client.connect(listener.getsockname())
        child, _ = listener.accept()
        self.kept.append(child)
        listener.close()
        return client, child

    def connected(self) -> Any:
        return self.pair()[0]

    def poll(self, sock: Any) -> int:
        poller = self.polls.poll()
        poller.register(sock, 0x2007)
        return sum(bits for _, bits in poller.poll(0))

    def close(self) -> None:
        for sock in self.kept:
            sock.close()
        self.kept.clear()


KINDS: tuple[Callable[[Sockets], Any], ...] = (
    Sockets.fresh,
    Sockets.listening,
    Sockets.refused,
    Sockets.connected,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("level", "name"), [(level, name) for level, names in OPTIONS.items() for name in names])
def test_options(stack: Stack, kind: Callable[[Sockets], Any], level: int, name: str) -> None:
    option = getattr(so, name)
    told = []
    for sockets in (Sockets(socket, select), Sockets(usernet.socket, usernet.select)):
        results: Results = []
        for number in NUMBERS:
            sock = kind(sockets)
            results.append(outcome(sock.setsockopt, level, option, number))
            # The MSS on lo is a matter of its MTU, and after a failure of what is left of it.
            if results[-1] is None and not (name == "TCP_MAXSEG" and kind in (Sockets.connected, Sockets.refused)):
                results.append(outcome(sock.getsockopt, level, option))
            sockets.close()
        told.append(results)
    if "ENOPROTOOPT" in told[0]:
        pytest.skip(f"this kernel has no {name}")
    assert told[0] == told[1]


def low_water(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    child.setsockopt(SOL, so.SO_RCVLOWAT, 4)
    client.send(b"abc")
    settle()
    results: Results = [sockets.poll(child), outcome(child.recv, 9, so.MSG_DONTWAIT)]
    child.setsockopt(SOL, so.SO_RCVTIMEO, struct.pack("qq", 0, 20_000))
    client.send(b"abc")
    settle()
    results += [outcome(child.recv, 9), outcome(child.recv, 9)]
    client.send(b"abc")
    client.send(b"de")
    settle()
    return [*results, outcome(child.recv, 9)]


def peeking(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    client.send(b"abc")
    later(lambda: client.send(b"def"))
    results: Results = [outcome(child.recv, 6, so.MSG_PEEK | so.MSG_WAITALL)]
    child.setsockopt(SOL, so.SO_PEEK_OFF, 4)
    results += [outcome(child.recv, 2), child.getsockopt(SOL, so.SO_PEEK_OFF)]
    results += [outcome(child.recv, 1, so.MSG_PEEK), outcome(child.recv, 9, so.MSG_PEEK)]
    later(lambda: client.send(b"gh"))
    return [
        *results,
        outcome(child.recv, 9, so.MSG_PEEK),
        outcome(child.recv, 9),
        child.getsockopt(SOL, so.SO_PEEK_OFF),
    ]


def urgent(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    client.send(b"x", so.MSG_OOB)
    settle()
    results: Results = [sockets.poll(child), outcome(child.recv, 5, so.MSG_PEEK | so.MSG_DONTWAIT)]
    results += [outcome(child.recv, 5, so.MSG_DONTWAIT), outcome(child.recv, 1, so.MSG_OOB)]
    client.send(b"ab!", so.MSG_OOB)
    client.send(b"cd")
    settle()
    both = so.MSG_PEEK | so.MSG_WAITALL
    results += [outcome(child.recv, 4, both), outcome(child.recv, 4, so.MSG_WAITALL)]
    return [*results, outcome(child.recv, 2, both), outcome(child.recv, 2, so.MSG_WAITALL)]


def refused_then(sockets: Sockets) -> Results:
    sock = sockets.refused()
    results: Results = [sockets.poll(sock), sock.getsockname()[0], outcome(sock.recv, 1), outcome(sock.send, b"x")]
    results += [outcome(sock.bind, (LO, 0)), outcome(sock.listen, 1), sockets.poll(sock)]
    sock.setblocking(False)
    return [*results, outcome(sock.accept), outcome(sock.bind, (LO, 0))]


def over_then_listen(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    results: Results = [outcome(client.listen, 1)]
    child.close()
    results += [outcome(client.recv, 1), outcome(client.shutdown, 1)]
    settle()
    results += [outcome(client.listen, 1), outcome(client.connect, (LO, 9))]
    client, child = sockets.pair()
    child.setsockopt(SOL, so.SO_LINGER, struct.pack("ii", 1, 0))
    child.close()
    settle()
    results += [outcome(client.listen, 1), outcome(client.send, b"x"), outcome(client.send, b"x")]
    return [*results, outcome(client.recv, 1), outcome(client.getpeername)]


def shut_halves(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    client.shutdown(1)
    results: Results = [outcome(client.send, b"x"), outcome(child.recv, 1), sockets.poll(child), sockets.poll(client)]
    child.send(b"zz")
    settle()
    client.shutdown(0)
    results += [outcome(client.recv, 9), outcome(client.recv, 9), sockets.poll(client)]
    return [*results, outcome(client.shutdown, 2), outcome(sockets.fresh().shutdown, 2)]


def zero_copy_then_receive(sockets: Sockets) -> Results:
    client, child = sockets.pair()
    client.setsockopt(SOL, so.SO_ZEROCOPY, 1)
    client.send(b"question", so.MSG_ZEROCOPY)
    settle()
    later(lambda: child.send(b"answer"))
    results: Results = [sockets.poll(client) & select.POLLERR, outcome(client.recv, 9)]
    return [*results, client.recvmsg(9, 512, so.MSG_ERRQUEUE)[1][0][2][:4]]


def stamped(sockets: Sockets) -> Results:
    results: Results = []
    filtered = 1 << 17
    # The kernel begins to stamp packets some time after the first who asks for it, and ends after the last.
    client, child = sockets.pair()
    child.setsockopt(SOL, so.SO_TIMESTAMP, 1)
    stamps: list[Any] = []
    while not stamps:
        client.send(b"?")
        stamps = child.recvmsg(1, 512)[1]
    for options in (
        [(SOL, so.SO_TIMESTAMP, 1)],
        [(SOL, so.SO_TIMESTAMPNS, 1), (TCP, so.TCP_INQ, 1)],
        [(SOL, so.SO_TIMESTAMPNS, 1), (SOL, so.SO_TIMESTAMP, 1)],
        [(SOL, so.SO_TIMESTAMPNS, 1), (SOL, so.SO_TIMESTAMP, 0)],
        [(SOL, so.SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)],
        [(SOL, so.SO_TIMESTAMPING, RX_SOFTWARE)],
        [(SOL, so.SO_TIMESTAMP, 1), (SOL, so.SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)],
        [(SOL, so.SO_TIMESTAMP, 1), (SOL, so.SO_TIMESTAMPING, SOFTWARE)],
        [(SOL, so.SO_TIMESTAMP, 1), (SOL, so.SO_TIMESTAMPING, SOFTWARE | filtered)],
    ):
        client, child = sockets.pair()
        for option in options:
            child.setsockopt(*option)
        client.send(b"when did this come?")
        settle()
        for n, room, flags in ((4, 512, so.MSG_PEEK), (5, 512, 0), (1, 20, 0), (1, 16, 0), (1, 15, 0), (100, 56, 0)):
            data, ancillary, out, _ = child.recvmsg(n, room, flags)
            results.append((data, out, [(level, kind, len(octets)) for level, kind, octets in ancillary]))
    return results


def settle() -> None:
    """What was sent has come and is acknowledged: on lo that takes the kernel no time worth the name, and us a turn."""
    time.sleep(0.05)
    host = usernet.current_stack().host
    assert isinstance(host, Host)
    host.run_for(0)


def later(call: Callable[[], object]) -> None:
    threading.Timer(0.05, call).start()


CASES = (low_water, peeking, urgent, refused_then, over_then_listen, shut_halves, zero_copy_then_receive, stamped)


@pytest.mark.parametrize("case", CASES)
def test_calls(stack: Stack, case: Callable[[Sockets], Results]) -> None:
    told = []
    for sockets in (Sockets(socket, select), Sockets(usernet.socket, usernet.select)):
        told.append(case(sockets))
        sockets.close()
    assert told[0] == told[1]
