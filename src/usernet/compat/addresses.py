"""Address arguments of socket calls, checked as ``_socket`` checks them, and names in them resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..host import current_stack
from ..sockets.address import ipv4_number
from . import resolver

if TYPE_CHECKING:
    import cython

AF_INET = 2


def parse_address(family: cython.int, address: Any, function: str) -> tuple[Any, ...]:
    """(literal, port) of an AF_INET address, (literal, port, flowinfo, scope) of an AF_INET6 one.

    Raises TypeError and OverflowError for wrong arguments, gaierror for names that do not resolve.
    """
    if family == AF_INET and _is_plain(address):
        plain: tuple[Any, ...] = address
        return plain
    label = "AF_INET" if family == AF_INET else "AF_INET6"
    if not isinstance(address, tuple):
        raise TypeError(f"{function}(): {label} address must be tuple, not {type(address).__name__}")
    most = 2 if family == AF_INET else 4
    if not 2 <= len(address) <= most:
        if family == AF_INET:
            raise TypeError(f"{function}(): AF_INET address must be a pair (host, port)")
        raise TypeError(f"{function}(): AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    host, port, *rest = address
    if not isinstance(host, (str, bytes, bytearray)):
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if not hasattr(port, "__index__"):
        raise TypeError(f"{type(port).__name__!r} object cannot be interpreted as an integer")
    number = port.__index__()
    if not 0 <= number <= 0xFFFF:
        raise OverflowError(f"{function}(): port must be 0-65535.")
    if rest and not 0 <= rest[0] <= 0xFFFFF:
        raise OverflowError(f"{function}(): flowinfo must be 0-1048575.")
    text = _literal(family, host)
    if text is None:
        text = resolver.resolve(current_stack(), _text(host), family)
    return text, number, *rest


def _is_plain(address: Any) -> cython.bint:
    # What nearly every call passes, and recvfrom() gave: as it stands, so that a socket knows it again.
    if type(address) is not tuple or len(address) != 2:
        return False
    host, port = address
    return type(host) is str and type(port) is int and 0 <= port <= 0xFFFF and ipv4_number(host) >= 0


def _text(host: str | bytes | bytearray) -> str | bytes:
    if b"\0" in host if isinstance(host, (bytes, bytearray)) else "\0" in host:
        raise ValueError("host name must not contain null character")
    return bytes(host) if isinstance(host, bytearray) else host


def _literal(family: int, host: str | bytes | bytearray) -> str | None:
    # The common case, without the resolver.
    if family != AF_INET or not isinstance(host, str) or ipv4_number(str(host)) < 0:
        return None
    return str(host)
