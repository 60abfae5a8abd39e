"""The state of a tail loss probe (RFC 8985 7.1)."""

from __future__ import annotations


class LossProbe:
    """While ``is_open`` a probe is out: SND.NXT was ``end`` then; ``retransmitted``: the probe was old data."""

    __slots__ = ("end", "is_open", "retransmitted")

    def __init__(self) -> None:
        self.end = 0
        self.is_open = False
        self.retransmitted = False
