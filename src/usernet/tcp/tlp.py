"""The state of a tail loss probe (RFC 8985 7.1), and of its forerunner, the rescue (RFC 6675 4)."""

from __future__ import annotations


class LossProbe:
    """While ``is_open`` a probe is out: SND.NXT was ``end`` then; ``retransmitted``: the probe was old data.

    ``rescue_after`` is RFC 6675's RescueRxt: SND.UNA beyond it allows a rescue.
    """

    __slots__ = ("end", "is_open", "rescue_after", "retransmitted")

    def __init__(self) -> None:
        self.end = self.rescue_after = 0
        self.is_open = False
        self.retransmitted = False
