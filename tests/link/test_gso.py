"""Segmentation of super-segments, each piece checked as a receiver would."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY
from usernet.core.packet import Packet
from usernet.link.gso import find_tcp, segment

from .frames import ACK, CWR, FIN, OPTIONS, PSH, V4, ipv4_header, plain, pseudo, super_segment, take_apart, tcp_header

PAYLOAD = bytes(i * 7 & 0xFF for i in range(10000))


def finished(piece: Packet) -> bytes:
    assert piece.csum == CSUM_PARTIAL
    assert piece.gso_size == 0
    piece.complete_checksum()
    return piece.tobytes()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("inline", [0, 3, 1448, 10000])
@pytest.mark.parametrize("ethernet", [True, False])
def test_pieces_carry_the_payload_in_order_with_true_headers(family: int, inline: int, ethernet: bool) -> None:
    packet = super_segment(PAYLOAD, family=family, inline=inline, ethernet=ethernet)
    link = 14 if ethernet else 0
    pieces = [take_apart(finished(piece), link=link) for piece in segment(packet, link)]
    assert [len(piece.payload) for piece in pieces] == [1448] * 6 + [1312]
    assert b"".join(piece.payload for piece in pieces) == PAYLOAD
    assert [piece.seq for piece in pieces] == [(0xFFFFFF00 + 1448 * i) & 0xFFFFFFFF for i in range(7)]
    assert all(piece.options == OPTIONS for piece in pieces)
    if family == 4:
        assert [piece.ident for piece in pieces] == [(0xFFFE + i) & 0xFFFF for i in range(7)]


def test_fin_and_psh_are_the_last_pieces_and_cwr_the_firsts() -> None:
    packet = super_segment(PAYLOAD[:4000], flags=FIN | PSH | ACK | CWR)
    flags = [take_apart(finished(piece)).flags for piece in segment(packet, 14)]
    assert flags == [ACK | CWR, ACK, ACK | PSH | FIN]


def test_payload_is_shared_not_copied() -> None:
    packet = super_segment(PAYLOAD, chunk=len(PAYLOAD))
    for piece in segment(packet, 14):
        assert piece.frags is not None
        assert all(view.base is PAYLOAD for view in piece.frags)
        assert piece.tail == len(piece.buf)


def test_offsets_of_a_piece_point_at_its_headers() -> None:
    packet = super_segment(PAYLOAD, ip_options=b"\x01\x01\x01\x00")
    piece = segment(packet, 14)[1]
    assert piece.l3 == piece.head + 14
    assert piece.l4 == piece.csum_start == piece.l3 + 24
    assert bytes(piece.buf[piece.addr_off : piece.addr_off + 2 * piece.addr_len]) == b"".join(V4)


def test_offsets_are_found_where_nobody_left_them() -> None:
    packet = super_segment(PAYLOAD)
    packet.l3 = packet.l4 = -1
    assert b"".join(take_apart(finished(piece)).payload for piece in segment(packet, 14)) == PAYLOAD


def test_ipv6_extension_headers_are_stepped_over() -> None:
    hop_by_hop_then_destination = bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 1, 1, 12]) + bytes(12)
    packet = super_segment(PAYLOAD, family=6, extension=hop_by_hop_then_destination)
    pieces = [take_apart(finished(piece), extension=24) for piece in segment(packet, 14)]
    assert b"".join(piece.payload for piece in pieces) == PAYLOAD


@pytest.mark.parametrize("state", [CSUM_UNNECESSARY, CSUM_NONE])
def test_pieces_are_partial_whatever_the_whole_was(state: int) -> None:
    packet = super_segment(PAYLOAD)
    packet.complete_checksum()
    packet.csum = state
    for piece in segment(packet, 14):
        take_apart(finished(piece))


def test_no_more_payload_than_one_mss_is_one_piece() -> None:
    packet = super_segment(PAYLOAD[:1448], flags=FIN | ACK | CWR)
    [piece] = segment(packet, 14)
    assert take_apart(finished(piece)).flags == FIN | ACK | CWR
    [empty] = segment(super_segment(b"", flags=FIN | ACK), 14)
    assert take_apart(finished(empty)).payload == b""


def test_metadata_goes_with_every_piece() -> None:
    packet = super_segment(PAYLOAD)
    packet.mark, packet.tos, packet.ttl, packet.df, packet.protocol, packet.timestamp = 7, 2, 61, True, 6, 99
    for piece in segment(packet, 14):
        assert (piece.mark, piece.tos, piece.ttl, piece.df, piece.protocol, piece.timestamp) == (7, 2, 61, True, 6, 99)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x45" + bytes(10),
        ipv4_header(60, 1, protocol=17) + bytes(40),
        b"\x44" + ipv4_header(60, 1)[1:] + tcp_header(1, ACK),  # IHL 4
        b"\x4f" + ipv4_header(60, 1)[1:] + tcp_header(1, ACK)[:20],  # options past the end
        ipv4_header(60, 1)[:6] + b"\x20\x00" + ipv4_header(60, 1)[8:] + tcp_header(1, ACK),  # more fragments
        ipv4_header(60, 1) + tcp_header(1, ACK)[:12] + b"\x40" + tcp_header(1, ACK)[13:],  # data offset 4
        ipv4_header(60, 1) + tcp_header(1, ACK)[:12] + b"\xf0" + tcp_header(1, ACK)[13:],  # header past the end
        b"\x60" + bytes(5) + b"\x00\x40" + bytes(32) + b"\x00\xff" + bytes(30),  # extension past the end
        b"\x60" + bytes(5) + b"\x2c\x40" + bytes(32) + bytes(40),  # a fragment header
        b"\x70" + bytes(80),
    ],
)
def test_headers_that_are_no_tcp_segment_give_nothing(octets: bytes) -> None:
    packet = plain(octets)
    packet.gso_type, packet.gso_size = 1, 500
    assert segment(packet, 0) == []


@given(st.binary(max_size=200), st.integers(0, 20), st.integers(0, 2000))
def test_arbitrary_octets_never_raise(octets: bytes, link: int, mss: int) -> None:
    packet = plain(octets)
    packet.gso_type, packet.gso_size = 1, mss
    segment(packet, link)
    assert find_tcp(packet.buf, link, packet.tail) <= packet.tail


@settings(max_examples=60)
@given(
    st.binary(max_size=3000), st.integers(1, 3000), st.sampled_from([4, 6]), st.integers(0, 3000), st.integers(1, 700)
)
def test_any_payload_and_mss_reassembles(payload: bytes, mss: int, family: int, inline: int, chunk: int) -> None:
    packet = super_segment(payload, mss=mss, family=family, inline=inline, chunk=chunk)
    pieces = [take_apart(finished(piece)) for piece in segment(packet, 14)]
    assert b"".join(piece.payload for piece in pieces) == payload
    assert len(pieces) == max(1, -(-len(payload) // mss))


def test_the_pseudo_header_sum_is_that_of_the_piece() -> None:
    piece = segment(super_segment(PAYLOAD), 14)[-1]
    field = piece.buf[piece.l4 + 16] << 8 | piece.buf[piece.l4 + 17]
    assert field == pseudo(b"".join(V4), 6, 32 + 1312)
