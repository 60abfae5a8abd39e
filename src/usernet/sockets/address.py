"""Addresses as Python programs write them, and as octets."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EINVAL
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING

from .const import AF_INET, AF_INET6
from .errors import os_error

if TYPE_CHECKING:
    import cython

# ("192.0.2.1", 80), or with flow label and scope ("2001:db8::1", 80, 0, 0).
Address = tuple[str, int] | tuple[str, int, int, int]


def host_octets(family: cython.int, host: str) -> bytes:
    """The octets of an address literal; "" is any address, "<broadcast>" the limited broadcast of IPv4.

    Raises OSError: EINVAL for text that is no address of the family (names are resolved before), EAFNOSUPPORT.
    """
    if family == AF_INET:
        if not host:
            return b"\x00\x00\x00\x00"
        if host == "<broadcast>":
            return b"\xff\xff\xff\xff"
        number: cython.longlong = ipv4_number(host)
        if number >= 0:
            return number.to_bytes(4, "big")
        raise OSError(EINVAL, f"{host!r} is not an IPv4 address; names are resolved before")
    if family == AF_INET6:
        try:
            return IPv6Address(host.partition("%")[0] or "::").packed
        except AddressValueError:
            raise OSError(EINVAL, f"{host!r} is not an IPv6 address; names are resolved before") from None
    raise os_error(EAFNOSUPPORT)


def ipv4_number(text: str) -> cython.longlong:
    """A dotted quad as inet_pton(3) reads it, of which there is one for each address; -1 for any other text."""
    number: cython.longlong = 0
    part: cython.int = -1
    dots: cython.int = 0
    digit: cython.int
    for letter in text:
        if letter == ".":
            if part < 0 or dots == 3:
                return -1
            number = number << 8 | part
            part = -1
            dots += 1
            continue
        digit = ord(letter) - 48
        if not 0 <= digit <= 9 or part == 0:
            return -1
        part = digit if part < 0 else 10 * part + digit
        if part > 255:
            return -1
    return number << 8 | part if part >= 0 and dots == 3 else -1


def host_text(octets: bytes) -> str:
    """The literal of 4 or 16 octets."""
    if len(octets) == 4:
        p: cython.p_const_uchar = octets
        return f"{p[0]}.{p[1]}.{p[2]}.{p[3]}"
    return str(IPv6Address(octets))


def make_address(family: cython.int, octets: bytes, port: cython.uint) -> Address:
    """The address tuple of a family; b"" is any address."""
    if family == AF_INET:
        return host_text(octets or b"\x00\x00\x00\x00"), port
    return host_text(octets or bytes(16)), port, 0, 0


def port_of(address: Address) -> int:
    """The port of an address tuple. Raises OverflowError outside 0..65535, as CPython does."""
    port = address[1]
    if not 0 <= port <= 0xFFFF:
        raise OverflowError("port must be 0-65535.")
    return port
