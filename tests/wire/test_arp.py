from hypothesis import given
from hypothesis import strategies as st

from usernet.wire.arp import ArpMessage, emit_arp, parse_arp

hardware = st.binary(min_size=6, max_size=6)
protocol = st.binary(min_size=4, max_size=4)
messages = st.builds(ArpMessage, st.integers(0, 0xFFFF), hardware, protocol, hardware, protocol)


@given(messages, st.binary(max_size=18))
def test_parse_and_emit_are_inverses_and_padding_is_ignored(message: ArpMessage, padding: bytes) -> None:
    assert parse_arp(emit_arp(message) + padding) == message


@given(messages, st.integers(0, 27))
def test_a_message_cut_short_is_none(message: ArpMessage, size: int) -> None:
    assert parse_arp(emit_arp(message)[:size]) is None


@given(st.binary(max_size=64))
def test_random_octets_never_raise(octets: bytes) -> None:
    parse_arp(octets)


def test_rfc826_layout() -> None:
    request = ArpMessage(1, b"\x02\0\0\0\0\x01", bytes([10, 0, 0, 1]), bytes(6), bytes([10, 0, 0, 2]))
    assert emit_arp(request).hex() == "0001080006040001" + "020000000001" + "0a000001" + "000000000000" + "0a000002"


def test_other_hardware_and_protocols_are_not_ours() -> None:
    good = bytearray(emit_arp(ArpMessage(1, bytes(6), bytes(4), bytes(6), bytes(4))))
    for at in (1, 2, 4, 5):
        bad = bytearray(good)
        bad[at] ^= 1
        assert parse_arp(bad) is None
