import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.ip.address import broadcast_of, format_cidr, format_ip, network_of, parse_cidr, parse_ip, parse_ipv4

octets = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)


@given(octets)
def test_text_and_octets_are_inverses(address: bytes) -> None:
    assert parse_ip(format_ip(address)) == address


@given(st.binary(min_size=4, max_size=4), st.integers(0, 32))
def test_cidr_text_and_octets_are_inverses(address: bytes, prefixlen: int) -> None:
    assert parse_cidr(format_cidr(address, prefixlen)) == (address, prefixlen)


@given(st.binary(min_size=4, max_size=4), st.integers(0, 32))
def test_network_and_broadcast_enclose_the_address(address: bytes, prefixlen: int) -> None:
    broadcast = broadcast_of(address, prefixlen)
    assert network_of(address, prefixlen) <= address
    assert (broadcast is None) == (prefixlen >= 31)
    assert broadcast is None or broadcast >= address


def test_an_address_without_a_length_is_a_host() -> None:
    assert parse_cidr("10.0.0.1") == (b"\x0a\0\0\x01", 32)
    assert parse_cidr("fe80::1")[1] == 128


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "x/8"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_cidr(text)


def test_parse_ipv4_takes_no_ipv6() -> None:
    with pytest.raises(ValueError):
        parse_ipv4("::1")
