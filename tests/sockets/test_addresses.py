"""Address literals."""

from __future__ import annotations

import socket

import pytest

from usernet.sockets.address import host_octets, ipv4_number

TEXTS = (
    "0.0.0.0", "1.2.3.4", "255.255.255.255", "10.0.0.1", "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4.", ".1.2.3.4",
    "1..2.3", "1.2.3.256", "1.2.3.1000", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "1.2.3.+4",
    "1.2.3.4a", "0x1.2.3.4", "1.2.3.1_0", "\u0661.2.3.4", "1.2.3.99999999999999999999", "1.1.1.1.1.1.1.1.1.1",
    "localhost", "1.2.3.4\n",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_dotted_quad_is_read_as_inet_pton_reads_it(text: str) -> None:
    try:
        wanted = int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError):
        wanted = -1
    assert ipv4_number(text) == wanted
    if wanted >= 0:
        assert host_octets(socket.AF_INET, text) == wanted.to_bytes(4, "big")
