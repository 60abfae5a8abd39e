"""Where urgent data stands in both directions; urgent.py works with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython

NONE = 0
NOT_YET = 1  # the pointer came, its octet did not
VALID = 2
READ = 3


class Urgent:
    """``snd_up`` is one past what we sent as urgent; ``seq`` is the number of the peer's urgent octet, ``octet`` it."""

    __slots__ = ("is_sending", "octet", "seq", "snd_up", "state")

    def __init__(self, snd_una: cython.uint) -> None:
        self.is_sending = False
        self.snd_up = snd_una
        self.state = NONE
        self.seq = 0
        self.octet = 0
