"""A script as it was read: options, commands, and events in order.

Times are whole microseconds. Numbers of packets are the script's own: sequence numbers count from the initial ones,
ports and addresses stand for whatever the run uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# Control bits; AE (RFC 9768 3.1) is the ninth.
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << bit for bit in range(9))
ECN_BITS: Final = ECE | CWR | AE

INBOUND: Final = "<"
OUTBOUND: Final = ">"

ABSOLUTE: Final = "absolute"
RELATIVE: Final = "relative"
ANY: Final = "any"


class Word(str):
    """A name in an expression, to be looked up when the call is made."""

    __slots__ = ()


class More:
    """``...``: whatever it is."""

    def __repr__(self) -> str:
        return "..."


ELLIPSIS: Final = More()


@dataclass(frozen=True, slots=True)
class Either:
    """Flags joined by ``|``."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """``htons(80)``, ``inet_addr("192.0.2.1")``."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """``{name = value, ...}``; fields without a name have the name ""."""

    fields: tuple[tuple[str, Expression], ...]

    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return tuple(name for name, _ in self.fields)

    def get(self, name: str, default: Expression = 0) -> Expression:
        """The value of a field."""
        for key, value in self.fields:
            if key == name:
                return value
        return default


Expression = int | Word | bytes | More | Either | Call | Struct | list["Expression"]


@dataclass(frozen=True, slots=True)
class When:
    """The time of an event: ABSOLUTE since the script's start, RELATIVE to the event before, or ANY.

    ``until`` is the end of a range, or -1.
    """

    kind: str
    at: int = 0
    until: int = -1


# The MAC of TCP-AO (RFC 5925), and the digest of TCP-MD5 (RFC 2385), that a script leaves to the run.
BLANK_MAC: Final = bytes(12)
BLANK_MD5: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class TcpOption:
    """One TCP option in script numbers; ``body`` are its octets behind kind and length.

    Timestamps and SACK edges are in the numbers of the script.
    """

    kind: int
    body: bytes = b""

    def octets(self) -> bytes:
        """As it lies in a header. EOL and NOP have no length."""
        return bytes((self.kind,)) if self.kind < 2 else bytes((self.kind, len(self.body) + 2)) + self.body


@dataclass(frozen=True, slots=True)
class IpSpec:
    """What a script says of the IP header: None is not looked at.

    ``ecn`` is the two bits' value, or a tuple of those allowed.
    """

    tos: int | None = None
    ecn: tuple[int, ...] | None = None
    ttl: int | None = None


@dataclass(slots=True)
class TcpPacket:
    """A TCP segment. ``options`` None is ``<...>``, ``window`` None not looked at, ports 0 the connection's."""

    direction: str
    flags: int
    seq: int
    length: int
    ack: int = 0
    window: int | None = None
    urgent: int = 0
    options: list[TcpOption] | None = field(default_factory=list)
    ip: IpSpec = IpSpec()
    ports: tuple[int, int] = (0, 0)


# An ICMP message of zeros, about nothing.
RAW: Final = 255


@dataclass(slots=True)
class IcmpPacket:
    """An ICMP message about a segment of the connection (``protocol`` 17: a datagram; RAW: about nothing, all its
    ``length`` octets).
    """

    direction: str
    kind: int
    code: int
    mtu: int = -1
    echo_id: int = 0
    protocol: int = 6
    seq: int = 0
    length: int = 0
    ip: IpSpec = IpSpec()

    def text(self) -> int:
        """Octets behind its header: those of an IP header, 8 more, and the text of what it quotes."""
        return self.length - 8 if self.protocol == RAW else 28 + self.length


@dataclass(slots=True)
class UdpPacket:
    """A datagram of zeros."""

    direction: str
    length: int
    ip: IpSpec = IpSpec()
    ports: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call; ``end`` is the time at which a blocking one returns, None for one that does not block."""

    name: str
    arguments: list[Expression]
    result: Expression
    errno: str
    end: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A shell line."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A ``%{ }%`` block."""

    text: str


Action = TcpPacket | IcmpPacket | UdpPacket | Syscall | Command | Code


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens, with its line and its text."""

    line: int
    when: When
    action: Action
    text: str


@dataclass(slots=True)
class Script:
    """A whole script. ``options`` are those of its head, in order: name, value, line."""

    name: str
    options: list[tuple[str, str | None, int]] = field(default_factory=list)
    init: Command | None = None
    init_line: int = 0
    events: list[Event] = field(default_factory=list)
    cleanup: Command | None = None
    cleanup_line: int = 0
