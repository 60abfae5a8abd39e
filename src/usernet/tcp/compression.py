"""Compressed ACKs: their state; delayed_ack.py decides (Linux's tcp_comp_sack_*)."""

from __future__ import annotations

from ..core.timers import Timer


class Compression:
    """ACKs of out-of-order text held back for a moment: one with all SACK blocks says as much as many.

    ``held`` ACKs are held back; ``sent`` were not since RCV.NXT was ``rcv_nxt``.
    """

    __slots__ = ("held", "rcv_nxt", "sent", "timer")

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self.held = 0
        self.sent = 0
        self.rcv_nxt = 0
