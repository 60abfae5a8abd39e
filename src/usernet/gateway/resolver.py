"""Resolver: the machine's name servers and hosts file, read anew when they change (resolv.conf(5), hosts(5))."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from .config import UserConfig

PORT = 53
# The machine's name inside the guest's network.
HOST_NAME = "host.usernet.internal"
# resolv.conf(5) MAXNS.
MAX_SERVERS = 3
# RFC 1035 4.1.1 with the root as the one question.
SHORTEST_QUERY = 17
# RFC 1035 4.2.1: what every asker takes in a datagram.
SHORTEST_LIMIT = 512


class BadQuery(Exception):
    """Octets that are no DNS query."""


class WatchedFile:
    """A file's lines, read again when it has changed; an absent file has none."""

    __slots__ = ("_lines", "_path", "_stamp")

    def __init__(self, path: str) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._lines: list[str] = []

    def lines(self) -> tuple[list[str], bool]:
        """The words of the file, without comments, and whether they are other than last time."""
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return self._lines, False
            with open(self._path, encoding="utf-8", errors="replace") as file:
                self._lines = [line.split("#", 1)[0].split(";", 1)[0].strip() for line in file]
        except OSError:
            changed = self._stamp is not None or bool(self._lines)
            self._stamp, self._lines = None, []
            return self._lines, changed
        self._stamp = stamp
        return self._lines, True


class Resolver:
    """Answers what the machine knows by itself, and knows whom to ask for the rest."""

    __slots__ = ("_addresses", "_config", "_hosts", "_resolv", "_servers", "port", "preferred")

    def __init__(
        self, config: UserConfig, resolv: str = "/etc/resolv.conf", hosts: str = "/etc/hosts", port: int = PORT
    ) -> None:
        self._config = config
        self.port = port  # where the name servers listen
        self._resolv = WatchedFile(resolv)
        self._hosts = WatchedFile(hosts)
        self._servers: list[str] = []
        self._addresses: dict[str, list[IPv4Address | IPv6Address]] = {}
        # The server that answered last is asked first.
        self.preferred = ""

    def servers(self) -> list[str]:
        """Literal addresses of the machine's name servers, the one that answered last first."""
        lines, changed = self._resolv.lines()
        if changed:
            self._servers = []
            for line in lines:
                words = line.split()
                if len(words) >= 2 and words[0] == "nameserver" and _is_address(words[1]):
                    self._servers.append(words[1])
            del self._servers[MAX_SERVERS:]
        if self.preferred not in self._servers:
            return list(self._servers)
        return [self.preferred, *[server for server in self._servers if server != self.preferred]]

    def answer(self, query: bytes, most: int = 0) -> bytes | None:
        """The response to a query for a name the machine knows itself, None for one to be forwarded.

        ``most`` octets are what it may take; 0 means a datagram, as long as the asker says (RFC 6891 6.2.5) or 512
        (RFC 1035 4.2.1). What is longer is left out, and TC says so. Raises BadQuery for octets that are no query.
        """
        message = _parse(query)
        question = message.question[0]
        found = self._lookup(question.name.to_text(omit_final_dot=True).lower())
        if found is None or question.rdclass != dns.rdataclass.IN:
            return None
        wanted = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}.get(question.rdtype)
        addresses = [str(address) for address in found if address.version == wanted]
        response = _respond(message, dns.rcode.NOERROR)
        response.flags |= dns.flags.AA
        if addresses:
            response.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", question.rdtype, addresses))
        try:
            return response.to_wire(max_size=most or max(message.payload, SHORTEST_LIMIT))
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()

    def servfail(self, query: bytes) -> bytes:
        """The response when nobody can be asked. Raises BadQuery."""
        return _respond(_parse(query), dns.rcode.SERVFAIL).to_wire()

    def _lookup(self, name: str) -> list[IPv4Address | IPv6Address] | None:
        if name == HOST_NAME:
            return [self._config.gateway]
        lines, changed = self._hosts.lines()
        if changed:
            self._addresses = {}
            for line in lines:
                address, *names = line.split() or [""]
                if names and _is_address(address):
                    for alias in names:
                        self._add(alias.lower().rstrip("."), ip_address(address.partition("%")[0]))
        return self._addresses.get(name)

    def _add(self, name: str, address: IPv4Address | IPv6Address) -> None:
        if address.is_loopback and name != "localhost" and not name.endswith(".localhost"):
            # The machine by its own name: from the guest, that is the gateway. localhost stays with whoever asks
            # (RFC 6761 6.3).
            if address.version == 6 or not self._config.host_loopback:
                return
            address = self._config.gateway
        known = self._addresses.setdefault(name, [])
        if address not in known:
            known.append(address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _parse(query: bytes) -> dns.message.Message:
    if len(query) < SHORTEST_QUERY:
        raise BadQuery
    try:
        message = dns.message.from_wire(query)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadQuery from error
    if message.flags & dns.flags.QR or message.opcode() != dns.opcode.QUERY or len(message.question) != 1:
        raise BadQuery
    return message


def _respond(message: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(message, recursion_available=True)
    response.set_rcode(rcode)
    return response
