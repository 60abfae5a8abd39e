"""UDP header (RFC 768)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.core.checksum import sum16
from usernet.core.const import CSUM_PARTIAL, CSUM_UNNECESSARY
from usernet.core.packet import Packet
from usernet.wire.udp import UdpHeader, pseudo_check, trim, verify

PORT = st.integers(0, 0xFFFF)
SRC, DST = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 7])


@given(sport=PORT, dport=PORT, length=st.integers(8, 0xFFFF), check=PORT, at=st.integers(0, 9))
def test_parse_inverts_emit(sport: int, dport: int, length: int, check: int, at: int) -> None:
    header = UdpHeader()
    header.sport, header.dport, header.length, header.check = sport, dport, length, check
    buf = bytearray(at + 8)
    header.emit(buf, at)
    back = UdpHeader()
    assert back.parse(buf, at, len(buf), at + length)
    assert (back.sport, back.dport, back.length, back.check) == (sport, dport, length, check)


@pytest.mark.parametrize("size", range(8))
def test_a_truncated_header_is_refused(size: int) -> None:
    assert not UdpHeader().parse(bytes(size), 0, size, size)


@pytest.mark.parametrize(("length", "came", "good"), [(7, 8, False), (8, 8, True), (9, 8, False), (8, 20, True)])
def test_the_length_field_may_not_pass_what_came(length: int, came: int, good: bool) -> None:
    buf = bytes([0, 1, 0, 2]) + length.to_bytes(2, "big") + bytes(2)
    assert UdpHeader().parse(buf, 0, 8, came) is good


def datagram(payload: bytes, partial: bool = False) -> Packet:
    """A received packet whose buf holds source, destination and datagram."""
    buf = bytearray(SRC + DST + bytes(8) + payload)
    header = UdpHeader()
    header.sport, header.dport, header.length = 5353, 53, 8 + len(payload)
    header.check = pseudo_check(sum16(buf, 0, 8, 0), header.length)
    header.emit(buf, 8)
    packet = Packet(buf, 8, len(buf))
    packet.l4 = packet.csum_start = 8
    packet.csum_offset = 6
    packet.csum = CSUM_PARTIAL
    packet.addr_len = 4
    if not partial:
        packet.complete_checksum()
        packet.csum = 0
    return packet


def parsed(packet: Packet) -> UdpHeader:
    header = UdpHeader()
    assert header.parse(packet.buf, packet.l4, packet.tail, packet.tail + packet.frags_len)
    return header


@given(st.binary(max_size=200))
def test_a_completed_checksum_verifies(payload: bytes) -> None:
    packet = datagram(payload)
    assert verify(packet, parsed(packet))


@given(st.binary(min_size=1, max_size=50), st.data())
def test_one_changed_octet_is_noticed(payload: bytes, data: st.DataObject) -> None:
    packet = datagram(payload)
    header = parsed(packet)
    at = data.draw(st.integers(16, len(packet.buf) - 1))
    packet.buf[at] ^= data.draw(st.integers(1, 255))
    assert not verify(packet, header)


def test_checksum_zero_means_none_in_ipv4_only() -> None:
    packet = datagram(b"x")
    packet.buf[14:16] = bytes(2)
    assert verify(packet, parsed(packet))
    packet.addr_len = 16
    assert not verify(packet, parsed(packet))


def test_a_partial_or_verified_checksum_is_not_computed() -> None:
    packet = datagram(b"x", partial=True)
    assert verify(packet, parsed(packet))
    packet.csum = CSUM_UNNECESSARY
    assert verify(packet, parsed(packet))


def test_what_follows_the_datagram_is_cut() -> None:
    packet = datagram(b"abc")
    packet.buf += bytes(5)
    packet.tail += 5
    trim(packet, 11)
    assert bytes(packet.buf[packet.l4 + 8 : packet.tail]) == b"abc"
    assert verify(packet, parsed(packet))


def test_a_sum_of_zero_is_sent_as_ones() -> None:
    # RFC 768: an all-zero transmitted checksum means that none was computed.
    for filler in range(0x10000):
        packet = datagram(filler.to_bytes(2, "big"), partial=True)
        if packet.sum_from(8, 0) == 0xFFFF:
            packet.complete_checksum()
            assert packet.buf[14:16] == b"\xff\xff"
            break
    else:
        pytest.fail("no payload sums to zero")
