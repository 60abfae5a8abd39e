"""What a signed connection adds to each segment and asks of each that comes (RFC 2385, RFC 5925).

``tcb.auth`` is None for plain connections, which pay one test for it. See md5.py, ao.py, and keys.py for the keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import IPPROTO_TCP
from ..core.counters import TcpExtMib
from ..core.packet import Packet
from ..wire.tcp import Segment
from ..wire.tcp_const import AUTH_BAD, OPT_MD5

if TYPE_CHECKING:
    import cython


class Auth:
    """How the segments of one connection are signed and checked. ``room`` octets of options each segment gives to it.

    The option stands first, as Linux has it.
    """

    __slots__ = ("ext", "local", "remote", "room")

    def __init__(self, ext: TcpExtMib, local: bytes, remote: bytes) -> None:
        self.ext: TcpExtMib = ext
        self.local = local
        self.remote = remote
        self.room = 0

    def sign(self, packet: Packet) -> None:
        """Write the option into the ``room`` octets behind the header at packet.l4. All else must be in its place."""
        raise NotImplementedError

    def accepts(self, packet: Packet, seg: Segment) -> cython.bint:
        """True when the segment is signed as it must be; else it is counted, and to be dropped in silence."""
        raise NotImplementedError

    def ignores_icmp(self, kind: cython.int, code: cython.int) -> cython.bint:
        """True for an ICMP error that a signed connection does not believe, which is counted."""
        return False


def accepts(auth: Auth | None, ext: TcpExtMib, packet: Packet, seg: Segment) -> cython.bint:
    """For a connection that has ``auth``, or a segment that has a signature: may it be looked at?"""
    if auth is not None:
        return auth.accepts(packet, seg)
    unexpected(ext, seg)
    return False


def unexpected(ext: TcpExtMib, seg: Segment) -> None:
    """Count a segment that is signed where nobody has a key, or in no way there is."""
    if seg.auth == OPT_MD5:
        ext.TCPMD5Unexpected += 1
    elif seg.auth == AUTH_BAD:
        ext.TCPAOBad += 1
    else:
        ext.TCPAOKeyNotFound += 1


def pseudo_header(addresses: bytes, size: int) -> bytes:
    """The pseudo-header of RFC 9293 3.1, for source and destination address, each 4 or 16 octets."""
    if len(addresses) == 8:
        return addresses + bytes((0, IPPROTO_TCP)) + size.to_bytes(2, "big")
    return addresses + size.to_bytes(4, "big") + bytes((0, 0, 0, IPPROTO_TCP))


def text_of(packet: Packet, data: int) -> list[bytes | bytearray | memoryview]:
    """The text of a segment that begins at ``data`` in the packet's buffer, piece by piece."""
    pieces: list[bytes | bytearray | memoryview] = [packet.buf[data : packet.tail]]
    if packet.frags is not None:
        pieces.extend(view.memory() for view in packet.frags)
    return pieces
