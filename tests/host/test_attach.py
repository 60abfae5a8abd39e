"""Attaching a device to a stack."""

from __future__ import annotations

import os

from usernet.core.packet import Packet
from usernet.host import Host, Stack
from usernet.link.device import Device
from usernet.wire.arp import ArpMessage, parse_arp
from usernet.wire.ip_const import ARPOP_REQUEST


class Wire(Device):
    """A device with a descriptor that keeps what is sent."""

    __slots__ = ("ends", "frames")

    def __init__(self) -> None:
        super().__init__("wire0", "tap", 1500, bytes.fromhex("020000000001"))
        self.ends = os.pipe()
        self.frames: list[bytes] = []

    def fileno(self) -> int:
        return self.ends[0]

    def transmit(self, packet: Packet, now: int) -> bool:
        self.frames.append(packet.tobytes())
        return True

    def close(self) -> None:
        for end in self.ends:
            os.close(end)


def test_rfc5227_2_3_an_address_on_a_wire_is_announced() -> None:
    host = Host("realtime")
    wire = Wire()
    Stack("a", host).attach(wire, address="10.9.0.2/24")
    ours = bytes((10, 9, 0, 2))
    assert [frame[:6] for frame in wire.frames] == [b"\xff" * 6]
    assert parse_arp(wire.frames[0][14:]) == ArpMessage(ARPOP_REQUEST, wire.address, ours, bytes(6), ours)
    host.close()
