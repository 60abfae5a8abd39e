"""pcapng blocks: what is written reads back, and octets that are no blocks are refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.wire import pcapng


def packet_block(number: int, time_ns: int, octets: bytes, direction: int) -> bytes:
    before, behind = pcapng.packet(number, time_ns, len(octets), direction)
    return before + octets + behind


def test_a_section_says_its_byte_order_and_who_wrote_it() -> None:
    [(kind, body)] = pcapng.parse_blocks(pcapng.section("usernet 1"))
    assert kind == pcapng.BLOCK_SECTION
    assert struct.unpack("<IHHq", body[:16]) == (0x1A2B3C4D, 1, 0, -1)
    assert pcapng.parse_options(body[16:]) == {pcapng.OPT_SHB_USERAPPL: b"usernet 1"}


def test_an_interface_says_name_address_and_nanoseconds() -> None:
    [(kind, body)] = pcapng.parse_blocks(pcapng.interface("tap0", pcapng.LINKTYPE_ETHERNET, b"\x02abcde"))
    assert kind == pcapng.BLOCK_INTERFACE
    assert struct.unpack("<HHI", body[:8]) == (1, 0, 0)
    assert pcapng.parse_options(body[8:]) == {
        pcapng.OPT_IF_NAME: b"tap0",
        pcapng.OPT_IF_MACADDR: b"\x02abcde",
        pcapng.OPT_IF_TSRESOL: b"\x09",
    }


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=70),
    st.sampled_from([1, 2]),
)
def test_a_packet_reads_back(number: int, time_ns: int, octets: bytes, direction: int) -> None:
    [(kind, body)] = pcapng.parse_blocks(packet_block(number, time_ns, octets, direction))
    assert kind == pcapng.BLOCK_PACKET
    options = {pcapng.OPT_EPB_FLAGS: struct.pack("<I", direction)}
    assert pcapng.parse_packet(body) == (number, time_ns, octets, options)


@pytest.mark.parametrize(
    "octets", [b"\x06", pcapng.section("x")[:-4], pcapng.section("x")[:-1] + b"\xff", b"\x06\0\0\0\x0b\0\0\0\x0b\0\0\0"]
)
def test_what_is_no_block_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="pcapng"):
        pcapng.parse_blocks(octets)


@given(st.binary(max_size=80))
def test_arbitrary_octets_are_parsed_or_refused(octets: bytes) -> None:
    for parse in (pcapng.parse_blocks, pcapng.parse_packet, pcapng.parse_options):
        try:
            parse(octets)
        except ValueError as error:
            assert "pcapng" in str(error)
