"""The Internet checksum against the definition in RFC 1071, and its algebra."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.core.checksum import checksum, checksum_adjust, pseudo_sum, sum16, swap
from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY
from usernet.core.packet import Packet, View

octets = st.binary(max_size=300)
sums = st.integers(0, 0xFFFF)


def naive(data: bytes, acc: int = 0) -> int:
    for i in range(0, len(data), 2):
        acc += (data[i] << 8) + (data[i + 1] if i + 1 < len(data) else 0)
    while acc > 0xFFFF:
        acc = (acc & 0xFFFF) + (acc >> 16)
    return acc


def same(a: int, b: int) -> bool:
    # 0 and 0xFFFF are the two zeros of one's complement.
    return a % 0xFFFF == b % 0xFFFF


def test_rfc1071_section_3_example() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert sum16(data, 0, 8, 0) == 0xDDF2
    assert checksum(data, 0, 8, 0) == 0x220D


@pytest.mark.parametrize("size", [*range(20), 1459, 1460, 65534, 65535])
def test_sum_of_all_ones_and_of_zeros(size: int) -> None:
    assert sum16(b"\xff" * size, 0, size, 0) == naive(b"\xff" * size)
    assert sum16(bytes(size), 0, size, 0) == 0


@given(octets, sums, st.data())
def test_sum_is_the_definition_at_any_offset(data: bytes, acc: int, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, len(data)))
    assert sum16(data, start, end, acc) == naive(data[start:end], acc)
    assert sum16(bytearray(data), start, end, acc) == naive(data[start:end], acc)
    assert checksum(data, start, end, acc) == naive(data[start:end], acc) ^ 0xFFFF


@given(octets)
def test_a_message_with_its_checksum_verifies(data: bytes) -> None:
    data += bytes(len(data) & 1)
    whole = data + struct.pack("!H", checksum(data, 0, len(data), 0))
    assert checksum(whole, 0, len(whole), 0) == 0


@given(octets, octets)
def test_pieces_add_up_when_odd_ones_are_swapped(first: bytes, second: bytes) -> None:
    acc = sum16(first, 0, len(first), 0)
    part = sum16(second, 0, len(second), 0)
    total = acc + (swap(part) if len(first) & 1 else part)
    assert same(total, naive(first + second))


@given(st.binary(min_size=8, max_size=8), st.integers(0, 255), st.integers(0, 0x1FFFF))
def test_ipv4_pseudo_header(addresses: bytes, protocol: int, length: int) -> None:
    written = addresses + struct.pack("!LHBB", length, 0, 0, protocol)
    assert same(pseudo_sum(b"\0\0\0" + addresses, 3, 4, protocol, length), naive(written))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 255), st.integers(0, 0xFFFF))
def test_ipv6_pseudo_header_of_rfc8200_8_1(addresses: bytes, protocol: int, length: int) -> None:
    written = addresses + struct.pack("!LHBB", length, 0, 0, protocol)
    assert same(pseudo_sum(addresses, 0, 16, protocol, length), naive(written))


def test_rfc1624_section_4_example() -> None:
    assert checksum_adjust(0xDD2F, 0x5555, 0x3285) == 0x0000


@given(st.binary(min_size=2, max_size=60).filter(lambda b: len(b) % 2 == 0 and any(b)), st.data())
def test_rfc1624_adjusting_equals_summing_again(data: bytes, draw: st.DataObject) -> None:
    at = 2 * draw.draw(st.integers(0, len(data) // 2 - 1))
    new = draw.draw(sums)
    changed = data[:at] + struct.pack("!H", new) + data[at + 2 :]
    adjusted = checksum_adjust(checksum(data, 0, len(data), 0), struct.unpack_from("!H", data, at)[0], new)
    assert same(adjusted, checksum(changed, 0, len(changed), 0))


@given(octets, st.lists(octets, max_size=5), st.integers(0, 7), sums)
def test_packet_sum_runs_across_odd_linear_part_and_odd_frags(
    linear: bytes, frags: list[bytes], start: int, acc: int
) -> None:
    packet = Packet(bytearray(bytes(8) + linear), 8, 8 + len(linear))
    for piece in frags:
        packet.add_frag(View(b"x" + piece + b"y", 1, 1 + len(piece)))
    assert same(packet.sum_from(8 - start, acc), naive(bytes(start) + linear + b"".join(frags), acc))


@given(octets, st.lists(octets, max_size=4))
def test_completing_a_partial_checksum_makes_it_verify(payload: bytes, frags: list[bytes]) -> None:
    pseudo = 0x1234
    header = bytearray(b"\x12\x34\x56\x78" + struct.pack("!H", pseudo) + b"\0\0")
    packet = Packet(header + payload, 0, len(header) + len(payload))
    for piece in frags:
        packet.add_frag(View(piece, 0, len(piece)))
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, 0, 4
    packet.complete_checksum()
    assert packet.csum == CSUM_UNNECESSARY
    assert naive(packet.tobytes(), pseudo) == 0xFFFF


@pytest.mark.parametrize(("offset", "wanted"), [(6, b"\xff\xff"), (16, b"\0\0")], ids=["udp", "tcp"])
def test_rfc768_a_checksum_of_zero_is_sent_as_ones_by_udp_alone(offset: int, wanted: bytes) -> None:
    packet = Packet(bytearray(b"\xff" * offset + bytes(2)), 0, offset + 2)
    packet.csum, packet.csum_start, packet.csum_offset = CSUM_PARTIAL, 0, offset
    packet.complete_checksum()
    assert packet.tobytes()[offset:] == wanted


def test_completing_leaves_a_finished_packet_alone() -> None:
    packet = Packet(bytearray(8), 0, 8)
    packet.complete_checksum()
    assert packet.csum == CSUM_NONE
    assert packet.tobytes() == bytes(8)
