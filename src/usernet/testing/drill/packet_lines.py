"""Packet lines: ``< S 0:0(0) win 65535 <mss 1460>``, ``> P. 1:1001(1000) ack 1``, ``< icmp unreachable ...``."""

from __future__ import annotations

import struct
from typing import Final

from .errors import Unsupported
from .expressions import Reader, describe, number
from .lexer import END, FLOAT, INTEGER, MORE, WORD, Token
from .script import (
    ACK,
    AE,
    BLANK_MAC,
    BLANK_MD5,
    CWR,
    ECE,
    FIN,
    INBOUND,
    OUTBOUND,
    PSH,
    RAW,
    RST,
    SYN,
    URG,
    IcmpPacket,
    IpSpec,
    TcpOption,
    TcpPacket,
    UdpPacket,
)

OPT_EOL: Final = 0
OPT_NOP: Final = 1
OPT_MSS: Final = 2
OPT_WSCALE: Final = 3
OPT_SACK_OK: Final = 4
OPT_SACK: Final = 5
OPT_TIMESTAMPS: Final = 8
OPT_MD5: Final = 19
OPT_AO: Final = 29
OPT_FASTOPEN: Final = 34
OPT_ACCECN0: Final = 172
OPT_ACCECN1: Final = 174
OPT_EXPERIMENT: Final = 254
FASTOPEN_MAGIC: Final = b"\xf9\x89"
ACCECN_MAGIC: Final = {0: b"\xac\xc0", 1: b"\xac\xc1"}

_FLAGS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR, "A": AE}
_ECN: Final = {"noecn": (0,), "ect1": (1,), "ect0": (2,), "ce": (3,), "ect01": (1, 2)}
MAX_OPTIONS: Final = 40
# The headers of IPv4 and TCP without options, and the longest packet.
HEADERS: Final = 40
LARGEST: Final = 65535

UNREACHABLE: Final = 3
FRAG_NEEDED: Final = 4
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12
# What only ICMPv6 has is known by name, so that a script for both is read; it has no number of ICMP.
ICMP6: Final = 256
ICMP_TYPES: Final = {
    "echo_reply": 0, "unreachable": 3, "source_quench": 4, "redirect": 5, "echo_request": 8, "time_exceeded": 11,
    "parameter_problem": 12, "timestamp_request": 13, "timestamp_reply": 14, "information_request": 15,
    "information_reply": 16, "address_mask_request": 17, "address_mask_reply": 18, "packet_too_big": ICMP6 + 2,
}  # fmt: skip
ICMP_CODES: Final = {
    "net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3, "frag_needed": 4,
    "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8, "net_prohibited": 9,
    "host_prohibited": 10, "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12, "packet_filtered": 13,
    "precedence_violation": 14, "precedence_cutoff": 15,
}  # fmt: skip
ICMP6_CODES: Final = {
    "no_route": ICMP6, "admin_prohibited": ICMP6 + 1, "not_neighbour": ICMP6 + 2, "address_unreachable": ICMP6 + 3,
    "exceeded_hop_limit": ICMP6, "exceeded_frag_time": ICMP6 + 1, "header_field": ICMP6,
    "unknown_next_header": ICMP6 + 1, "unknown_option": ICMP6 + 2,
}  # fmt: skip


def packet(reader: Reader) -> TcpPacket | IcmpPacket | UdpPacket:
    """One packet, from its direction on."""
    first = reader.take()
    direction = first.text
    assert direction in (INBOUND, OUTBOUND)
    if reader.word.text in ("ipv4", "ipv6", "gre", "GREv0", "mpls"):
        raise Unsupported(f"packets inside of {reader.word.text} headers", reader.word.line)
    if reader.follows("[") and (reader.follows_at(1, "udp") or reader.ahead(1).kind == INTEGER):
        # In packetdrill's first scripts what an error quotes stands in front.
        quote = _quote(reader)
        reader.need("icmp", "behind the packet that it quotes")
        return _icmp(reader, direction, IpSpec(), quote)
    ip = _ip_info(reader, direction)
    if reader.skip("icmp"):
        return _icmp(reader, direction, ip)
    if reader.skip("udp"):
        ports = _ports(reader)
        reader.need("(", "behind 'udp'")
        length = number(reader, "octets of text", 0, 65507)
        reader.need(")", "behind the length")
        return UdpPacket(direction, length, ip, ports)
    segment = _tcp(reader, direction, ip)
    if segment.window is None and direction == INBOUND:
        raise reader.error("a packet to us needs its window: win N", first)
    size = HEADERS + sum(len(option.octets()) for option in segment.options or ()) + segment.length
    if size > LARGEST and direction == INBOUND:
        raise reader.error(f"{size} octets with the headers are more than the {LARGEST} of an IP packet", first)
    return segment


def _ip_info(reader: Reader, direction: str) -> IpSpec:
    closing = {"[": "]", "(": ")"}.get(reader.word.text)
    if closing is None or reader.word.kind == "string":
        return IpSpec()
    reader.take()
    tos: int | None = None
    ecn: tuple[int, ...] | None = None
    ttl: int | None = None
    while True:
        name = reader.take()
        if name.text in _ECN:
            if name.text == "ect01" and direction != OUTBOUND:
                raise reader.error("[ect01] says what a packet of ours may have, not what one to us has", name)
            ecn = _ECN[name.text]
        elif name.text == "tos":
            tos = number(reader, "as type of service", 0, 255)
        elif name.text == "ttl":
            ttl = number(reader, "as time to live", 0, 255)
        elif name.text == "flowlabel":
            number(reader, "as flow label", 0, 0xFFFFF)
        else:
            raise reader.error(f"nothing of the IP header is called {describe(name)}", name)
        if reader.skip(closing):
            return IpSpec(tos, ecn, ttl)
        reader.need(",", f"or {closing!r} behind {name.text}")


def _ports(reader: Reader) -> tuple[int, int]:
    if reader.word.kind != INTEGER or not reader.follows_at(1, ">"):
        return (0, 0)
    source = number(reader, "as source port", 0, 65535)
    reader.need(">", "between the ports")
    return (source, number(reader, "as destination port", 0, 65535))


def _tcp(reader: Reader, direction: str, ip: IpSpec) -> TcpPacket:
    ports = _ports(reader)
    flags = _flags(reader)
    seq, length = _sequence(reader)
    ack = number(reader, "as acknowledgment number", 0, 0xFFFFFFFF) if reader.skip("ack") else 0
    window = number(reader, "as window", 0, 65535) if reader.skip("win") else None
    urgent = number(reader, "as urgent pointer", 0, 65535) if reader.skip("urg") else 0
    options = _options(reader, direction)
    if reader.follows("{"):
        _mutations(reader)
    return TcpPacket(direction, flags, seq, length, ack, window, urgent, options, ip, ports)


def _mutations(reader: Reader) -> None:
    """``{mut tcp mss}``: done by a library that packetdrill loads when told to; without it, as here, nothing is."""
    opening = reader.take()
    while not reader.skip("}"):
        if reader.word.kind == END:
            raise reader.error("this '{' is never closed", opening)
        reader.take()


def _flags(reader: Reader) -> int:
    """Flags as tcpdump prints them; a digit is the ACE field of AccECN, ``-`` no flag at all."""
    token = reader.take()
    text = token.text
    if token.kind == WORD or (token.kind == INTEGER and len(text) == 1):
        following = reader.word
        if following.text == "." or (following.kind == FLOAT and following.text[0] == "."):
            text += reader.take().text
    elif text == "-":
        return 0
    elif text != "." and not (token.kind == FLOAT and text[0] == "."):
        raise reader.error(f"flags expected (S, ., P., ...), found {describe(token)}", token)
    flags = 0
    ace = -1
    named = False
    for char in text:
        if char in "01234567":
            if ace >= 0 or named:
                raise reader.error(f"{text!r} says twice what the ECN bits are", token)
            ace = int(char)
        elif char in _FLAGS:
            named = named or char in "EWA"
            if named and ace >= 0:
                raise reader.error(f"{text!r} says twice what the ECN bits are", token)
            flags |= _FLAGS[char]
        else:
            raise reader.error(f"no TCP flag is called {char!r}", token)
    if ace > 0:
        flags |= (ECE if ace & 1 else 0) | (CWR if ace & 2 else 0) | (AE if ace & 4 else 0)
    return flags


def _sequence(reader: Reader) -> tuple[int, int]:
    """``start:end(length)``."""
    first = reader.word
    start = number(reader, "as sequence number", 0, 0xFFFFFFFF)
    reader.need(":", "between the sequence numbers")
    end = number(reader, "as sequence number", 0, 0xFFFFFFFF)
    reader.need("(", "before the length")
    length = number(reader, "octets of text", 0, 65535)
    reader.need(")", "behind the length")
    if (end - start - length) & 0xFFFFFFFF:
        raise reader.error(f"{start}:{end} has not {length} octets", first)
    return start, length


def _options(reader: Reader, direction: str) -> list[TcpOption] | None:
    if not reader.follows("<"):
        return []
    opening = reader.take()
    if reader.word.kind == MORE:
        reader.take()
        reader.need(">", "behind <...")
        if direction != OUTBOUND:
            raise reader.error("<...> leaves open what we send, not what we are sent", opening)
        return None
    options: list[TcpOption] = []
    while True:
        options.append(_option(reader))
        if reader.skip(">"):
            break
        reader.need(",", "or '>' behind an option")
    size = sum(len(option.octets()) for option in options)
    if size % 4:
        raise reader.error(f"{size} octets of options are no multiple of 4: pad them with nop or eol", opening)
    if size > MAX_OPTIONS:
        raise reader.error(f"{size} octets of options are more than the {MAX_OPTIONS} there is room for", opening)
    return options


def _option(reader: Reader) -> TcpOption:
    name = reader.take()
    if name.text == "nop":
        return TcpOption(OPT_NOP)
    if name.text == "eol":
        return TcpOption(OPT_EOL)
    if name.text == "sackOK":
        return TcpOption(OPT_SACK_OK)
    if name.text == "mss":
        return TcpOption(OPT_MSS, struct.pack("!H", number(reader, "as MSS", 0, 65535)))
    if name.text == "wscale":
        return TcpOption(OPT_WSCALE, bytes((number(reader, "as window scale", 0, 255),)))
    if name.text == "TS":
        reader.need("val", "behind TS")
        value = number(reader, "as timestamp", 0, 0xFFFFFFFF)
        reader.need("ecr", "behind the timestamp")
        return TcpOption(OPT_TIMESTAMPS, struct.pack("!II", value, number(reader, "as echo", 0, 0xFFFFFFFF)))
    if name.text == "sack":
        body = b""
        while reader.word.kind == INTEGER:
            left = number(reader, "as left edge", 0, 0xFFFFFFFF)
            reader.need(":", "between the edges")
            body += struct.pack("!II", left, number(reader, "as right edge", 0, 0xFFFFFFFF))
        if not body:
            raise reader.error("a SACK option needs a block: sack 1001:2001")
        return TcpOption(OPT_SACK, body)
    if name.text in ("FO", "FOEXP"):
        cookie = _hex(reader)
        if name.text == "FO":
            return TcpOption(OPT_FASTOPEN, cookie)
        return TcpOption(OPT_EXPERIMENT, FASTOPEN_MAGIC + cookie)
    if name.text == "md5":
        return TcpOption(OPT_MD5, BLANK_MD5 if reader.skip("mac") else _hex(reader))
    if name.text == "ao":
        return TcpOption(OPT_AO, _ao(reader))
    if name.text in ("ECN", "ECNEXP", "AccECN"):
        return _accecn(reader, name.text == "ECNEXP")
    raise reader.error(f"no TCP option is called {describe(name)}", name)


def _ao(reader: Reader) -> bytes:
    """Octets in hexadecimal; or KeyID and RNextKeyID in decimal, and a MAC for the run to find."""
    token = reader.word
    if token.kind == INTEGER:
        reader.take()
        if reader.word.kind == INTEGER:
            ids = (int(token.text), number(reader, "as RNextKeyID", 0, 255))
            if not 0 <= ids[0] <= 255:
                raise reader.error("a KeyID is 0 to 255", token)
            return bytes(ids) + BLANK_MAC
        return _octets(reader, token)
    return _hex(reader)


def _hex(reader: Reader) -> bytes:
    """Octets in hexadecimal, perhaps none."""
    token = reader.word
    if token.kind not in (WORD, INTEGER):
        return b""
    reader.take()
    return _octets(reader, token)


def _octets(reader: Reader, token: Token) -> bytes:
    try:
        return bytes.fromhex(token.text)
    except ValueError:
        raise reader.error(f"{describe(token)} are no octets in hexadecimal", token) from None


def _accecn(reader: Reader, experimental: bool) -> TcpOption:
    """``ECN e1b 1 ceb 0 e0b 1`` (order 1) or ``ECN e0b 1 ceb 0 e1b 1`` (order 0), as many as there are."""
    names: list[str] = []
    body = b""
    while reader.word.text in ("e0b", "e1b", "ceb"):
        names.append(reader.take().text)
        body += number(reader, "as a byte counter", 0, 0xFFFFFF).to_bytes(3, "big")
    orders = {1: ["e1b", "ceb", "e0b"], 0: ["e0b", "ceb", "e1b"]}
    for order, expected in orders.items():
        if names == expected[: len(names)]:
            kind = OPT_ACCECN1 if order else OPT_ACCECN0
            return TcpOption(OPT_EXPERIMENT, ACCECN_MAGIC[order] + body) if experimental else TcpOption(kind, body)
    raise reader.error("the counters of an AccECN option come as e1b ceb e0b or as e0b ceb e1b")


def _quote(reader: Reader) -> tuple[int, int, int]:
    """The packet that an ICMP error quotes: protocol, sequence number, length; or a length alone."""
    reader.need("[", "before the quoted packet")
    protocol, seq = 6, 0
    if reader.skip("udp"):
        protocol = 17
        reader.need("(", "behind 'udp'")
        length = number(reader, "octets of text", 0, 65507)
        reader.need(")", "behind the length")
    elif reader.skip("raw"):
        protocol = RAW
        reader.need("(", "behind 'raw'")
        length = number(reader, "octets with the ICMP header", 8, 65515)
        reader.need(")", "behind the length")
    else:
        seq, length = _sequence(reader)
    reader.need("]", "behind the quoted packet")
    return protocol, seq, length


def _icmp(reader: Reader, direction: str, ip: IpSpec, quote: tuple[int, int, int] = (6, 0, 0)) -> IcmpPacket:
    token = reader.need_kind(WORD, "behind 'icmp'")
    kind = _icmp_number(token.text, "type_", ICMP_TYPES)
    if kind is None:
        raise reader.error(f"no ICMP message is called {describe(token)}", token)
    code: int | None = 0
    if reader.word.kind == WORD and reader.word.text not in ("mtu", "id"):
        token = reader.take()
        codes = {UNREACHABLE: ICMP_CODES | ICMP6_CODES, TIME_EXCEEDED: ICMP6_CODES, PARAMETER_PROBLEM: ICMP6_CODES}
        code = _icmp_number(token.text, "code_", codes.get(kind, {}))
        if code is None:
            raise reader.error(f"no code of this ICMP message is called {describe(token)}", token)
    assert code is not None
    message = IcmpPacket(direction, kind, code, ip=ip)
    if reader.follows("mtu"):
        token = reader.take()
        message.mtu = number(reader, "as MTU", 0, 65535)
        if (kind, code) not in ((UNREACHABLE, FRAG_NEEDED), (ICMP6 + 2, 0)):
            raise reader.error("only 'unreachable frag_needed' has an MTU", token)
    if reader.skip("id"):
        message.echo_id = number(reader, "as identifier", 0, 65535)
    if reader.follows("["):
        quote = _quote(reader)
    message.protocol, message.seq, message.length = quote
    return message


def _icmp_number(text: str, prefix: str, names: dict[str, int]) -> int | None:
    digits = text[len(prefix) :]
    if text.startswith(prefix) and digits.isdecimal() and int(digits) < 256:
        return int(digits)
    return names.get(text)


def is_direction(reader: Reader) -> bool:
    """True when a packet begins here."""
    return reader.follows(INBOUND) or reader.follows(OUTBOUND)
