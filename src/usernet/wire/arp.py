"""ARP for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..core.const import ETH_P_IP
from .ip_const import ARP_LEN, ARPHRD_ETHER

_LAYOUT = struct.Struct("!HHBBH6s4s6s4s")


class ArpMessage(NamedTuple):
    """An ARP message in RFC 826's names: sender and target, hardware and protocol address."""

    op: int
    sha: bytes
    spa: bytes
    tha: bytes
    tpa: bytes


def parse_arp(octets: bytes | bytearray) -> ArpMessage | None:
    """The message, or None when it is cut short or not about IPv4 over Ethernet. Padding behind it is ignored."""
    if len(octets) < ARP_LEN:
        return None
    hrd, pro, hln, pln, op, sha, spa, tha, tpa = _LAYOUT.unpack_from(octets)
    if (hrd, pro, hln, pln) != (ARPHRD_ETHER, ETH_P_IP, 6, 4):
        return None
    return ArpMessage(op, sha, spa, tha, tpa)


def emit_arp(message: ArpMessage) -> bytes:
    """The message's 28 octets."""
    op, sha, spa, tha, tpa = message
    return _LAYOUT.pack(ARPHRD_ETHER, ETH_P_IP, 6, 4, op, sha, spa, tha, tpa)
