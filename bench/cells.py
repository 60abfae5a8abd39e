"""The cells of the matrix: round-trip times, what the network does to the data, and the box's words for both.

The bottleneck is RATE with a buffer of one bandwidth-delay product (MIN_BUFFER packets at least). The round trip is
split over both directions; loss and reordering meet the data only, since a lost ACK tells little of the sender.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from usernet.core.packet import Packet
from usernet.link.device import Device, Tap

RATE_MBIT = 50
# Octets of a full frame, as the bottleneck counts them.
FRAME = 1514
MIN_BUFFER = 64
RTTS = (1, 20, 100, 300)
CONDITIONS = ("0", "0.1", "1", "3", "10", "reorder")
# Long enough for slow start to be a small part of the run.
SECONDS = {1: 4.0, 20: 6.0, 100: 10.0, 300: 20.0}
# Both stacks alike: the window is the network's to limit.
RMEM = "4096 131072 16777216"
WMEM = "4096 16384 16777216"


@dataclass(frozen=True)
class Cell:
    """One cell. ``condition`` is the loss in per cent, or ``reorder`` for one packet in a hundred going ahead."""

    rtt_ms: int
    condition: str

    @property
    def name(self) -> str:
        return f"{self.rtt_ms}ms/{self.condition if self.condition == 'reorder' else self.condition + '%'}"

    @property
    def alone(self) -> bool:
        """No other network may run beside it: what comes first is a matter of microseconds, and so is a processor's."""
        return self.condition == "reorder"

    @property
    def seconds(self) -> float:
        return SECONDS.get(self.rtt_ms, 10.0)

    def data_words(self, seed: int) -> str:
        """netem's words for the direction of the data."""
        packets = RATE_MBIT * 1e6 / 8 / FRAME * self.rtt_ms / 1e3
        limit = round(packets / 2 + max(MIN_BUFFER, packets))  # what the delay holds counts too
        words = f"delay {self.rtt_ms / 2}ms rate {RATE_MBIT}mbit limit {limit} seed {seed}"
        if self.condition == "reorder":
            return words + " reorder 1%"
        return words + f" loss {self.condition}%"

    def ack_words(self) -> str:
        """netem's words for the way back."""
        return f"delay {self.rtt_ms / 2}ms limit 1000000"


def cells(wanted: list[str]) -> list[Cell]:
    """The cells named by one of the words (``300ms``, ``1%``, ``20ms/reorder``); no words, all of them."""
    every = [Cell(rtt, condition) for rtt in RTTS for condition in CONDITIONS]
    if not wanted:
        return every
    return [cell for cell in every if any(word in (cell.name, *cell.name.split("/")) for word in wanted)]


class Meter(Tap):
    """Counts a direction's TCP data as it enters the box: what was sent, and what of it had been sent before."""

    def __init__(self, outgoing: bool) -> None:
        self._outgoing = outgoing
        self._highest: dict[tuple[int, int], int] = {}
        self.octets = self.again = self.segments = self.segments_again = 0

    def frame(self, device: Device, packet: Packet, outgoing: bool, now: int) -> None:
        """One frame; IPv4 and TCP or not ours to count."""
        buf, at = packet.buf, packet.head + 14
        if outgoing != self._outgoing or buf[at - 2 : at] != b"\x08\x00" or buf[at + 9] != 6:
            return
        header = (buf[at] & 15) * 4
        total = int.from_bytes(buf[at + 2 : at + 4], "big") if not packet.gso_size else packet.length() - 14
        sport, dport, seq = struct.unpack_from("!HHI", buf, at + header)
        length = total - header - (buf[at + header + 12] >> 4) * 4
        if length <= 0:
            return
        segments = -(-length // packet.gso_size) if packet.gso_size else 1
        end = (seq + length) & 0xFFFFFFFF
        highest = self._highest.get((sport, dport), seq)
        new = (end - highest) & 0xFFFFFFFF
        if new >= 1 << 31:
            new = 0
        else:
            self._highest[sport, dport] = end
        self.octets += length
        self.segments += segments
        if new < length:
            self.again += length - new
            self.segments_again += -(-segments * (length - new) // length)
