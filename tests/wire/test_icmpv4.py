from hypothesis import given
from hypothesis import strategies as st

from usernet.core.checksum import checksum
from usernet.wire.icmpv4 import IcmpMessage

octet = st.integers(0, 255)


@given(octet, octet, st.integers(0, 0xFFFFFFFF), st.binary(max_size=64), st.integers(0, 3))
def test_parse_and_emit_are_inverses(kind: int, code: int, rest: int, body: bytes, at: int) -> None:
    octets = bytes(at) + IcmpMessage(kind, code, rest).emit(body)
    again = IcmpMessage()
    assert again.parse(octets, at, len(octets))
    assert (again.kind, again.code, again.rest, octets[at + 8 :]) == (kind, code, rest, body)
    assert checksum(octets, at, len(octets), 0) == 0


@given(st.binary(max_size=7))
def test_a_message_cut_short_is_refused(octets: bytes) -> None:
    assert not IcmpMessage().parse(octets, 0, len(octets))


def test_rfc792_echo_layout() -> None:
    assert IcmpMessage(8, 0, 0x12340001).emit(b"ab").hex() == "080084681234000161" + "62"
