"""The connection under test: between the script's numbers and those of the run.

Initial sequence numbers, ports and timestamps of the run are not the script's. What the script gives is mapped to the
run's before it is sent, what the stack sends is mapped back before it is compared (SACK edges and quoted headers too).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from ...core.const import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, MASK32
from ...ip.address import parse_ip
from .errors import Mismatch
from .live import Live, ipv4_header
from .packet_lines import OPT_SACK, OPT_TIMESTAMPS
from .script import ACK, RAW, RST, SYN, IcmpPacket, TcpOption, TcpPacket, UdpPacket

# How far the script has come with its connection.
NEW = "new"
LISTENING = "listening"
CONNECTING = "connecting"
SYN_SENT = "syn sent"
SYN_RECEIVED = "syn received"
SYNACK_SENT = "syn,ack sent"
OPEN = "open"


@dataclass(slots=True)
class Connection:
    """One socket as the script sees it. ``fd`` is the run's descriptor, -1 for one not accepted yet."""

    stage: str = NEW
    fd: int = -1
    protocol: int = IPPROTO_TCP
    local: bytes = b""
    remote: bytes = b""
    local_port: int = 0
    remote_port: int = 0
    script_iss: int = 0
    script_irs: int = 0
    live_iss: int = 0
    live_irs: int = 0
    stamps: dict[int, int] = field(default_factory=dict)
    first_stamp: tuple[int, int] | None = None

    # To the stack.

    def inbound(self, spec: TcpPacket, at: int, ecr_scaled: bool) -> Live:
        """The segment a script's line stands for. Raises Mismatch when its timestamp echo is of nothing we sent."""
        syn = bool(spec.flags & SYN)
        live = Live(at, IPPROTO_TCP, self.remote, self.local, spec.ports[0] or self.remote_port)
        live.dport = spec.ports[1] or self.local_port
        live.flags = spec.flags
        live.seq = (spec.seq + self.live_irs - (self.script_irs if syn else 0)) & MASK32
        shift = self.live_iss - (self.script_iss if syn else 0)
        live.ack = (spec.ack + shift) & MASK32 if spec.flags & ACK else spec.ack
        live.window = spec.window or 0
        live.urgent = spec.urgent
        live.payload = bytes(spec.length)
        live.options = _shifted(spec.options or [], shift)
        if spec.flags & ACK:
            live.options = [self._stamped(option, ecr_scaled) for option in live.options]
        return live

    def _stamped(self, option: TcpOption, ecr_scaled: bool) -> TcpOption:
        if option.kind != OPT_TIMESTAMPS:
            return option
        value, echo = struct.unpack("!II", option.body)
        if echo in self.stamps:
            echo = self.stamps[echo]
        elif ecr_scaled and self.first_stamp is not None:
            echo = (echo - self.first_stamp[0] + self.first_stamp[1]) & MASK32
        else:
            raise Mismatch(f"the script echoes the timestamp {echo}, which no packet of ours had in the script")
        return TcpOption(OPT_TIMESTAMPS, struct.pack("!II", value, echo))

    def inbound_icmp(self, spec: IcmpPacket, at: int) -> Live:
        """The ICMP message a script's line stands for; it quotes header and 8 octets of a packet of ours."""
        live = Live(at, IPPROTO_ICMP, self.remote, self.local, kind=spec.kind, code=spec.code)
        live.rest = spec.mtu if spec.mtu >= 0 else spec.echo_id << 16
        if spec.protocol == RAW:
            live.payload = bytes(spec.text())
            return live
        quoted = Live(at, spec.protocol, self.local, self.remote, ttl=64)
        head = 8 if spec.protocol == IPPROTO_UDP else 20
        octets = struct.pack("!HH", self.local_port, self.remote_port)
        if spec.protocol == IPPROTO_TCP:
            octets += struct.pack("!I", (spec.seq + self.live_iss) & MASK32)
        else:
            octets += struct.pack("!HH", head + spec.length, 0)
        live.payload = ipv4_header(quoted, head + spec.length) + octets + bytes(spec.length)
        return live

    def inbound_udp(self, spec: UdpPacket, at: int) -> Live:
        """The datagram a script's line stands for."""
        live = Live(at, IPPROTO_UDP, self.remote, self.local, spec.ports[0] or self.remote_port)
        live.dport = spec.ports[1] or self.local_port
        live.payload = bytes(spec.length)
        return live

    # From the stack.

    def owns(self, live: Live) -> bool:
        """True for a packet this connection sent."""
        if live.protocol == IPPROTO_ICMP:
            return self.protocol == IPPROTO_ICMP and (live.src, live.dst) == (self.local, self.remote)
        return live.protocol == self.protocol and (live.src, live.sport, live.dst, live.dport) == (
            self.local, self.local_port, self.remote, self.remote_port,
        )  # fmt: skip

    def received(self, live: Live) -> bool:
        """True for a packet that was sent to this connection."""
        return live.protocol == self.protocol and (live.dst, live.dport, live.src, live.sport) == (
            self.local, self.local_port, self.remote, self.remote_port,
        )  # fmt: skip

    def adopt(self, live: Live) -> bool:
        """The first packet of an active opening tells the address and port it comes from, and its ISN."""
        begins = live.flags & (SYN | ACK) == SYN and self.stage == SYN_SENT if live.protocol == IPPROTO_TCP else (
            self.stage == CONNECTING
        )  # fmt: skip
        # ICMP has no ports.
        port = self.remote_port if live.protocol != IPPROTO_ICMP else 0
        if not begins or live.protocol != self.protocol or (live.dst, live.dport) != (self.remote, port):
            return False
        self.local, self.local_port = live.src, live.sport
        self.live_iss = live.seq
        return True

    def resumes(self, name: tuple[str, int]) -> None:
        """connect() in repair mode: no SYN tells an ISN, and numbers are those the script gave TCP_QUEUE_SEQ."""
        self.stage = OPEN
        self.local, self.local_port = parse_ip(name[0]), name[1]

    def to_script(self, live: Live) -> Live:
        """The packet in the script's numbers, timestamps apart."""
        if live.protocol != IPPROTO_TCP:
            return live
        syn = bool(live.flags & SYN)
        seq = (live.seq - self.live_iss + (self.script_iss if syn else 0)) & MASK32
        if live.seq == 0 and live.flags & (RST | ACK) == RST | ACK:
            # What answers a segment without ACK counts from nothing (RFC 9293 3.10.7.1).
            seq = 0
        shift = (self.script_irs if syn else 0) - self.live_irs
        ack = (live.ack + shift) & MASK32 if live.flags & ACK else live.ack
        options = None if live.options is None else _shifted(live.options, shift)
        return replace(live, seq=seq, ack=ack, options=options)

    def from_peer(self, live: Live) -> Live:
        """A packet sent to this connection, in the script's numbers again."""
        if live.protocol != IPPROTO_TCP:
            return live
        shift = (self.script_iss if live.flags & SYN else 0) - self.live_iss
        seq = (live.seq - self.live_irs + (self.script_irs if live.flags & SYN else 0)) & MASK32
        ack = (live.ack + shift) & MASK32 if live.flags & ACK else live.ack
        options = None if live.options is None else _shifted(live.options, shift)
        return replace(live, seq=seq, ack=ack, options=options)

    def with_script_stamps(self, live: Live, outgoing: bool) -> Live:
        """The packet with our timestamps in the script's numbers, for a trace."""
        if self.first_stamp is None or live.options is None or live.timestamps() is None:
            return live
        shift = self.first_stamp[0] - self.first_stamp[1]
        value, echo = live.timestamps() or (0, 0)
        if outgoing:
            value = (value + shift) & MASK32
        elif live.flags & ACK:
            echo = (echo + shift) & MASK32
        stamp = TcpOption(OPT_TIMESTAMPS, struct.pack("!II", value, echo))
        return replace(live, options=[stamp if o.kind == OPT_TIMESTAMPS else o for o in live.options])

    def map_timestamps(self, spec: TcpPacket, live: Live) -> None:
        """Learn which timestamp of the run the script's stands for, and put the packet's in the script's numbers."""
        expected = next((o for o in spec.options or () if o.kind == OPT_TIMESTAMPS and len(o.body) == 8), None)
        actual = live.timestamps()
        if expected is None or actual is None or live.options is None:
            return
        value: int = struct.unpack("!II", expected.body)[0]
        self.stamps[value] = actual[0]
        if self.first_stamp is None:
            self.first_stamp = (value, actual[0])
        scripted = (self.first_stamp[0] + actual[0] - self.first_stamp[1]) & MASK32
        body = struct.pack("!II", scripted, actual[1])
        live.options = [TcpOption(OPT_TIMESTAMPS, body) if o.kind == OPT_TIMESTAMPS else o for o in live.options]


def _shifted(options: list[TcpOption], shift: int) -> list[TcpOption]:
    """Options with their SACK edges moved."""
    return [
        TcpOption(OPT_SACK, b"".join(struct.pack("!I", (edge + shift) & MASK32) for edge in _edges(option.body)))
        if option.kind == OPT_SACK and len(option.body) % 4 == 0
        else option
        for option in options
    ]


def _edges(body: bytes) -> tuple[int, ...]:
    return struct.unpack(f"!{len(body) // 4}I", body)
