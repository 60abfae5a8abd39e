"""The virtio-net header: emit and parse are inverses, and a header that lies is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_ECN, GSO_TCPV4, GSO_TCPV6
from usernet.core.packet import Packet
from usernet.wire.virtio import HEADER_LEN, emit, parse


def packet_of(size: int, head: int = 32) -> Packet:
    return Packet(bytearray(head + size), head, head + size)


def header(flags: int, kind: int, hdr_len: int, gso_size: int, start: int, offset: int) -> bytearray:
    return bytearray(struct.pack("<BBHHHH", flags, kind, hdr_len, gso_size, start, offset))


def test_a_plain_frame_has_a_header_of_zeros() -> None:
    into = bytearray(b"\xff" * 10)
    emit(into, packet_of(60))
    assert into == bytes(HEADER_LEN)


def test_a_super_segment_says_all_the_kernel_needs() -> None:
    packet = packet_of(5000, head=96)
    packet.l3, packet.l4 = 96 + 14, 96 + 34
    packet.buf[packet.l4 + 12] = 0x80
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, packet.l4, 16
    packet.gso_type, packet.gso_size = GSO_TCPV4 | GSO_ECN, 1448
    into = bytearray(12)
    emit(into, packet)
    assert into == header(1, 0x81, 66, 1448, 34, 16) + b"\0\0"


@pytest.mark.parametrize("kind", [0, GSO_TCPV4, GSO_TCPV6, GSO_TCPV4 | GSO_ECN])
def test_parse_is_the_inverse_of_emit(kind: int) -> None:
    packet = packet_of(3000)
    packet.l3, packet.l4 = 32 + 14, 32 + 34
    packet.buf[packet.l4 + 12] = 0x50
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, packet.l4, 16
    packet.gso_type, packet.gso_size = kind, 1000 if kind else 0
    into = bytearray(10)
    emit(into, packet)
    got = packet_of(3000)
    assert parse(into, got)
    for name in ("csum", "csum_start", "csum_offset", "gso_type", "gso_size"):
        assert getattr(got, name) == getattr(packet, name), name


def test_checksum_states() -> None:
    for flags, state in ((0, CSUM_NONE), (1, CSUM_PARTIAL), (2, CSUM_UNNECESSARY), (3, CSUM_PARTIAL)):
        packet = packet_of(100)
        assert parse(header(flags, 0, 0, 0, 34, 16), packet)
        assert packet.csum == state


@pytest.mark.parametrize(
    "lie",
    [
        header(1, 0, 0, 0, 98, 1),  # checksum past the end
        header(1, 0, 0, 0, 0xFFFF, 0xFFFF),
        header(1, 1, 54, 0, 34, 16),  # super-segment of size 0
        header(0, 1, 54, 1000, 0, 0),  # with no checksum to complete
        header(1, 3, 54, 1000, 34, 6),  # UDP fragmentation
        header(1, 5, 54, 1000, 34, 6),  # UDP segmentation
        header(1, 0x80, 54, 1000, 34, 6),  # ECN of nothing
    ],
)
def test_a_header_that_lies_is_refused(lie: bytearray) -> None:
    assert not parse(lie, packet_of(100))


@given(st.binary(min_size=10, max_size=12), st.integers(0, 200))
def test_arbitrary_headers_never_raise_nor_point_outside(octets: bytes, size: int) -> None:
    packet = packet_of(size)
    if parse(bytearray(octets), packet) and packet.csum == CSUM_PARTIAL:
        assert packet.head <= packet.csum_start
        assert packet.csum_start + packet.csum_offset + 2 <= packet.tail
