"""UDP, DNS and ping through the gateway."""

from __future__ import annotations

import socket as kernel_socket
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from usernet.gateway import flows
from usernet.gateway.config import parse_url
from usernet.gateway.resolver import Resolver
from usernet.gateway.user import ping_allowed

from .conftest import Guest, Kernel, guest_on, own_address, read_exactly

MACHINE = "10.0.2.2"
NAMES = "10.0.2.3"
UDP = kernel_socket.SOCK_DGRAM


def echo(sock: kernel_socket.socket, count: int) -> None:
    for _ in range(count):
        octets, peer = sock.recvfrom(65536)
        sock.sendto(octets[::-1], peer)


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 9000, 65507])
def test_datagrams_of_every_size_come_back(guest: Guest, kernel: Kernel, size: int) -> None:
    server, port = kernel.udp()
    kernel.run(echo, server, 1)
    sock = guest.socket(UDP)
    octets = bytes(i & 0xFF for i in range(size))
    sock.sendto(octets, 0, (MACHINE, port))
    assert sock.recvfrom(65536) == (octets[::-1], (MACHINE, port))


def test_one_kernel_socket_for_one_conversation(guest: Guest, kernel: Kernel) -> None:
    server, port = kernel.udp()
    kernel.run(echo, server, 4)
    first, second = guest.socket(UDP), guest.socket(UDP)
    for sock in (first, second, first, second):
        sock.sendto(b"ab", 0, (MACHINE, port))
        assert sock.recvfrom(10)[0] == b"ba"
    assert guest.net.stats()["flows_open"] == 2


def test_nobody_there_is_port_unreachable(guest: Guest, kernel: Kernel) -> None:
    server, port = kernel.udp()
    server.close()
    sock = guest.socket(UDP)
    sock.connect((MACHINE, port))
    sock.send(b"anyone?")
    with pytest.raises(ConnectionRefusedError):
        sock.recv(10)


def test_host_loopback_0_is_port_unreachable(kernel: Kernel) -> None:
    _, port = kernel.udp()
    with guest_on("user:?host_loopback=0") as guest:
        sock = guest.socket(UDP)
        sock.connect((MACHINE, port))
        sock.send(b"anyone?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(10)


def test_the_oldest_conversation_leaves_a_full_table(kernel: Kernel) -> None:
    with guest_on("user:?max_udp=2") as guest:
        server, port = kernel.udp()
        kernel.run(echo, server, 4)
        socks = [guest.socket(UDP) for _ in range(4)]
        for sock in socks:
            sock.sendto(b"ab", 0, (MACHINE, port))
            assert sock.recvfrom(10)[0] == b"ba"
        stats = guest.net.stats()
        assert (stats["flows_open"], stats["drop.gateway_flows_full"]) == (2, 2)


def test_an_idle_conversation_ends(guest: Guest, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usernet.gateway.udp.UDP_IDLE_NS", 20_000_000)
    server, port = kernel.udp()
    guest.socket(UDP).sendto(b"ab", 0, (MACHINE, port))
    assert server.recvfrom(10)[0] == b"ab"
    guest.until(lambda: guest.net.stats()["flows_open"] == 0)


def test_published_udp_port_reaches_the_guest(guest: Guest, kernel: Kernel) -> None:
    port = guest.net.publish("127.0.0.1", 0, 5300, "udp")
    server = guest.socket(UDP)
    server.bind(("0.0.0.0", 5300))
    clients = [kernel.udp()[0] for _ in range(2)]
    for client in clients:
        client.sendto(b"question", ("127.0.0.1", port))
        octets, peer = server.recvfrom(100)
        assert octets == b"question"
        assert peer[0] == MACHINE
        server.sendto(b"answer", 0, peer)
    guest.until(lambda: guest.net.stats()["datagrams_out"] == 2)
    for client in clients:
        assert client.recvfrom(100) == (b"answer", ("127.0.0.1", port))


def use_resolver(guest: Guest, tmp_path: Path, servers: list[str], port: int) -> None:
    (tmp_path / "resolv.conf").write_text("".join(f"nameserver {server}\n" for server in servers))
    (tmp_path / "hosts").write_text("192.0.2.7 printer\n")
    net = guest.net
    net._nat.resolver = Resolver(parse_url("user:"), str(tmp_path / "resolv.conf"), str(tmp_path / "hosts"), port)


def ask(guest: Guest, name: str) -> dns.message.Message:
    sock = guest.socket(UDP)
    sock.connect((NAMES, 53))
    query = dns.message.make_query(name, "A", use_edns=True)
    sock.send(query.to_wire())
    response = dns.message.from_wire(sock.recv(4096))
    assert query.is_response(response)
    return response


def addresses(response: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in response.answer for item in rrset]


def serve_name(query: bytes) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.answer.append(dns.rrset.from_text(response.question[0].name, 60, "IN", "A", "198.51.100.1"))
    return response.to_wire()


def test_dns_answers_what_the_machine_knows(guest: Guest, tmp_path: Path) -> None:
    use_resolver(guest, tmp_path, [], 53)
    assert addresses(ask(guest, "host.usernet.internal")) == [MACHINE]
    assert addresses(ask(guest, "printer")) == ["192.0.2.7"]


def test_dns_without_a_name_server_is_servfail(guest: Guest, tmp_path: Path) -> None:
    use_resolver(guest, tmp_path, [], 53)
    assert ask(guest, "elsewhere.example").rcode() == dns.rcode.SERVFAIL


def test_dns_asks_the_next_name_server_when_one_refuses(guest: Guest, kernel: Kernel, tmp_path: Path) -> None:
    server, port = kernel.udp()
    use_resolver(guest, tmp_path, ["127.0.0.2", "127.0.0.1"], port)

    def serve() -> None:
        for _ in range(2):
            query, peer = server.recvfrom(4096)
            server.sendto(serve_name(query), peer)

    kernel.run(serve)
    assert addresses(ask(guest, "elsewhere.example")) == ["198.51.100.1"]
    assert guest.net._nat.resolver.preferred == "127.0.0.1"
    assert addresses(ask(guest, "elsewhere.example")) == ["198.51.100.1"]


def test_dns_of_refusing_name_servers_is_servfail(guest: Guest, kernel: Kernel, tmp_path: Path) -> None:
    server, port = kernel.udp()
    server.close()
    use_resolver(guest, tmp_path, ["127.0.0.1", "127.0.0.2"], port)
    assert ask(guest, "elsewhere.example").rcode() == dns.rcode.SERVFAIL


def test_a_bad_query_is_dropped(guest: Guest, tmp_path: Path) -> None:
    use_resolver(guest, tmp_path, [], 53)
    guest.socket(UDP).sendto(b"not dns at all, but long enough", 0, (NAMES, 53))
    guest.until(lambda: guest.net.stats().get("drop.gateway_dns_bad_query") == 1)


def ask_tcp(sock: object, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    octets = query.to_wire()
    sock.sendall(len(octets).to_bytes(2, "big") + octets)  # type: ignore[attr-defined]
    length = int.from_bytes(read_exactly(sock, 2), "big")
    response = dns.message.from_wire(read_exactly(sock, length))
    assert query.is_response(response)
    return response


def test_dns_over_tcp_answers_and_then_relays(guest: Guest, kernel: Kernel, tmp_path: Path) -> None:
    listener, port = kernel.listen()
    use_resolver(guest, tmp_path, ["127.0.0.2", "127.0.0.1"], port)

    def serve() -> None:
        sock = kernel.accept(listener)
        for _ in range(2):
            query = read_exactly(sock, int.from_bytes(read_exactly(sock, 2), "big"))
            answer = serve_name(query)
            sock.sendall(len(answer).to_bytes(2, "big") + answer)
        sock.close()

    kernel.run(serve)
    sock = guest.connect(NAMES, 53)
    assert addresses(ask_tcp(sock, "printer")) == ["192.0.2.7"]
    assert addresses(ask_tcp(sock, "host.usernet.internal")) == [MACHINE]
    assert addresses(ask_tcp(sock, "one.example")) == ["198.51.100.1"]
    assert addresses(ask_tcp(sock, "two.example")) == ["198.51.100.1"]
    assert sock.recv(1) == b""


def test_dns_over_tcp_without_a_name_server_is_servfail(guest: Guest, tmp_path: Path) -> None:
    use_resolver(guest, tmp_path, [], 53)
    sock = guest.connect(NAMES, 53)
    assert ask_tcp(sock, "elsewhere.example").rcode() == dns.rcode.SERVFAIL
    assert addresses(ask_tcp(sock, "printer")) == ["192.0.2.7"]


def ping(guest: Guest, address: str) -> bytes:
    sock = guest.socket(UDP, kernel_socket.IPPROTO_ICMP)
    sock.connect((address, 0))
    sock.send(b"\x08\0\0\0\0\0\0\x07" + b"payload")
    return bytes(sock.recv(100))


@pytest.mark.parametrize("address", [MACHINE, NAMES])
def test_the_gateways_own_addresses_answer_pings(guest: Guest, address: str) -> None:
    answer = ping(guest, address)
    assert answer[0] == 0
    assert answer[6:] == b"\0\x07payload"


def test_a_ping_goes_out_where_the_kernel_lets_it(guest: Guest) -> None:
    sock = guest.socket(UDP, kernel_socket.IPPROTO_ICMP)
    # An address of the machine that is not 127/8, so that nothing leaves it; TEST-NET where it has none.
    sock.connect((own_address() or "192.0.2.1", 0))
    sock.send(b"\x08\0\0\0\0\0\0\x07payload")
    if ping_allowed():
        assert bytes(sock.recv(100))[6:] == b"\0\x07payload"
    else:
        guest.until(lambda: guest.net.stats().get("drop.gateway_echo_not_allowed") == 1)


def test_idle_times_are_rfc4787s() -> None:
    assert flows.UDP_IDLE_NS >= 120 * 10**9


def test_dns_over_tcp_answers_a_burst_of_queries_a_few_a_turn(guest: Guest, tmp_path: Path) -> None:
    use_resolver(guest, tmp_path, [], 53)
    query = dns.message.make_query("printer", "A").to_wire()
    burst = (len(query).to_bytes(2, "big") + query) * 3000
    sock = guest.connect(NAMES, 53)
    sock.timeout_ns = 0
    answers = 0
    got = b""
    while answers < 3000:
        if burst:
            with suppress(BlockingIOError):
                burst = burst[sock.send(burst) :]
        guest.host.run_for(1_000_000)
        with suppress(BlockingIOError):
            octets = sock.recv(65536)
            assert octets
            got += octets
        while len(got) > 2 and len(got) >= 2 + int.from_bytes(got[:2], "big"):
            got = got[2 + int.from_bytes(got[:2], "big") :]
            answers += 1
