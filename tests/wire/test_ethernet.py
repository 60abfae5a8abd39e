from hypothesis import given
from hypothesis import strategies as st

from usernet.wire.ethernet import emit_ethernet, is_group, multicast_ethernet, parse_ethernet

addresses = st.binary(min_size=6, max_size=6)


@given(addresses, addresses, st.integers(0, 0xFFFF), st.binary(max_size=20))
def test_parse_and_emit_are_inverses(destination: bytes, source: bytes, ether_type: int, before: bytes) -> None:
    frame = before + emit_ethernet(destination, source, ether_type)
    assert parse_ethernet(frame, len(before), len(frame)) == ether_type
    assert frame[len(before) :][:12] == destination + source


@given(st.binary(max_size=13))
def test_a_frame_shorter_than_its_header_is_none(octets: bytes) -> None:
    assert parse_ethernet(octets, 0, len(octets)) == -1


def test_rfc1112_6_4_groups_map_by_their_low_23_bits() -> None:
    assert multicast_ethernet(bytes([224, 0, 0, 1])).hex(":") == "01:00:5e:00:00:01"
    assert multicast_ethernet(bytes([239, 129, 2, 3])).hex(":") == "01:00:5e:01:02:03"


def test_the_first_bit_on_the_wire_means_a_group() -> None:
    assert is_group(b"\xff" * 6)
    assert is_group(multicast_ethernet(bytes([224, 0, 0, 1])))
    assert not is_group(b"\x02\0\0\0\0\x01")
