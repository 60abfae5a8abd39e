"""Does a packet of the stack look as the script says? Every difference in words."""

from __future__ import annotations

import struct
from dataclasses import replace

from ...core.const import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from .live import Live
from .packet_lines import OPT_TIMESTAMPS
from .render import flag_text, option_text
from .script import ACK, CWR, ECN_BITS, FIN, PSH, RST, SYN, URG, IcmpPacket, IpSpec, TcpOption, TcpPacket, UdpPacket

PROTOCOLS = {TcpPacket: IPPROTO_TCP, IcmpPacket: IPPROTO_ICMP, UdpPacket: IPPROTO_UDP}
_NAMES = {1: "ect1", 2: "ect0", 0: "noecn", 3: "ce"}
# What pieces of one super-segment have in common; the last one may end it otherwise.
_PIECE_FLAGS = 0x1FF & ~(FIN | PSH | CWR)


def differences(spec: TcpPacket | IcmpPacket | UdpPacket, live: Live, stamp_limit: tuple[int, int]) -> list[str]:
    """What differs between a line and a packet in the script's numbers; nothing when it is as expected.

    ``stamp_limit`` is the length of a timestamp's tick and how far it may be off, both in microseconds; tick 0 does
    not look.
    """
    found = [f"the packet {fault}" for fault in live.faults]
    protocol = PROTOCOLS[type(spec)]
    if live.protocol != protocol:
        names = {IPPROTO_TCP: "TCP", IPPROTO_UDP: "UDP", IPPROTO_ICMP: "ICMP"}
        return [*found, f"protocol: {names[protocol]} expected, {names.get(live.protocol, live.protocol)} sent"]
    found += _ip_differences(spec.ip, live)
    if isinstance(spec, TcpPacket):
        found += _tcp_differences(spec, live, stamp_limit)
    elif isinstance(spec, UdpPacket):
        found += _text_differences(spec.length, live)
    elif (spec.kind, spec.code) != (live.kind, live.code):
        found.append(f"ICMP type and code: {spec.kind} {spec.code} expected, {live.kind} {live.code} sent")
    elif spec.text() != len(live.payload):
        found.append(f"length: {8 + spec.text()} octets of ICMP expected, {8 + len(live.payload)} sent")
    return found


def _ip_differences(spec: IpSpec, live: Live) -> list[str]:
    found = []
    if spec.tos is not None and spec.tos != live.tos:
        found.append(f"type of service: {spec.tos:#04x} expected, {live.tos:#04x} sent")
    if spec.ecn is not None and live.tos & 3 not in spec.ecn:
        expected = " or ".join(_NAMES[bits] for bits in spec.ecn)
        found.append(f"ECN field: {expected} expected, {_NAMES[live.tos & 3]} sent")
    if spec.ttl is not None and spec.ttl != live.ttl:
        found.append(f"time to live: {spec.ttl} expected, {live.ttl} sent")
    return found


def _tcp_differences(spec: TcpPacket, live: Live, stamp_limit: tuple[int, int]) -> list[str]:
    found = []
    if spec.flags != live.flags:
        found.append(f"flags: {flag_text(spec.flags)} expected, {flag_text(live.flags)} sent ({_flags(spec, live)})")
    if spec.seq != live.seq:
        found.append(f"sequence number: {spec.seq} expected, {live.seq} sent")
    found += _text_differences(spec.length, live)
    if spec.ack != live.ack:
        found.append(f"acknowledgment number: {spec.ack} expected, {live.ack} sent")
    if spec.window is not None and spec.window != live.window:
        found.append(f"window: {spec.window} expected, {live.window} sent")
    if spec.urgent != live.urgent:
        found.append(f"urgent pointer: {spec.urgent} expected, {live.urgent} sent")
    if spec.options is not None and live.options is not None:
        found += _option_differences(spec.options, live.options, stamp_limit)
    return found


def _text_differences(length: int, live: Live) -> list[str]:
    if length != len(live.payload):
        return [f"length: {length} expected, {len(live.payload)} sent"]
    return ["the text is not the zeros that were written"] if any(live.payload) else []


def _flags(spec: TcpPacket, live: Live) -> str:
    names = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG"), (ECN_BITS, "ECN bits"))
    wrong = spec.flags ^ live.flags
    return ", ".join(name for bits, name in names if wrong & bits)


def _option_differences(expected: list[TcpOption], sent: list[TcpOption], stamp_limit: tuple[int, int]) -> list[str]:
    kinds = [option.kind for option in expected]
    if kinds != [option.kind for option in sent]:
        if sorted(kinds) == sorted(option.kind for option in sent):
            what = "order of the options"
        else:
            what = "options"
        return [f"{what}: <{_all(expected)}> expected, <{_all(sent)}> sent"]
    found = []
    for want, got in zip(expected, sent, strict=True):
        if want.kind == OPT_TIMESTAMPS and len(got.body) == 8 == len(want.body):
            found += _stamp_differences(want, got, stamp_limit)
        elif want.body != got.body:
            found.append(f"option: {option_text(want)} expected, {option_text(got)} sent")
    return found


def _stamp_differences(want: TcpOption, got: TcpOption, stamp_limit: tuple[int, int]) -> list[str]:
    tick, tolerance = stamp_limit
    expected: int = struct.unpack("!II", want.body)[0]
    sent: int = struct.unpack("!II", got.body)[0]
    off = (sent - expected + (1 << 31)) % (1 << 32) - (1 << 31)
    if tick and abs(off) * tick > tolerance:
        return [f"timestamp: {expected} expected, {sent} sent, {abs(off) * tick} us off"]
    return []


def _all(options: list[TcpOption]) -> str:
    return ",".join(option_text(option) for option in options)


def piece_differences(before: Live, piece: Live, got: int, wanted: int) -> list[str]:
    """Why a packet is no further piece of the one before, ``got`` octets of ``wanted`` being there already."""
    found = []
    if before.flags & _PIECE_FLAGS != piece.flags & _PIECE_FLAGS:
        found.append(f"flags: {flag_text(before.flags)} and then {flag_text(piece.flags)}")
    if (before.ack, before.window, before.urgent) != (piece.ack, piece.window, piece.urgent):
        found.append("acknowledgment number, window or urgent pointer changed")
    if _size(before) != _size(piece):
        found.append(f"options: <{_all(before.options or [])}> and then <{_all(piece.options or [])}>")
    if len(piece.payload) < wanted - got and len(piece.payload) != len(before.payload):
        found.append(f"length: pieces of {len(before.payload)} octets and then one of {len(piece.payload)}")
    return found


def _size(live: Live) -> int:
    return sum(len(option.octets()) for option in live.options or ())


def join(pieces: list[Live]) -> Live:
    """Packets that follow each other as the one they are pieces of: as the last, but for where it begins and CWR."""
    first, last = pieces[0], pieces[-1]
    return replace(
        last,
        seq=first.seq,
        flags=last.flags & ~CWR | first.flags & CWR,
        payload=b"".join(piece.payload for piece in pieces),
        faults=tuple(fault for piece in pieces for fault in piece.faults),
    )
