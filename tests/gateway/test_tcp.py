"""TCP through the gateway, both ways: what a segment-by-segment path would carry across, the splice carries."""

from __future__ import annotations

import hashlib
import random
import socket as kernel_socket
import threading
from errno import EMFILE
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from usernet.gateway import outbound, publish

from .conftest import PATIENCE, SECOND, Guest, Kernel, digest_all, guest_on, own_address, read_all, read_exactly, reset

MACHINE = "10.0.2.2"
BULK = random.Random(7).randbytes(1 << 20) * 16


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"path " + self.path.encode() + b" for " + self.client_address[0].encode())

    def log_message(self, *args: Any) -> None:
        pass


def test_guest_fetches_from_a_server_of_the_machine(guest: Guest, kernel: Kernel) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        kernel.run(server.serve_forever, 0.05)
        sock = guest.connect(MACHINE, server.server_port)
        sock.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        answer = read_all(sock)
        server.shutdown()
    assert answer.startswith(b"HTTP/1.0 200")
    assert answer.endswith(b"path /x for 127.0.0.1")


def test_kernel_client_reaches_the_guest_through_a_published_port(guest: Guest, kernel: Kernel) -> None:
    listener = guest.listen(80)
    port = guest.net.publish("127.0.0.1", 0, 80)
    assert guest.net.published() == [("tcp", "127.0.0.1", port, 80)]

    def client() -> bytes:
        sock = kernel.connect(port)
        sock.sendall(b"hello")
        return read_all(sock)

    thread = kernel.run(client)
    sock, peer = guest.accept(listener)
    assert peer[0] == MACHINE
    assert read_exactly(sock, 5) == b"hello"
    sock.sendall(b"good day")
    sock.close()
    assert kernel.result(thread) == b"good day"


def test_unpublished_port_takes_no_one_in(guest: Guest, kernel: Kernel) -> None:
    guest.listen(80)
    port = guest.net.publish("127.0.0.1", 0, 80)
    guest.net.unpublish("127.0.0.1", port)
    with pytest.raises(ConnectionRefusedError):
        kernel.connect(port)


def test_a_taken_port_is_the_kernels_own_error(guest: Guest, kernel: Kernel) -> None:
    _, port = kernel.listen()
    with pytest.raises(OSError, match="in use"):
        guest.net.publish("127.0.0.1", port, 80)


def test_bulk_to_the_machine_arrives_whole(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()
    thread = kernel.run(lambda: digest_all(kernel.accept(listener)))
    sock = guest.connect(MACHINE, port)
    sock.sendall(BULK)
    sock.close()
    assert kernel.result(thread) == hashlib.sha256(BULK).hexdigest()


def test_bulk_from_the_machine_arrives_whole(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()

    def serve() -> None:
        sock = kernel.accept(listener)
        sock.sendall(BULK)
        sock.close()

    kernel.run(serve)
    assert digest_all(guest.connect(MACHINE, port)) == hashlib.sha256(BULK).hexdigest()


def test_bulk_both_ways_at_once_through_a_published_port(guest: Guest, kernel: Kernel) -> None:
    listener = guest.listen(80)
    port = guest.net.publish("127.0.0.1", 0, 80)

    def client() -> str:
        sock = kernel.connect(port)
        sender = kernel.run(lambda: (sock.sendall(BULK), sock.shutdown(kernel_socket.SHUT_WR)))
        digest = digest_all(sock)
        kernel.result(sender)
        return digest

    thread = kernel.run(client)
    sock, _ = guest.accept(listener)
    sender = kernel.run(lambda: (sock.sendall(BULK), sock.shutdown(kernel_socket.SHUT_WR)))
    digest = digest_all(sock)
    kernel.result(sender)
    assert digest == kernel.result(thread) == hashlib.sha256(BULK).hexdigest()


def test_half_close_of_the_guest_leaves_the_answer_open(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()

    def serve() -> None:
        sock = kernel.accept(listener)
        sock.sendall(b"got " + read_all(sock))
        sock.close()

    kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    sock.sendall(b"question")
    sock.shutdown(kernel_socket.SHUT_WR)
    assert read_all(sock) == b"got question"
    guest.until(lambda: guest.net.stats()["tcp_open"] == 0)
    assert guest.net.stats()["tcp_resets"] == 0


def test_half_close_of_the_machine_leaves_the_question_open(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()

    def serve() -> bytes:
        sock = kernel.accept(listener)
        sock.sendall(b"banner")
        sock.shutdown(kernel_socket.SHUT_WR)
        return read_all(sock)

    thread = kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    assert read_all(sock) == b"banner"
    sock.sendall(b"late")
    sock.close()
    assert kernel.result(thread) == b"late"


def test_reset_by_the_machine_resets_the_guest(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()

    def serve() -> None:
        sock = kernel.accept(listener)
        assert sock.recv(1) == b"x"
        reset(sock)

    kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    sock.sendall(b"x")
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def test_reset_by_the_guest_resets_the_machine(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()

    def serve() -> bytes:
        sock = kernel.accept(listener)
        sock.sendall(b"unread")
        with pytest.raises(ConnectionResetError):
            read_all(sock)
        return b"reset"

    thread = kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    assert sock.recv(1) == b"u"
    sock.close()  # octets unread: RFC 2525 2.17
    assert kernel.result(thread) == b"reset"


def test_a_blocked_guest_still_hears_of_a_reset(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()
    blocked = threading.Event()

    def serve() -> None:
        sock = kernel.accept(listener)
        sock.setblocking(False)
        while not blocked.is_set():
            try:
                sock.send(b"x" * 65536)
            except BlockingIOError:
                blocked.wait(0.05)
        reset(sock)

    kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    settled = Settled(guest, "bytes_in")
    guest.until(settled.holds)
    blocked.set()
    guest.until(lambda: guest.net.stats()["tcp_resets"] == 1)
    with pytest.raises(ConnectionResetError):
        read_all(sock)


def test_refused_by_the_machine_is_refused_to_the_guest(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        guest.connect(MACHINE, port)
    assert guest.net.stats()["tcp_refused"] == 1


def test_refused_by_the_guest_resets_the_machines_client(guest: Guest, kernel: Kernel) -> None:
    port = guest.net.publish("127.0.0.1", 0, 81)

    def client() -> str:
        with pytest.raises(ConnectionResetError):
            kernel.connect(port).recv(1)
        return "reset"

    thread = kernel.run(client)
    guest.until(lambda: guest.net.stats()["tcp_resets"] == 1)
    assert kernel.result(thread) == "reset"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.1", "10.0.2.3"])
def test_there_is_no_way_around_the_gateway_address(guest: Guest, kernel: Kernel, address: str) -> None:
    """127/8 and 0/8 would be the machine's loopback; they either stay in the guest or are refused."""
    _, port = kernel.listen()
    with pytest.raises(OSError):
        guest.connect(address, port)
    assert guest.net.stats()["tcp_connected"] == 0


def test_host_loopback_0_keeps_the_machine_out_of_reach(kernel: Kernel) -> None:
    _, port = kernel.listen()
    with guest_on("user:?host_loopback=0") as guest, pytest.raises(ConnectionRefusedError):
        guest.connect(MACHINE, port)


class Settled:
    """Holds when a number of the gateway's has grown and not moved for a while."""

    def __init__(self, guest: Guest, name: str) -> None:
        self.guest = guest
        self.name = name
        self.last = 0
        self.same = 0

    def holds(self) -> bool:
        number = self.guest.net.stats()[self.name]
        self.same = self.same + 1 if number == self.last > 0 else 0
        self.last = number
        return self.same > 50


def test_a_slow_guest_stops_the_machine(guest: Guest, kernel: Kernel) -> None:
    """Backpressure: what waits in between is bounded, and nothing is lost."""
    listener, port = kernel.listen()
    data = BULK * 2

    def serve() -> None:
        sock = kernel.accept(listener)
        sock.sendall(data)
        sock.close()

    kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    settled = Settled(guest, "bytes_in")
    guest.until(settled.holds)
    stats = guest.net.stats()
    assert 0 < stats["bytes_in"] < 12 << 20
    assert stats["pool_used"] < 8 << 20
    assert digest_all(sock) == hashlib.sha256(data).hexdigest()


def test_a_slow_machine_stops_the_guest(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()
    read_on = threading.Event()
    data = BULK * 2

    def serve() -> str:
        sock = kernel.accept(listener)
        read_on.wait(PATIENCE)
        return digest_all(sock)

    thread = kernel.run(serve)
    sock = guest.connect(MACHINE, port)
    sender = kernel.run(lambda: (sock.sendall(data), sock.close()))
    settled = Settled(guest, "bytes_out")
    guest.until(settled.holds)
    stats = guest.net.stats()
    assert 0 < stats["bytes_out"] < len(data) - (4 << 20)
    assert stats["pool_used"] < 8 << 20
    read_on.set()
    kernel.result(sender)
    assert kernel.result(thread) == hashlib.sha256(data).hexdigest()


def test_two_hundred_connections_at_once(guest: Guest, kernel: Kernel) -> None:
    listener = guest.listen(80, 512)
    port = guest.net.publish("127.0.0.1", 0, 80)
    count = 200

    def clients() -> int:
        socks = [kernel.connect(port) for _ in range(count)]
        for i, sock in enumerate(socks):
            sock.sendall(b"%05d" % i)
        right = 0
        for i, sock in enumerate(socks):
            right += read_all(sock) == b"answer %05d" % i
            sock.close()
        return right

    thread = kernel.run(clients)
    accepted = [guest.accept(listener)[0] for _ in range(count)]
    for sock in accepted:
        sock.sendall(b"answer " + read_exactly(sock, 5))
    for sock in accepted:
        sock.close()
    assert kernel.result(thread) == count
    guest.until(lambda: guest.net.stats()["tcp_open"] == 0)


def test_connections_beyond_the_bound_are_refused_and_counted(kernel: Kernel) -> None:
    with guest_on("user:?max_tcp=2") as guest:
        listener, port = kernel.listen()
        first, second = guest.connect(MACHINE, port), guest.connect(MACHINE, port)
        with pytest.raises(ConnectionRefusedError):
            guest.connect(MACHINE, port)
        assert guest.net.stats()["drop.gateway_tcp_full"] == 1
        first.close()
        second.close()
        for _ in range(2):
            kernel.accept(listener).close()
        guest.until(lambda: guest.net.stats()["tcp_open"] == 0)
        guest.connect(MACHINE, port)


def test_without_descriptors_accepting_pauses(guest: Guest, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = guest.listen(80)
    port = guest.net.publish("127.0.0.1", 0, 80)
    genuine = publish.accept
    refusals = iter([True, True, False])

    def accept(sock: Any) -> Any:
        if next(refusals, False):
            raise OSError(EMFILE, "no descriptors")
        return genuine(sock)

    monkeypatch.setattr(publish, "accept", accept)
    thread = kernel.run(lambda: read_all(kernel.connect(port)))
    sock, _ = guest.accept(listener)
    sock.sendall(b"at last")
    sock.close()
    assert kernel.result(thread) == b"at last"
    assert guest.net.stats()["drop.gateway_no_descriptors"] == 2


def test_closing_the_network_resets_both_sides(guest: Guest, kernel: Kernel) -> None:
    listener, port = kernel.listen()
    sock = guest.connect(MACHINE, port)
    server = kernel.accept(listener)
    guest.net.close()
    with pytest.raises(ConnectionResetError):
        server.recv(1)
    with pytest.raises(ConnectionResetError):
        sock.recv(1)
    assert guest.net.stats()["tcp_open"] == 0


def test_a_client_with_an_address_of_its_own_keeps_it(guest: Guest, kernel: Kernel) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but its loopback's")
    listener = guest.listen(80)
    port = guest.net.publish("", 0, 80)

    def client() -> tuple[tuple[str, int], bytes]:
        sock = kernel.keep(kernel_socket.create_connection((address, port)))
        return sock.getsockname(), read_all(sock)

    thread = kernel.run(client)
    sock, peer = guest.accept(listener)
    sock.sendall(b"seen")
    sock.close()
    assert kernel.result(thread) == (peer, b"seen")


def test_a_program_that_ends_has_its_last_words_delivered(kernel: Kernel) -> None:
    listener, port = kernel.listen()
    data = BULK[: 6 << 20]
    read_on = threading.Event()

    def serve() -> str:
        sock = kernel.accept(listener)
        read_on.wait(PATIENCE)
        return digest_all(sock)

    thread = kernel.run(serve)
    guest = Guest("user:")
    sock = guest.connect(MACHINE, port)
    sender = kernel.run(lambda: (sock.sendall(data), sock.close()))
    guest.until(Settled(guest, "bytes_out").holds)
    read_on.set()
    kernel.result(sender)
    guest.host.close(PATIENCE * SECOND)
    assert kernel.result(thread) == hashlib.sha256(data).hexdigest()


def test_without_descriptors_a_syn_waits_for_the_next(
    guest: Guest, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = kernel.listen()
    genuine = outbound.connect_stream
    refusals = iter([True])

    def connect(*args: Any) -> Any:
        if next(refusals, False):
            raise OSError(EMFILE, "no descriptors")
        return genuine(*args)

    monkeypatch.setattr(outbound, "connect_stream", connect)
    guest.connect(MACHINE, port)
    assert guest.net.stats()["drop.gateway_no_descriptors"] == 1


def test_without_descriptors_the_oldest_datagram_flow_gives_its_own(
    guest: Guest, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = kernel.listen()
    _, udp_port = kernel.udp()
    guest.socket(kernel_socket.SOCK_DGRAM).sendto(b"x", 0, (MACHINE, udp_port))
    guest.until(lambda: guest.net.stats()["flows_open"] == 1)
    genuine = outbound.connect_stream
    refusals = iter([True])

    def connect(*args: Any) -> Any:
        if next(refusals, False):
            raise OSError(EMFILE, "no descriptors")
        return genuine(*args)

    monkeypatch.setattr(outbound, "connect_stream", connect)
    guest.connect(MACHINE, port)
    stats = guest.net.stats()
    assert (stats["flows_open"], stats["tcp_connected"]) == (0, 1)


def test_a_guest_that_gives_up_leaves_nothing_behind(guest: Guest, kernel: Kernel) -> None:
    """A backlog that is full answers no SYN: the kernel's connect hangs, and so does the guest's."""
    listener, port = kernel.listen(backlog=0)
    kernel.connect(port)
    stuck = guest.socket()
    stuck.timeout_ns = 0
    with pytest.raises(BlockingIOError):
        stuck.connect((MACHINE, port))
    guest.until(lambda: guest.net.stats()["tcp_open"] == 1)
    stuck.close()
    kernel.accept(listener)
    guest.until(lambda: guest.net.stats()["tcp_open"] == 0)
