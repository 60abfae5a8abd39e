"""What transports see of the floor below, and what that floor sees of them.

``tcp/``, ``udp/`` and ``raw/`` never import ``ip/``: they are handed a :class:`Sender`, and register as a
:class:`Transport`. The same code therefore runs over IPv4, IPv6 and a test's fake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .packet import Packet

if TYPE_CHECKING:
    import cython


class Path:
    """The way to one destination, cached by whoever sends there often (Linux's dst entry).

    ``src`` and ``dst`` are 4 or 16 octets. ``mtu`` is the path MTU, the IP header included. ``gso_max`` is the largest
    super-segment (IP header included) the device takes or the software edge segments for it, 0 for none.
    ``advmss`` is the TCP MSS to tell the peer, by the link or the route whatever the path MTU, 0 for what fits ``mtu``.
    ``pseudo`` is the sum of both addresses, the constant part of the pseudo-header. ``alive`` falls when a route,
    an address or the path MTU changed: ask the Sender for a new path. ``local`` is true when dst is one of ours.
    What the route says to TCP, 0 or "" for nothing: ``initcwnd`` and ``initrwnd`` in segments, ``congctl`` the
    congestion control.
    """

    __slots__ = (
        "advmss", "alive", "congctl", "dst", "family", "gso_max", "header_len", "initcwnd", "initrwnd", "local", "mtu",
        "pseudo", "src",
    )  # fmt: skip

    def __init__(self, family: cython.int, src: bytes, dst: bytes) -> None:
        self.family = family
        self.src: bytes = src
        self.dst: bytes = dst
        self.mtu = 1500
        self.advmss = 0
        self.gso_max = 0
        self.header_len = 20 if family == 4 else 40
        self.pseudo = 0
        self.alive = True
        self.local = False
        self.advmss = self.initcwnd = self.initrwnd = 0
        self.congctl = ""


class Sender:
    """The network layer as a transport sees it."""

    __slots__ = ()

    def path(self, dst: bytes, src: bytes | None, oif: cython.int) -> Path:
        """The way to dst. ``src`` None lets the route choose; ``oif`` 0 any interface.

        Raises OSError: ENETUNREACH, EHOSTUNREACH, EACCES (broadcast without leave), EINVAL.
        """
        raise NotImplementedError

    def answering(self, dst: bytes, src: bytes, oif: cython.int) -> Path:
        """The way to whoever sent ``src`` a packet, for one answer: not kept, and good until the next call only.

        So that a flood from a million sources leaves no trace. Raises as ``path`` does.
        """
        return self.path(dst, src, oif)

    def send(self, path: Path, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a packet whose head is at the transport header (l4 == head, ``protocol`` set).

        The packet belongs to the sender from here on. ``packet.tos``, ``ttl`` (0: the default) and ``df`` go into
        the header. Returns 0, or a negative errno (-ENOBUFS, -EMSGSIZE, -ENETUNREACH...), the drop counted.
        """
        raise NotImplementedError

    def is_local(self, address: bytes) -> cython.bint:
        """True when the address is one of this stack's, so that a socket may bind it."""
        raise NotImplementedError

    def confirm(self, path: Path, now: cython.longlong) -> None:
        """The peer answered over this path, so the neighbour on it is reachable (RFC 4861 7.3.1). Costs two stores."""

    def update_pmtu(self, dst: bytes, mtu: cython.uint, now: cython.longlong) -> None:
        """Believe an ICMP report about the path MTU to dst (RFC 1191, RFC 8201).

        For a Transport to call out of ``error``, once it has found the quoted packet to be one of its own. Paths to
        dst fall dead when the MTU became smaller.
        """

    def is_broadcast(self, address: bytes) -> cython.bint:
        """True for an address that means every host of a network of ours: the limited broadcast here, and in a
        layer that knows its networks their directed broadcasts too (RFC 922 7).
        """
        return address == b"\xff\xff\xff\xff"

    def port_unreachable(self, packet: Packet, now: cython.longlong) -> None:
        """Answer a received packet that nobody wanted with ICMP port unreachable (RFC 1122 4.1.3.1).

        The packet is as ``Transport.receive`` got it. Whether an answer may go out at all (broadcast, rate) is
        decided here and not by the caller.
        """
        raise NotImplementedError


class IcmpError:
    """An ICMP error about a packet of ours, as transports see it (RFC 1122 3.2.2, RFC 5927).

    ``err`` is the errno Linux gives for it, ``fatal`` whether a connection may end by it, ``kind`` and ``code`` the
    ICMP numbers, ``info`` the next-hop MTU where there is one. The quoted packet's transport header lies at
    ``buf[l4:end]`` (8 octets at least), its source address (ours) at ``buf[addr_off]``, ``addr_len`` octets, the
    destination behind it.
    """

    __slots__ = (
        "addr_len", "addr_off", "buf", "code", "end", "err", "family", "fatal", "info", "kind", "l4", "offender",
    )  # fmt: skip

    def __init__(self) -> None:
        self.family = self.kind = self.code = self.err = self.info = 0
        self.fatal = False
        self.buf: bytes | bytearray = b""
        self.l4 = self.end = self.addr_off = self.addr_len = 0
        self.offender: bytes = b""


class Transport:
    """A protocol above IP, registered under its protocol number for both families."""

    __slots__ = ()

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """A whole datagram for us: ``l4`` at the transport header, addresses at ``addr_off``, ``tail`` the end.

        Not yet checked is the transport checksum, unless ``csum`` is CSUM_UNNECESSARY or CSUM_PARTIAL.
        """
        raise NotImplementedError

    def error(self, error: IcmpError, now: cython.longlong) -> None:
        """An ICMP error quotes a packet of this protocol that claims to be ours: check before believing."""
        raise NotImplementedError

    def paths_changed(self) -> None:
        """Routes or addresses changed; cached paths whose ``alive`` fell are to be looked up again when next used."""


def is_multicast(address: bytes) -> cython.bint:
    """True for a group address (RFC 1112 4, RFC 4291 2.7)."""
    first: cython.int = address[0]
    if len(address) == 4:
        return 224 <= first <= 239
    return first == 255
