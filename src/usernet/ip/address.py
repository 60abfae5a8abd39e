"""IP addresses as text (RFC 6943 3.1.1, RFC 5952) and in CIDR notation (RFC 4632)."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address


def parse_ip(text: str) -> bytes:
    """``10.0.0.1`` or ``fe80::1`` as 4 or 16 octets. Raises ValueError."""
    return ip_address(text).packed


def parse_ipv4(text: str) -> bytes:
    """``10.0.0.1`` as 4 octets. Raises ValueError."""
    return IPv4Address(text).packed


def format_ip(address: bytes) -> str:
    """4 or 16 octets as text. Raises ValueError for any other number of octets."""
    return str(ip_address(address))


def parse_cidr(text: str) -> tuple[bytes, int]:
    """``10.0.0.1/24`` as octets and prefix length; without a slash, the whole address. Raises ValueError."""
    address, slash, length = text.partition("/")
    octets = parse_ip(address)
    bits = 8 * len(octets)
    if not slash:
        return octets, bits
    if not length.isdecimal() or not length.isascii() or int(length) > bits:
        raise ValueError(f"{text!r}: the prefix length must be a number from 0 to {bits}")
    return octets, int(length)


def format_cidr(address: bytes, prefixlen: int) -> str:
    """Octets and prefix length as ``10.0.0.1/24``."""
    return f"{format_ip(address)}/{prefixlen}"


def network_of(address: bytes, prefixlen: int) -> bytes:
    """The address with its host bits cleared."""
    shift = 8 * len(address) - prefixlen
    return (int.from_bytes(address, "big") >> shift << shift).to_bytes(len(address), "big")


def broadcast_of(address: bytes, prefixlen: int) -> bytes | None:
    """The directed broadcast address of an IPv4 network; None where there is none (RFC 3021: /31, and /32)."""
    if len(address) != 4 or prefixlen >= 31:
        return None
    return (int.from_bytes(address, "big") | (0xFFFFFFFF >> prefixlen)).to_bytes(4, "big")
