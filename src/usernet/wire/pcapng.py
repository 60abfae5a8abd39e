"""Capture files (draft-ietf-opsawg-pcapng): the blocks a writer needs, little-endian, times in nanoseconds."""

from __future__ import annotations

from struct import Struct, pack, unpack_from

BLOCK_SECTION = 0x0A0D0D0A
BLOCK_INTERFACE = 1
BLOCK_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D

LINKTYPE_ETHERNET = 1
LINKTYPE_RAW = 101  # IPv4 or IPv6, told apart by the version

OPT_END = 0
OPT_SHB_USERAPPL = 4
OPT_IF_NAME = 2
OPT_IF_MACADDR = 6
OPT_IF_TSRESOL = 9
OPT_EPB_FLAGS = 2

INBOUND = 1
OUTBOUND = 2

# type, total length, interface, timestamp high and low, captured length, original length.
_PACKET_HEAD = Struct("<IIIIIII")
# epb_flags: code, length, value.
_PACKET_FLAGS = Struct("<HHI")
# opt_endofopt, and the total length again.
_PACKET_END = Struct("<HHI")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def section(application: str) -> bytes:
    """A Section Header Block, which begins every file."""
    body = (
        pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1) + _option(OPT_SHB_USERAPPL, application.encode()) + _option(OPT_END)
    )
    return _block(BLOCK_SECTION, body)


def interface(name: str, linktype: int, address: bytes) -> bytes:
    """An Interface Description Block; interfaces are numbered from 0 as they come. The address may be empty."""
    body = pack("<HHI", linktype, 0, 0) + _option(OPT_IF_NAME, name.encode())
    if address:
        body += _option(OPT_IF_MACADDR, address)
    body += _option(OPT_IF_TSRESOL, b"\x09") + _option(OPT_END)
    return _block(BLOCK_INTERFACE, body)


def packet(number: int, time_ns: int, length: int, direction: int) -> tuple[bytes, bytes]:
    """What stands before and behind the octets of a packet in its Enhanced Packet Block.

    ``number`` is the interface, ``time_ns`` counts from the epoch.
    """
    options = _PACKET_FLAGS.pack(OPT_EPB_FLAGS, 4, direction)
    total = 36 + length + (-length & 3) + len(options)
    return (
        _PACKET_HEAD.pack(BLOCK_PACKET, total, number, time_ns >> 32, time_ns & 0xFFFFFFFF, length, length),
        _PADDING[length & 3] + options + _PACKET_END.pack(OPT_END, 0, total),
    )


def parse_packet(body: bytes) -> tuple[int, int, bytes, dict[int, bytes]]:
    """(interface, time in ns, octets, options) of an Enhanced Packet Block. Raises ValueError for one cut short."""
    if len(body) < 20:
        raise ValueError("pcapng packet block cut short")
    number, high, low, length, _ = unpack_from("<IIIII", body)
    if 20 + length > len(body):
        raise ValueError("pcapng packet runs past its block")
    options = parse_options(body[20 + length + (-length & 3) :])
    return number, high << 32 | low, body[20 : 20 + length], options


def parse_blocks(octets: bytes) -> list[tuple[int, bytes]]:
    """The (type, body) of every block of one little-endian section.

    Raises ValueError for octets that are no such section.
    """
    blocks = []
    at = 0
    while at < len(octets):
        if at + 12 > len(octets):
            raise ValueError(f"pcapng block cut short at octet {at}")
        kind, total = unpack_from("<II", octets, at)
        if total < 12 or total & 3 or at + total > len(octets):
            raise ValueError(f"pcapng block at octet {at} has a bad length {total}")
        if unpack_from("<I", octets, at + total - 4)[0] != total:
            raise ValueError(f"pcapng block at octet {at} does not end with its length")
        blocks.append((kind, octets[at + 8 : at + total - 4]))
        at += total
    return blocks


def parse_options(octets: bytes) -> dict[int, bytes]:
    """The options at the end of a block's body, by code. Raises ValueError when they run past the end."""
    options: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(octets):
        code, length = unpack_from("<HH", octets, at)
        if code == OPT_END:
            return options
        if at + 4 + length > len(octets):
            raise ValueError(f"pcapng option {code} runs past its block")
        options[code] = octets[at + 4 : at + 4 + length]
        at += 4 + length + (-length & 3)
    return options


def _block(kind: int, body: bytes) -> bytes:
    total = len(body) + 12
    return pack("<II", kind, total) + body + pack("<I", total)


def _option(code: int, value: bytes = b"") -> bytes:
    return pack("<HH", code, len(value)) + value + _PADDING[len(value) & 3]
