"""Packets as text, in the notation of scripts and tcpdump."""

from __future__ import annotations

import struct

from ...core.const import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from .live import Live
from .packet_lines import (
    ACCECN_MAGIC,
    FASTOPEN_MAGIC,
    ICMP_CODES,
    ICMP_TYPES,
    OPT_ACCECN0,
    OPT_ACCECN1,
    OPT_AO,
    OPT_EXPERIMENT,
    OPT_FASTOPEN,
    OPT_MD5,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
    UNREACHABLE,
)
from .script import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpOption

_FLAGS = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (ACK, "."), (URG, "U"), (ECE, "E"), (CWR, "W"), (AE, "A"))
_ECN = {1: "[ect1] ", 2: "[ect0] ", 3: "[ce] "}


def flag_text(flags: int) -> str:
    """Control bits, one letter each."""
    return "".join(name for bit, name in _FLAGS if flags & bit) or "-"


def option_text(option: TcpOption) -> str:
    """A TCP option as a script writes it."""
    body = option.body
    if option.kind == OPT_MSS and len(body) == 2:
        return f"mss {int.from_bytes(body, 'big')}"
    if option.kind == OPT_WSCALE and len(body) == 1:
        return f"wscale {body[0]}"
    if option.kind == OPT_TIMESTAMPS and len(body) == 8:
        value, echo = struct.unpack("!II", body)
        return f"TS val {value} ecr {echo}"
    if option.kind == OPT_SACK and body and len(body) % 8 == 0:
        edges = struct.unpack(f"!{len(body) // 4}I", body)
        return "sack " + " ".join(f"{left}:{right}" for left, right in zip(edges[::2], edges[1::2], strict=True))
    if option.kind in (OPT_ACCECN0, OPT_ACCECN1):
        return _accecn_text("ECN", option.kind == OPT_ACCECN1, body)
    if option.kind == OPT_EXPERIMENT and body[:2] == FASTOPEN_MAGIC:
        return f"FOEXP {body[2:].hex()}".rstrip()
    if option.kind == OPT_EXPERIMENT and body[:2] in ACCECN_MAGIC.values():
        return _accecn_text("ECNEXP", body[:2] == ACCECN_MAGIC[1], body[2:])
    names = {0: "eol", 1: "nop", OPT_SACK_OK: "sackOK", OPT_FASTOPEN: "FO", OPT_MD5: "md5", OPT_AO: "ao"}
    return f"{names.get(option.kind, f'option {option.kind}')} {body.hex()}".rstrip()


def _accecn_text(name: str, order: bool, body: bytes) -> str:
    fields = ("e1b", "ceb", "e0b") if order else ("e0b", "ceb", "e1b")
    values = [int.from_bytes(body[at : at + 3], "big") for at in range(0, len(body), 3)]
    return " ".join([name, *(f"{field} {value}" for field, value in zip(fields, values, strict=False))])


def packet_text(live: Live) -> str:
    """A packet in a script's notation, all of it."""
    ecn = _ECN.get(live.tos & 3, "")
    if live.protocol == IPPROTO_TCP:
        end = (live.seq + len(live.payload)) & 0xFFFFFFFF
        text = f"{ecn}{flag_text(live.flags)} {live.seq}:{end}({len(live.payload)})"
        if live.flags & ACK:
            text += f" ack {live.ack}"
        text += f" win {live.window}"
        if live.urgent:
            text += f" urg {live.urgent}"
        if live.options:
            text += f" <{','.join(option_text(option) for option in live.options)}>"
        return text
    if live.protocol == IPPROTO_UDP:
        return f"{ecn}udp ({len(live.payload)})"
    if live.protocol == IPPROTO_ICMP:
        return ecn + _icmp_text(live)
    return f"protocol {live.protocol}"


def _icmp_text(live: Live) -> str:
    kinds = {number: name for name, number in ICMP_TYPES.items()}
    codes = {number: name for name, number in ICMP_CODES.items()} if live.kind == UNREACHABLE else {}
    text = f"icmp {kinds.get(live.kind, f'type_{live.kind}')}"
    if live.code or codes:
        text += f" {codes.get(live.code, f'code_{live.code}')}"
    return text + (f" mtu {live.rest & 0xFFFF}" if live.kind == UNREACHABLE and live.rest & 0xFFFF else "")


def trace_text(live: Live, direction: str, start: int) -> str:
    """A line of a trace: the instant since the script's start, the direction, the packet."""
    gso = f" (gso {live.gso_size})" if live.gso_size else ""
    return f"{(live.at - start) / 1e9:10.6f} {direction} {packet_text(live)}{gso}"
