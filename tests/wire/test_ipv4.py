from hypothesis import given
from hypothesis import strategies as st

from usernet.wire.ip_const import (
    HEADER_BAD_CHECKSUM,
    HEADER_MALFORMED,
    HEADER_OK,
    HEADER_TRUNCATED,
    OPTIONS_PLAIN,
    OPTIONS_SOURCE_ROUTE,
)
from usernet.wire.ipv4 import Ipv4Header, copied_options, fix_checksum, scan_options

octet = st.integers(0, 255)
word = st.integers(0, 0xFFFF)
address = st.integers(0, 0xFFFFFFFF)
FIELDS = ("tos", "total_length", "ident", "df", "mf", "offset", "ttl", "protocol", "src", "dst")


every_field = st.tuples(
    octet, st.integers(20, 0xFFFF), word, st.booleans(), st.booleans(), st.integers(0, 0x1FFF), octet, octet, address,
    address,
)  # fmt: skip


@given(every_field, st.integers(0, 50))
def test_parse_and_emit_are_inverses(values: tuple[int, ...], at: int) -> None:
    header = Ipv4Header()
    fields = list(values)
    fields[5] *= 8
    for name, value in zip(FIELDS, fields, strict=True):
        setattr(header, name, value)
    buf = bytearray(at + 20)
    header.emit(buf, at)
    again = Ipv4Header()
    assert again.parse(buf, at, len(buf)) == HEADER_OK
    assert [getattr(again, name) for name in FIELDS] == fields
    assert again.hlen == 20


@given(st.binary(max_size=80))
def test_random_octets_never_raise(octets: bytes) -> None:
    header = Ipv4Header()
    assert header.parse(octets, 0, len(octets)) in range(4)
    assert header.parse_quoted(octets, 0, len(octets)) in range(3)
    scan_options(octets, 0, len(octets))


# The header of a ping as tcpdump shows it everywhere: 172.16.10.99 to 172.16.10.12.
EXAMPLE = bytes.fromhex("4500003c1c4640004006b1e6ac100a63ac100a0c")


def test_a_known_header_reads_and_writes_the_same() -> None:
    header = Ipv4Header()
    assert header.parse(EXAMPLE, 0, 20) == HEADER_OK
    assert (header.total_length, header.ident, header.df, header.ttl, header.protocol) == (60, 0x1C46, True, 64, 6)
    assert (header.src, header.dst) == (0xAC100A63, 0xAC100A0C)
    out = bytearray(20)
    header.emit(out, 0)
    assert out == EXAMPLE


def test_one_flipped_bit_fails_the_checksum() -> None:
    header = Ipv4Header()
    for bit in range(8, 160):
        bad = bytearray(EXAMPLE)
        bad[bit // 8] ^= 0x80 >> bit % 8
        assert header.parse(bad, 0, 20) == HEADER_BAD_CHECKSUM


def test_rfc1122_3_2_1_1_another_version_is_malformed() -> None:
    assert Ipv4Header().parse(b"\x65" + EXAMPLE[1:], 0, 20) == HEADER_MALFORMED


def test_a_header_longer_than_the_packet_is_truncated() -> None:
    assert Ipv4Header().parse(b"\x46" + EXAMPLE[1:], 0, 20) == HEADER_TRUNCATED
    assert Ipv4Header().parse(EXAMPLE, 0, 19) == HEADER_TRUNCATED


def test_a_total_length_below_the_header_is_malformed() -> None:
    bad = bytearray(EXAMPLE)
    bad[2:4] = b"\0\x13"
    fix_checksum(bad, 0)
    assert Ipv4Header().parse(bad, 0, 20) == HEADER_MALFORMED


def test_a_quoted_header_may_have_a_wrong_checksum() -> None:
    quoted = bytearray(EXAMPLE)
    quoted[8] -= 1
    header = Ipv4Header()
    assert header.parse_quoted(quoted, 0, 20) == HEADER_OK
    assert header.ttl == 63


def test_options_without_duties_are_plain() -> None:
    for options in ("01010101", "940400000000", "0704040000000000", "4408050000000000", "e0040000", "00ffffff"):
        octets = bytes.fromhex(options)
        assert scan_options(octets, 0, len(octets)) == OPTIONS_PLAIN, options


def test_both_source_routes_are_seen() -> None:
    for kind in (131, 137):
        octets = bytes([1, kind, 7, 4, 10, 0, 0, 9])
        assert scan_options(octets, 0, 8) == OPTIONS_SOURCE_ROUTE


def test_malformed_options_point_at_what_is_wrong() -> None:
    for options, at in (("01070", 2), ("0101ff", 3), ("8201", 1), ("82050000", 1), ("07030300", 2), ("8302", 1)):
        octets = bytes.fromhex(options + "0" * (len(options) % 2))
        assert scan_options(octets[: len(options) // 2], 0, len(options) // 2) == at, options


def test_rfc791_only_options_with_the_copied_flag_go_into_later_fragments() -> None:
    record_route = bytes([7, 7, 4, 0, 0, 0, 0])
    router_alert = bytes([148, 4, 0, 0])
    assert copied_options(b"\x01" + record_route + router_alert) == router_alert
    assert copied_options(record_route + b"\x00") == b""
    assert copied_options(bytes([130, 3, 9])) == bytes([130, 3, 9, 0])
