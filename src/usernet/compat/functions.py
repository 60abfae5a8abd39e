"""The functions of ``_socket`` that know the network: names, interfaces, descriptors; on the current stack."""

from __future__ import annotations

import _socket
import sys
from errno import ENXIO
from typing import Any, cast

from ..host import current_stack
from . import resolver
from ._socket import Defaults, socket
from .descriptors import dup_descriptor, is_ours, table_of

__all__ = [
    "close", "dup", "getaddrinfo", "getdefaulttimeout", "gethostbyaddr", "gethostbyname", "gethostbyname_ex",
    "getnameinfo", "if_indextoname", "if_nameindex", "if_nametoindex", "setdefaulttimeout", "socketpair",
]  # fmt: skip


def exports() -> dict[str, Any]:
    """These functions by name, and ``has_ipv6``."""
    here = globals()
    return {name: here[name] for name in __all__} | {"has_ipv6": False}


def getaddrinfo(
    host: resolver.Host, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[int, int, int, str, Any]]:
    """Addresses to connect or bind to, as getaddrinfo(3)."""
    sys.audit("socket.getaddrinfo", host, port, family, type, proto, flags)
    return resolver.getaddrinfo(current_stack(), host, port, family, type, proto, flags)


def getnameinfo(sockaddr: tuple[Any, ...], flags: int, /) -> tuple[str, str]:
    """Host name and service name of an address, as getnameinfo(3)."""
    sys.audit("socket.getnameinfo", sockaddr)
    return resolver.getnameinfo(current_stack(), sockaddr, flags)


def gethostbyname(hostname: resolver.Host, /) -> str:
    """The IPv4 address of a host."""
    sys.audit("socket.gethostbyname", hostname)
    return resolver.resolve(current_stack(), _name(hostname, "gethostbyname"), _socket.AF_INET)


def gethostbyname_ex(hostname: resolver.Host, /) -> tuple[str, list[str], list[str]]:
    """Canonical name, aliases and IPv4 addresses of a host."""
    sys.audit("socket.gethostbyname", hostname)
    return resolver.host_info(current_stack(), _name(hostname, "gethostbyname_ex"))


def gethostbyaddr(ip_address: resolver.Host, /) -> tuple[str, list[str], list[str]]:
    """Name, aliases and addresses of a host given by address or name. Raises herror when it has no name."""
    sys.audit("socket.gethostbyaddr", ip_address)
    stack = current_stack()
    name = _name(ip_address, "gethostbyaddr")
    address = resolver.resolve(stack, name, _socket.AF_INET6 if ":" in name else _socket.AF_INET)
    found = resolver.name_of(stack, address)
    if found is None:
        raise _socket.herror(1, "Unknown host")
    return found[0], found[1], [address]


def _name(host: resolver.Host, function: str) -> str:
    if host is None:
        raise TypeError(f"{function}() argument 1 must be str, bytes or bytearray, not None")
    return cast(str, resolver.host_text(host))


def getdefaulttimeout() -> float | None:
    """The timeout of new sockets in seconds, None for none."""
    return Defaults.timeout


def setdefaulttimeout(timeout: float | None, /) -> None:
    """Set the timeout of new sockets."""
    Defaults.set(timeout)


def if_nameindex() -> list[tuple[int, str]]:
    """Index and name of every interface of the stack."""
    return [(interface.index, interface.name) for interface in current_stack().interfaces]


def if_nametoindex(oname: str | bytes, /) -> int:
    """The index of an interface. Raises OSError."""
    name = oname.decode() if isinstance(oname, bytes) else oname
    if not isinstance(name, str):
        raise TypeError(f"if_nametoindex() argument 1 must be str or bytes, not {type(oname).__name__}")
    for index, known in if_nameindex():
        if known == name:
            return index
    raise OSError("no interface with this name")


def if_indextoname(index: int, /) -> str:
    """The name of an interface. Raises OSError(ENXIO)."""
    if not isinstance(index, int):
        raise TypeError(f"an integer is required (got type {type(index).__name__})")
    if not -1 << 63 <= index < 1 << 63:
        raise OverflowError("Python int too large to convert to C long")
    for known, name in if_nameindex():
        if known == index:
            return name
    raise OSError(ENXIO, "No such device or address")


def close(fd: int, /) -> None:
    """Close a descriptor, ours or the kernel's."""
    if is_ours(fd):
        table_of(fd).close(fd)
    else:
        _socket.close(fd)


def dup(fd: int, /) -> int:
    """Another descriptor of the same socket."""
    if is_ours(fd):
        return dup_descriptor(fd)
    return _socket.dup(fd)


def socketpair(family: int = _socket.AF_UNIX, type: int = _socket.SOCK_STREAM, proto: int = 0) -> tuple[socket, socket]:
    """Two connected sockets of the kernel: our stack has no AF_UNIX."""
    a, b = _socket.socketpair(family, type, proto)
    return socket(a.family, a.type, a.proto, a.detach()), socket(b.family, b.type, b.proto, b.detach())
