"""Names and addresses for programs on our stack (RFC 3493 section 6, as glibc answers).

Numbers, then /etc/hosts, then DNS through :mod:`.dnsclient` over the stack's own sockets.
"""

from __future__ import annotations

import _socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..stack import NetStack
from .dnsclient import NameServers, NoAnswer, NoSuchName, Unanswered, reverse_name

HOSTS = Path("/etc/hosts")
MESSAGES = {
    _socket.EAI_ADDRFAMILY: "Address family for hostname not supported",
    _socket.EAI_AGAIN: "Temporary failure in name resolution",
    _socket.EAI_BADFLAGS: "Bad value for ai_flags",
    _socket.EAI_FAMILY: "ai_family not supported",
    _socket.EAI_NODATA: "No address associated with hostname",
    _socket.EAI_NONAME: "Name or service not known",
    _socket.EAI_SERVICE: "Servname not supported for ai_socktype",
    _socket.EAI_SOCKTYPE: "ai_socktype not supported",
}


class Transport(NamedTuple):
    """A row of glibc's table gaih_inet_typeproto: what getaddrinfo knows of socket types."""

    type: int
    protocol: int
    name: str
    default: bool = False  # offered when the caller does not choose
    any_protocol: bool = False
    no_service: bool = False


TRANSPORTS = (
    Transport(_socket.SOCK_STREAM, _socket.IPPROTO_TCP, "tcp", default=True),
    Transport(_socket.SOCK_DGRAM, _socket.IPPROTO_UDP, "udp", default=True),
    Transport(6, 33, "dccp"),
    Transport(_socket.SOCK_DGRAM, _socket.IPPROTO_UDPLITE, "udplite"),
    Transport(_socket.SOCK_STREAM, _socket.IPPROTO_SCTP, "sctp"),
    Transport(_socket.SOCK_SEQPACKET, _socket.IPPROTO_SCTP, "sctp"),
    Transport(_socket.SOCK_RAW, 0, "raw", default=True, any_protocol=True, no_service=True),
)
KNOWN_FLAGS = (
    _socket.AI_PASSIVE
    | _socket.AI_CANONNAME
    | _socket.AI_NUMERICHOST
    | _socket.AI_NUMERICSERV
    | _socket.AI_V4MAPPED
    | _socket.AI_ALL
    | _socket.AI_ADDRCONFIG
    | 0x3C0  # AI_IDN and its relatives: names arrive here encoded already
)

Host = str | bytes | None


class Found(NamedTuple):
    """Addresses of a name as (family, text), and the name they belong to in the end."""

    addresses: list[tuple[int, str]]
    canonical: str
    aliases: list[str]


def families(stack: NetStack) -> tuple[int, ...]:
    """The address families sockets on this stack can have, preferred first."""
    return (_socket.AF_INET,)


def fail(code: int) -> NoReturn:
    """Raise gaierror as glibc words it."""
    raise _socket.gaierror(code, MESSAGES[code])


def getaddrinfo(
    stack: NetStack, host: Host, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[int, int, int, str, Any]]:
    """As ``_socket.getaddrinfo``, on this stack."""
    name = host_text(host)
    service = _service_text(port)
    name = None if name == "*" else name
    service = None if service == "*" else service
    if name is None and service is None:
        fail(_socket.EAI_NONAME)
    if flags & ~KNOWN_FLAGS or (flags & _socket.AI_CANONNAME and name is None):
        fail(_socket.EAI_BADFLAGS)
    if family not in (_socket.AF_UNSPEC, _socket.AF_INET, _socket.AF_INET6):
        fail(_socket.EAI_FAMILY)
    ports = _ports(service, type, proto, flags)
    found = _addresses(stack, name, family, flags)
    answer = []
    canonical = found.canonical if flags & _socket.AI_CANONNAME else ""
    for af, text in found.addresses:
        for kind, protocol, number in ports:
            answer.append((af, kind, protocol, canonical, _sockaddr(af, text, number)))
            canonical = ""
    return answer


def resolve(stack: NetStack, host: Host, family: int) -> str:
    """The one address a socket call means by this host: "" any, "<broadcast>", a number or a name."""
    name = host_text(host)
    if name == "" or name is None:
        return "0.0.0.0" if family == _socket.AF_INET else "::"
    if family == _socket.AF_INET and name == "<broadcast>":
        return "255.255.255.255"
    return _addresses(stack, name, family, 0).addresses[0][1]


def host_info(stack: NetStack, host: Host) -> tuple[str, list[str], list[str]]:
    """As ``gethostbyname_ex``: the canonical name, its aliases, its IPv4 addresses."""
    name = host_text(host)
    if not name:
        return "0.0.0.0", [], ["0.0.0.0"]
    found = _addresses(stack, name, _socket.AF_INET, 0)
    return found.canonical, found.aliases, list(dict.fromkeys(text for _, text in found.addresses))


def name_of(stack: NetStack, text: str) -> tuple[str, list[str]] | None:
    """The name and aliases of an address, None when it has none. Raises gaierror(EAI_AGAIN)."""
    for address, names in _hosts_lines():
        if _same(address, text):
            return names[0], names[1:]
    try:
        return NameServers(stack).names(reverse_name(text)), []
    except (NoSuchName, NoAnswer):
        return None
    except Unanswered:
        fail(_socket.EAI_AGAIN)


def getnameinfo(stack: NetStack, sockaddr: tuple[Any, ...], flags: int) -> tuple[str, str]:
    """As ``_socket.getnameinfo``, on this stack."""
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4:
        raise TypeError(f"getnameinfo(): illegal sockaddr argument, {len(sockaddr)} items")
    host, port, *rest = sockaddr
    if rest and not 0 <= rest[0] <= 0xFFFFF:
        raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
    found = getaddrinfo(stack, host, port, 0, _socket.SOCK_DGRAM, 0, _socket.AI_NUMERICHOST)
    if found[0][0] == _socket.AF_INET and rest:
        raise OSError("IPv4 sockaddr must be 2 tuple")
    text, number = found[0][4][:2]
    name = None if flags & _socket.NI_NUMERICHOST else name_of(stack, text)
    if name is None and flags & _socket.NI_NAMEREQD:
        fail(_socket.EAI_NONAME)
    return (text if name is None else name[0]), _service_name(number, flags)


def host_text(host: Host) -> str | None:
    """A host argument as text in the form DNS uses (IDNA for what is not ASCII)."""
    if host is None:
        return None
    if isinstance(host, (bytes, bytearray)):
        return bytes(host).decode("ascii", "surrogateescape")
    if not isinstance(host, str):
        raise TypeError("getaddrinfo() argument 1 must be string or None")
    if "\0" in host:
        raise ValueError("embedded null character")
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _service_text(port: object) -> str | None:
    if port is None:
        return None
    if isinstance(port, int):
        if not -(1 << 63) <= port < 1 << 63:
            raise OverflowError("Python int too large to convert to C long")
        return str(int(port))
    if isinstance(port, bytes):
        return port.decode("ascii", "surrogateescape")
    if isinstance(port, str):
        port.encode()
        return port
    raise OSError("Int or String expected")


def _ports(service: str | None, type: int, proto: int, flags: int) -> list[tuple[int, int, int]]:
    """The (type, protocol, port) triples that fit what was asked. Raises gaierror."""
    number = _number(service)
    if number is None and flags & _socket.AI_NUMERICSERV and not _is_numeric(service or ""):
        fail(_socket.EAI_NONAME)
    if type or proto:
        chosen = _transport(type, proto)
        if service and chosen.no_service:
            fail(_socket.EAI_SERVICE)
        transports = [chosen]
    else:
        transports = [row for row in TRANSPORTS if (row.default if number is not None else not row.no_service)]
    ports = []
    for row in transports:
        port = number if number is not None else _port_of(service or "", row.name)
        if port is not None:
            ports.append((row.type, proto if row.any_protocol else row.protocol, port & 0xFFFF))
    return ports or fail(_socket.EAI_SERVICE)


def _transport(type: int, proto: int) -> Transport:
    for row in TRANSPORTS:
        if type in (0, row.type) and (row.any_protocol or proto in (0, row.protocol)):
            return row
    fail(_socket.EAI_SOCKTYPE if type else _socket.EAI_SERVICE)


def _port_of(service: str, transport: str) -> int | None:
    try:
        return _socket.getservbyname(service, transport)
    except OSError:
        return None


def _is_numeric(service: str) -> bool:
    text = service.lstrip(" \t\n\v\f\r")
    digits = text[1:] if text[:1] in ("+", "-") else text
    return digits.isascii() and digits.isdigit()


def _number(service: str | None) -> int | None:
    """The port a service means as strtoul(3) reads it, 0 for none; None for a name."""
    if not service:
        return 0
    if not _is_numeric(service):
        return None
    # glibc keeps the result in an int and takes a negative one for a name.
    value = int(service) & 0xFFFFFFFF
    return value if value < 0x80000000 else None


def _sockaddr(family: int, text: str, port: int) -> tuple[Any, ...]:
    if family == _socket.AF_INET:
        return text, port
    address, _, zone = text.partition("%")
    scope = 0
    if zone:
        scope = int(zone) if zone.isdigit() else 0
    return (text if zone else address), port, 0, scope


def _addresses(stack: NetStack, name: str | None, family: int, flags: int) -> Found:
    usable = [af for af in families(stack) if family in (0, af)]
    if name is None:
        passive = flags & _socket.AI_PASSIVE
        wildcards = {_socket.AF_INET: "0.0.0.0", _socket.AF_INET6: "::"}
        loopbacks = {_socket.AF_INET: "127.0.0.1", _socket.AF_INET6: "::1"}
        texts = wildcards if passive else loopbacks
        return Found([(af, texts[af]) for af in usable or (family,)], "", [])
    number = _numeric(name, family, flags)
    if number is not None:
        return Found([number], name, [])
    if flags & _socket.AI_NUMERICHOST or not name or len(name) > 253:
        fail(_socket.EAI_NONAME)
    return _in_hosts(name, usable, family) or _in_dns(stack, name, usable)


def _numeric(name: str, family: int, flags: int) -> tuple[int, str] | None:
    """The address a literal means, None for a name. Old forms as ``127.1`` count, as with inet_aton(3)."""
    try:
        if name.split() != [name]:
            return None
        text = _socket.inet_ntoa(_socket.inet_aton(name))
    except (OSError, UnicodeError):
        try:
            address, _, zone = name.partition("%")
            text = _socket.inet_ntop(_socket.AF_INET6, _socket.inet_pton(_socket.AF_INET6, address))
        except (OSError, UnicodeError):
            return None
        if family == _socket.AF_INET:
            fail(_socket.EAI_ADDRFAMILY)
        return _socket.AF_INET6, f"{text}%{zone}" if zone else text
    if family == _socket.AF_INET6:
        if not flags & _socket.AI_V4MAPPED:
            fail(_socket.EAI_ADDRFAMILY)
        return _socket.AF_INET6, "::ffff:" + text
    return _socket.AF_INET, text


def _hosts_lines() -> Iterator[tuple[str, list[str]]]:
    try:
        lines = HOSTS.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if names:
            yield address, names


def _in_hosts(name: str, usable: list[int], family: int) -> Found | None:
    wanted = name.rstrip(".").lower()
    addresses: list[tuple[int, str]] = []
    canonical, aliases = name, []
    known = False
    for text, names in _hosts_lines():
        if wanted not in (item.lower() for item in names):
            continue
        known = True
        af = _socket.AF_INET6 if ":" in text else _socket.AF_INET
        if af in usable and (af, text) not in addresses:
            if not addresses:
                canonical, aliases = names[0], names[1:]
            addresses.append((af, text))
    if wanted == "localhost" or wanted.endswith(".localhost"):
        # RFC 6761 6.3: never asked of the DNS.
        known = True
        if not addresses and _socket.AF_INET in usable:
            addresses.append((_socket.AF_INET, "127.0.0.1"))
    if addresses:
        return Found(addresses, canonical, aliases)
    if known:
        fail(_socket.EAI_ADDRFAMILY if family else _socket.EAI_NONAME)
    return None


def _in_dns(stack: NetStack, name: str, usable: list[int]) -> Found:
    if not usable:
        fail(_socket.EAI_ADDRFAMILY)
    try:
        addresses, canonical = NameServers(stack).addresses(name, usable)
    except NoSuchName:
        fail(_socket.EAI_NONAME)
    except NoAnswer:
        fail(_socket.EAI_NODATA)
    except Unanswered:
        fail(_socket.EAI_AGAIN)
    return Found(addresses, canonical, [] if canonical == name else [name])


def _same(address: str, text: str) -> bool:
    family = _socket.AF_INET6 if ":" in text else _socket.AF_INET
    try:
        return _socket.inet_pton(family, address) == _socket.inet_pton(family, text)
    except OSError:
        return False


def _service_name(port: int, flags: int) -> str:
    if flags & _socket.NI_NUMERICSERV:
        return str(port)
    try:
        return _socket.getservbyport(port, "udp" if flags & _socket.NI_DGRAM else "tcp")
    except OSError:
        return str(port)
