"""Where urgent data stands in both directions; urgent.py works with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import URG_NONE

if TYPE_CHECKING:
    import cython


class Urgent:
    """``snd_up`` is one past what we sent as urgent; ``seq`` is the number of the peer's urgent octet, ``octet`` it."""

    __slots__ = ("is_sending", "octet", "seq", "snd_up", "state")

    def __init__(self, snd_una: cython.uint) -> None:
        self.is_sending = False
        self.snd_up = snd_una
        self.state = URG_NONE
        self.seq = 0
        self.octet = 0
