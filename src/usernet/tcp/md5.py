"""TCP-MD5 signatures (RFC 2385), which BGP sessions still use."""

from __future__ import annotations

from hashlib import md5
from hmac import compare_digest
from typing import TYPE_CHECKING

from ..core.counters import TcpExtMib
from ..core.packet import Packet
from ..wire.tcp import Segment
from ..wire.tcp_const import OPT_AO, OPT_MD5
from .auth import Auth, pseudo_header, text_of

if TYPE_CHECKING:
    import cython

OPTION_LEN = 18
# Two NOPs in front keep what follows aligned, as in Linux.
LEAD = bytes((1, 1, OPT_MD5, OPTION_LEN))
ROOM = 20


class Md5Auth(Auth):
    """One connection's key."""

    __slots__ = ("secret",)

    def __init__(self, ext: TcpExtMib, local: bytes, remote: bytes, secret: bytes) -> None:
        super().__init__(ext, local, remote)
        self.secret = secret
        self.room = ROOM

    def sign(self, packet: Packet) -> None:
        """See Auth."""
        at = packet.l4 + 20
        packet.buf[at : at + ROOM] = LEAD + digest(packet, self.local + self.remote, self.secret)

    def accepts(self, packet: Packet, seg: Segment) -> cython.bint:
        """See Auth."""
        if seg.auth == OPT_AO:
            self.ext.TCPAOKeyNotFound += 1
            return False
        if seg.auth != OPT_MD5:
            self.ext.TCPMD5NotFound += 1
            return False
        found = packet.buf[seg.auth_at + 2 : seg.auth_at + OPTION_LEN]
        if not compare_digest(found, digest(packet, self.remote + self.local, self.secret)):
            self.ext.TCPMD5Failure += 1
            return False
        return True


def digest(packet: Packet, addresses: bytes, secret: bytes) -> bytes:
    """RFC 2385 2.0: over pseudo-header, header without options and with checksum 0, text, key."""
    at = packet.l4
    buf = packet.buf
    hashed = md5(pseudo_header(addresses, packet.tail - at + packet.frags_len), usedforsecurity=False)
    hashed.update(buf[at : at + 16] + b"\0\0" + buf[at + 18 : at + 20])
    for piece in text_of(packet, at + (buf[at + 12] >> 4) * 4):
        hashed.update(piece)
    hashed.update(secret)
    return hashed.digest()
