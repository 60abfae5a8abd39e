"""TCP header and options: parse and emit are inverses, and no option breaks anything."""

from hypothesis import given
from hypothesis import strategies as st

from usernet.core.packet import Packet
from usernet.wire.tcp import (
    Segment,
    emit,
    sack_option,
    seq_after,
    syn_options,
    timestamp_option,
    write_sack_header,
    write_timestamps,
    write_u32,
)  # fmt: skip

U32 = st.integers(0, 0xFFFFFFFF)
U16 = st.integers(0, 0xFFFF)
SYN = 2


def parsed(octets, flags=None):
    packet = Packet(bytearray(octets), 0, len(octets))
    packet.l4 = 0
    seg = Segment()
    assert seg.parse(packet)
    return seg


@given(U16, U16, U32, U32, st.integers(0, 255), U16, st.binary(max_size=50))
def test_what_is_emitted_is_parsed(sport, dport, seq, ack, flags, wnd, payload):
    seg = parsed(emit(sport, dport, seq, ack, flags, wnd, b"", payload))
    assert (seg.sport, seg.dport, seg.seq, seg.ack, seg.flags, seg.wnd) == (sport, dport, seq, ack, flags, wnd)
    assert seg.length == len(payload) and seg.data == 20
    assert seg.end_seq == (seq + len(payload) + (flags & 1) + (flags >> 1 & 1)) & 0xFFFFFFFF


@given(U16, st.integers(-1, 14), st.booleans(), st.none() | st.tuples(U32, U32))
def test_syn_options_round_trip(mss, wscale, sack, stamps):
    seg = parsed(emit(1, 2, 3, 4, SYN, 5, syn_options(mss, wscale, sack, stamps)))
    assert (seg.mss, seg.wscale, seg.sack_permitted) == (mss, wscale, sack)
    assert seg.ts_ok == (stamps is not None) and (stamps is None or (seg.tsval, seg.tsecr) == stamps)


@given(st.lists(st.tuples(U32, U32), min_size=1, max_size=4))
def test_sack_blocks_round_trip(blocks):
    seg = parsed(emit(1, 2, 3, 4, 16, 5, sack_option(blocks)))
    assert [(seg.sack_left[i], seg.sack_right[i]) for i in range(seg.sack_count)] == blocks


def test_syn_means_something_only_on_a_syn():
    options = syn_options(1400, 7, True, None)
    seg = parsed(emit(1, 2, 3, 4, 16, 5, options))
    assert (seg.mss, seg.wscale, seg.sack_permitted) == (0, -1, False)


def test_one_object_forgets_the_segment_before():
    seg = Segment()
    for octets in (
        emit(1, 2, 3, 4, SYN, 5, syn_options(1400, 7, True, (1, 2))),
        emit(1, 2, 3, 4, SYN, 5),
    ):
        packet = Packet(bytearray(octets), 0, len(octets))
        packet.l4 = 0
        assert seg.parse(packet)
    assert (seg.mss, seg.wscale, seg.sack_permitted, seg.ts_ok, seg.fastopen) == (0, -1, False, False, None)


def test_fast_open_cookie_is_kept_and_unknown_options_are_skipped():
    options = bytes((253, 4, 1, 2, 34, 6)) + b"cook" + bytes((2, 4, 5, 180))
    seg = parsed(emit(1, 2, 3, 4, SYN, 5, options))
    assert seg.fastopen == b"cook" and seg.mss == 1460


def test_rfc7323_2_3_a_shift_over_14_is_14():
    assert parsed(emit(1, 2, 3, 4, SYN, 5, b"\3\3\xff")).wscale == 14


def test_options_of_the_wrong_length_are_ignored():
    for bad in (b"\2\3\1", b"\3\4\1\1", b"\4\3\1", b"\5\7\1\1\1\1\1", b"\10\3\1", b"\2", b"\2\0", b"\2\xff"):
        seg = parsed(emit(1, 2, 3, 4, SYN, 5, bad))
        assert (seg.mss, seg.wscale, seg.sack_permitted, seg.sack_count, seg.ts_ok) == (0, -1, False, 0, False)


@given(st.binary(max_size=80))
def test_no_octets_raise(octets):
    packet = Packet(bytearray(octets), 0, len(octets))
    packet.l4 = 0
    seg = Segment()
    if seg.parse(packet):
        assert 0 <= seg.length <= len(octets) - 20


def test_writers_match_the_bytes_builders():
    buf = bytearray(12)
    write_timestamps(buf, 0, 0xFFFFFFFE, 7)
    assert bytes(buf) == timestamp_option(0xFFFFFFFE, 7)
    write_sack_header(buf, 0, 1)
    write_u32(buf, 4, 0xDEADBEEF)
    write_u32(buf, 8, 0xFFFFFFFF)
    assert bytes(buf) == sack_option([(0xDEADBEEF, 0xFFFFFFFF)])


def test_seq_after_wraps():
    assert seq_after(0xFFFFFFFF, 0, SYN) == 0 and seq_after(0xFFFFFFFE, 3, 3) == 3
