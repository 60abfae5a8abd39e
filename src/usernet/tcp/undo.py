"""What must be known to take back a reduction that proved needless (RFC 3522, RFC 4015, RFC 3708, RFC 5682)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class Undo:
    """One connection's memory of the reduction under way.

    While ``is_open``, it can be undone: ``marker`` was SND.UNA when it began, ``retransmitted`` counts segments sent
    again since and not reported as duplicates, -1 while none was; 0 proves that all of them were needless.
    ``prior_ssthresh`` is what ssthresh was, 0 where the reduction must stand. ``frto``: a timeout is under examination.
    """

    __slots__ = ("frto", "is_open", "marker", "prior_ssthresh", "retransmitted")

    def __init__(self) -> None:
        self.marker = 0
        self.retransmitted = -1
        self.prior_ssthresh = 0
        self.is_open = False
        self.frto = False

    def begin(self, snd_una: cython.uint, in_flight_again: cython.int) -> None:
        """A reduction begins; so many retransmissions are in flight already, which may be reported yet."""
        self.is_open = True
        self.marker = snd_una
        self.retransmitted = in_flight_again if in_flight_again > 0 else -1

    def sent_again(self, segs: cython.int) -> None:
        """So many segments were retransmitted."""
        if self.retransmitted < 0:
            self.retransmitted = 0
        self.retransmitted += segs

    def duplicated(self, segs: cython.int) -> None:
        """A D-SACK told that so many segments arrived twice."""
        if self.is_open and self.retransmitted > 0:
            self.retransmitted = self.retransmitted - segs if self.retransmitted > segs else 0

    def close(self) -> None:
        """The reduction stands, or is undone."""
        self.is_open = False
