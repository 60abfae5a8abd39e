"""A stub resolver over the stack's own sockets (RFC 1035, RFC 7766; resolv.conf(5))."""

from __future__ import annotations

import _socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..stack import NetStack

if TYPE_CHECKING:
    from dns.message import Message

    from ._socket import socket

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53
MAX_SERVERS = 3  # MAXNS of glibc


class NoSuchName(Exception):
    """NXDOMAIN."""


class NoAnswer(Exception):
    """The name exists and has no record of this type."""


class Unanswered(Exception):
    """No server gave an answer that can be used."""


@dataclass
class ResolvConf:
    """The settings of resolv.conf(5), with glibc's defaults."""

    servers: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2


def read_resolv_conf(path: Path) -> ResolvConf:
    """Parse a resolv.conf; a missing one means the defaults."""
    conf = ResolvConf()
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return conf
    for line in lines:
        keyword, *words = line.split() or [""]
        if keyword == "nameserver" and words:
            conf.servers.append(words[0])
        elif keyword in ("search", "domain"):
            conf.search = words
        elif keyword == "options":
            for word in words:
                option, _, value = word.partition(":")
                if value.isdigit() and option in ("ndots", "timeout", "attempts"):
                    setattr(conf, option, min(int(value), {"ndots": 15, "timeout": 30, "attempts": 5}[option]))
    return conf


def reverse_name(text: str) -> str:
    """The name under which PTR records of an address stand."""
    from dns.reversename import from_address

    return from_address(text).to_text()


class NameServers:
    """The name servers of a stack (``stack.dns``, else the machine's) and the way to ask them."""

    def __init__(self, stack: NetStack) -> None:
        self._stack = stack
        self._conf = read_resolv_conf(RESOLV_CONF)
        self._servers = (stack.dns or self._conf.servers)[:MAX_SERVERS] or ["127.0.0.1"]

    def addresses(self, name: str, families: list[int]) -> tuple[list[tuple[int, str]], str]:
        """The addresses of a name and its canonical name. Raises NoSuchName, NoAnswer or Unanswered."""
        failure: Exception = NoSuchName()
        for candidate in self._candidates(name):
            found: list[tuple[int, str]] = []
            canonical = candidate
            for family in families:
                try:
                    canonical, records = self._lookup(candidate, "AAAA" if family == _socket.AF_INET6 else "A")
                except (NoSuchName, NoAnswer, Unanswered) as error:
                    if not isinstance(failure, Unanswered):
                        failure = error
                    continue
                found += [(family, record.address) for record in records]
            if found:
                return found, canonical.rstrip(".")
        raise failure

    def names(self, name: str) -> str:
        """The name a PTR record gives. Raises as ``addresses``."""
        _, records = self._lookup(name, "PTR")
        return str(records[0].target).rstrip(".")

    def _candidates(self, name: str) -> list[str]:
        # resolv.conf(5), ndots: a name with enough dots is tried as it is first, others last; a final dot ends it.
        if name.endswith("."):
            return [name]
        searched = [f"{name}.{domain}" for domain in self._conf.search if domain != "."]
        return [name, *searched] if name.count(".") >= self._conf.ndots else [*searched, name]

    def _lookup(self, name: str, kind: str) -> tuple[str, list[Any]]:
        import dns.exception
        import dns.message
        import dns.rcode

        try:
            query = dns.message.make_query(name, kind)
        except dns.exception.DNSException:
            raise NoSuchName from None
        response = self._ask(query)
        if response.rcode() == dns.rcode.NXDOMAIN:
            raise NoSuchName
        if not isinstance(response, dns.message.QueryMessage):
            raise Unanswered
        try:
            chain = response.resolve_chaining()
        except dns.exception.DNSException:
            raise Unanswered from None
        if not chain.answer:
            raise NoAnswer
        return chain.canonical_name.to_text(), list(chain.answer)

    def _ask(self, query: Message) -> Message:
        """The first usable response, each server asked in turn, all of them ``attempts`` times."""
        import dns.rcode

        for _ in range(max(self._conf.attempts, 1)):
            for server in self._servers:
                try:
                    response = self._ask_one(query, server)
                except OSError:
                    continue
                if response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    return response
        raise Unanswered

    def _ask_one(self, query: Message, server: str) -> Message:
        import dns.exception
        import dns.flags
        import dns.message

        wire = query.to_wire()
        host = self._stack.host
        deadline = host.now() + int(self._conf.timeout * 1e9)
        with self._socket(_socket.SOCK_DGRAM) as sock:
            sock.settimeout(self._conf.timeout)
            sock.connect((server, PORT))
            sock.send(wire)
            while True:
                left = (deadline - host.now()) / 1e9
                if left <= 0:
                    raise TimeoutError("timed out")
                sock.settimeout(left)
                try:
                    response = dns.message.from_wire(sock.recv(65535), ignore_trailing=True, raise_on_truncation=False)
                except dns.exception.DNSException:
                    continue
                # RFC 5452 9.1: id and question must match; the connected socket has matched the rest.
                if query.is_response(response):
                    break
        if response.flags & dns.flags.TC:
            return self._ask_over_tcp(query, server)
        return response

    def _ask_over_tcp(self, query: Message, server: str) -> Message:
        import dns.exception
        import dns.message

        wire = query.to_wire()
        with self._socket(_socket.SOCK_STREAM) as sock:
            sock.settimeout(self._conf.timeout)
            sock.connect((server, PORT))
            sock.sendall(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(_exactly(sock, 2), "big")
            try:
                response = dns.message.from_wire(_exactly(sock, length), ignore_trailing=True)
            except dns.exception.DNSException:
                raise OSError("malformed answer") from None
        if not query.is_response(response):
            raise OSError("not the answer to our question")
        return response

    def _socket(self, kind: int) -> Any:
        from contextlib import closing

        from ._socket import socket

        with self._stack:
            return closing(socket(_socket.AF_INET, kind))


def _exactly(sock: socket, n: int) -> bytes:
    octets = b""
    while len(octets) < n:
        piece = sock.recv(n - len(octets))
        if not piece:
            raise OSError("connection closed in the middle of an answer")
        octets += piece
    return octets
