"""getaddrinfo and its relatives answer as glibc's; DNS is asked over the stack's own sockets (RFC 3493, RFC 1035)."""

from __future__ import annotations

import _socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

import usernet
from usernet import Host, Stack
from usernet.compat import dnsclient, resolver

socket = usernet.socket
AF_INET, AF_INET6, AF_UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
STREAM, DGRAM, RAW = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP

Answer = Callable[[dns.message.Message], dns.message.Message]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n192.0.2.7 Seven.example seven # a comment\n2001:db8::1 six.example\n")
    monkeypatch.setattr(resolver, "HOSTS", hosts)
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.9\nsearch lan.example\noptions timeout:30 attempts:2\n")
    monkeypatch.setattr(dnsclient, "RESOLV_CONF", conf)
    monkeypatch.setattr(dnsclient, "PORT", 5353)
    host = Host("realtime")
    with Stack("test", host) as stack:
        yield stack
    host.close()


class Server(threading.Thread):
    """A name server on the stack's lo, UDP and TCP."""

    def __init__(self, stack: Stack, answers: dict[str, list[str]], truncate: bool = False, deaf: int = 0) -> None:
        super().__init__()
        self.stack, self.answers, self.truncate, self.deaf = stack, answers, truncate, deaf
        self.asked: list[str] = []
        self.udp = socket.socket(type=DGRAM)
        self.udp.bind(("127.0.0.1", 5353))
        self.tcp = socket.create_server(("127.0.0.1", 5353))
        stack.dns = ["127.0.0.1"]

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with socket.socket(type=DGRAM) as sock:
            sock.sendto(b"", ("127.0.0.1", 5353))
        self.join()
        self.udp.close()
        self.tcp.close()

    def run(self) -> None:
        while True:
            wire, address = self.udp.recvfrom(4096)
            if not wire:
                return
            if self.deaf:
                self.deaf -= 1
                self.udp.sendto(b"\0\1 not a message", address)
                continue
            reply = self.reply(dns.message.from_wire(wire))
            if self.truncate:
                reply.flags |= dns.flags.TC
                reply.answer = []
                self.udp.sendto(reply.to_wire(), address)
                self.over_tcp()
            else:
                self.udp.sendto(reply.to_wire(), address)

    def over_tcp(self) -> None:
        connection, _ = self.tcp.accept()
        with connection:
            size = int.from_bytes(connection.recv(2), "big")
            reply = self.reply(dns.message.from_wire(connection.recv(size))).to_wire()
            connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def reply(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text()
        self.asked.append(name)
        records = self.answers.get(name)
        if records is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for record in records or ():
            owner, kind, value = record.split()
            reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, value))
        return reply


def code(call: Callable[[], Any]) -> int:
    with pytest.raises(socket.gaierror) as caught:
        call()
    return int(caught.value.args[0])


def test_a_number_gives_every_socket_type(stack: Stack) -> None:
    assert socket.getaddrinfo("192.0.2.1", 80) == [
        (AF_INET, STREAM, TCP, "", ("192.0.2.1", 80)),
        (AF_INET, DGRAM, UDP, "", ("192.0.2.1", 80)),
        (AF_INET, RAW, 0, "", ("192.0.2.1", 80)),
    ]


@pytest.mark.parametrize(
    ("host", "text"), [("127.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), (b"10.0.0.1", "10.0.0.1"), ("1", "0.0.0.1")]
)
def test_old_forms_of_addresses_are_numbers(stack: Stack, host: Any, text: str) -> None:
    assert socket.getaddrinfo(host, 1, type=STREAM)[0][4] == (text, 1)


def test_ipv6_literals_are_parsed_though_no_socket_can_use_them(stack: Stack) -> None:
    assert socket.getaddrinfo("::1", 80, type=STREAM) == [(AF_INET6, STREAM, TCP, "", ("::1", 80, 0, 0))]


@pytest.mark.parametrize("flags", [0, socket.AI_PASSIVE, socket.AI_NUMERICHOST, socket.AI_NUMERICSERV])
@pytest.mark.parametrize(
    "port", [None, 0, 80, "80", b"80", " 80", "80 ", "+80", "-1", 70000, "http", "tftp", "nosuch", "*"]
)
def test_socket_types_and_services_are_chosen_as_glibc_does(stack: Stack, port: Any, flags: int) -> None:
    def answer(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return [(int(f), int(t), p, name, where) for f, t, p, name, where in function(*arguments)]
        except OSError as error:
            return error.args

    for host in ("127.0.0.1", "10.1", b"1.2.3.4"):
        for kind in (0, STREAM, DGRAM, RAW, socket.SOCK_SEQPACKET):
            for proto in (0, TCP, UDP, 1, 132, 136):
                arguments = (host, port, AF_INET, kind, proto, flags)
                assert answer(socket.getaddrinfo, *arguments) == answer(_socket.getaddrinfo, *arguments), arguments


def test_no_host_is_loopback_or_with_passive_any(stack: Stack) -> None:
    assert socket.getaddrinfo(None, 80, type=STREAM)[0][4] == ("127.0.0.1", 80)
    assert socket.getaddrinfo(None, 80, type=STREAM, flags=socket.AI_PASSIVE)[0][4] == ("0.0.0.0", 80)


def test_service_names_have_the_port_of_their_transport(stack: Stack) -> None:
    found = socket.getaddrinfo("127.0.0.1", "domain")
    assert {entry[1:3] for entry in found} == {(STREAM, TCP), (DGRAM, UDP)}
    assert {entry[4][1] for entry in found} == {53}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((None, None), "EAI_NONAME"),
        (("127.0.0.1", 80, AF_UNIX), "EAI_FAMILY"),
        (("127.0.0.1", 80, 0, STREAM, UDP), "EAI_SOCKTYPE"),
        (("127.0.0.1", "no-such-service"), "EAI_SERVICE"),
        (("127.0.0.1", "http", 0, 0, 0, socket.AI_NUMERICSERV), "EAI_NONAME"),
        (("localhost", 80, 0, 0, 0, socket.AI_NUMERICHOST), "EAI_NONAME"),
        ((None, 80, 0, 0, 0, socket.AI_CANONNAME), "EAI_BADFLAGS"),
        (("::1", 80, AF_INET), "EAI_ADDRFAMILY"),
        (("127.0.0.1", 80, AF_INET6), "EAI_ADDRFAMILY"),
        (("six.example", 80), "EAI_NONAME"),
    ],
)
def test_errors_are_glibcs(stack: Stack, arguments: tuple[Any, ...], error: str) -> None:
    assert code(lambda: socket.getaddrinfo(*arguments)) == getattr(socket, error)


def test_hosts_file_is_read_without_regard_to_case(stack: Stack) -> None:
    assert socket.gethostbyname("SEVEN") == "192.0.2.7"
    assert socket.gethostbyname_ex("seven") == ("Seven.example", ["seven"], ["192.0.2.7"])
    assert socket.gethostbyaddr("192.0.2.7") == ("Seven.example", ["seven"], ["192.0.2.7"])
    found = socket.getaddrinfo("seven", 1, type=STREAM, flags=socket.AI_CANONNAME)
    assert found == [(AF_INET, STREAM, TCP, "Seven.example", ("192.0.2.7", 1))]


def test_rfc6761_6_3_localhost_is_never_asked_of_the_dns(stack: Stack) -> None:
    assert socket.gethostbyname("anything.localhost") == "127.0.0.1"


def test_dns_answers_with_the_canonical_name(stack: Stack) -> None:
    records = ["www.test. CNAME web.test.", "web.test. A 192.0.2.80", "web.test. A 192.0.2.81"]
    with Server(stack, {"www.test.": records}):
        found = socket.getaddrinfo("www.test", 443, type=STREAM, flags=socket.AI_CANONNAME)
        assert {entry[4] for entry in found} == {("192.0.2.80", 443), ("192.0.2.81", 443)}
        assert found[0][3] == "web.test"
        assert socket.gethostbyname("www.test") in ("192.0.2.80", "192.0.2.81")


def test_search_domains_come_first_for_a_name_without_dots(stack: Stack) -> None:
    with Server(stack, {"printer.lan.example.": ["printer.lan.example. A 192.0.2.9"]}) as server:
        assert socket.gethostbyname("printer") == "192.0.2.9"
        assert server.asked == ["printer.lan.example."]
        assert code(lambda: socket.gethostbyname("a.b")) == socket.EAI_NONAME
        assert server.asked[1:] == ["a.b.", "a.b.lan.example."]
        assert code(lambda: socket.gethostbyname("absolute.")) == socket.EAI_NONAME
        assert server.asked[3:] == ["absolute."]


def test_rfc7766_a_truncated_answer_is_asked_again_over_tcp(stack: Stack) -> None:
    with Server(stack, {"big.test.": ["big.test. A 192.0.2.3"]}, truncate=True):
        assert socket.gethostbyname("big.test") == "192.0.2.3"


def test_a_name_without_addresses_is_nodata(stack: Stack) -> None:
    with Server(stack, {"empty.test.": []}):
        assert code(lambda: socket.gethostbyname("empty.test.")) == socket.EAI_NODATA


def test_what_is_no_answer_is_ignored_and_the_question_repeated(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("options timeout:1 attempts:5\n")
    with Server(stack, {"slow.test.": ["slow.test. A 192.0.2.4"]}, deaf=1) as server:
        assert socket.gethostbyname("slow.test") == "192.0.2.4"
        assert set(server.asked) == {"slow.test."}


def test_no_server_is_try_again(stack: Stack) -> None:
    assert code(lambda: socket.gethostbyname("anything.test.")) == socket.EAI_AGAIN


def test_pointer_records_name_addresses(stack: Stack) -> None:
    with Server(stack, {"5.2.0.192.in-addr.arpa.": ["5.2.0.192.in-addr.arpa. PTR five.test."]}):
        assert socket.gethostbyaddr("192.0.2.5")[0] == "five.test"
        assert socket.getnameinfo(("192.0.2.5", 80), 0) == ("five.test", "http")
        with pytest.raises(socket.herror):
            socket.gethostbyaddr("192.0.2.6")


def test_nameinfo_in_numbers(stack: Stack) -> None:
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert socket.getnameinfo(("192.0.2.5", 80), flags) == ("192.0.2.5", "80")
    assert code(lambda: socket.getnameinfo(("name.test", 80), 0)) == socket.EAI_NONAME
    with pytest.raises(TypeError):
        socket.getnameinfo("192.0.2.5", 0)


def test_names_outside_ascii_are_asked_in_idna(stack: Stack) -> None:
    with Server(stack, {"xn--bcher-kva.test.": ["xn--bcher-kva.test. A 192.0.2.8"]}):
        assert socket.gethostbyname("bücher.test") == "192.0.2.8"


def test_resolv_conf_options_are_bounded(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "; comment\nnameserver 192.0.2.1\noptions ndots:99 timeout:99 attempts:99 rotate\ndomain a.example\n"
    )
    read = dnsclient.read_resolv_conf(conf)
    assert (read.servers, read.search, read.ndots, read.timeout, read.attempts) == (
        ["192.0.2.1"], ["a.example"], 15, 30, 5,
    )  # fmt: skip
    assert dnsclient.read_resolv_conf(tmp_path / "none") == dnsclient.ResolvConf()
