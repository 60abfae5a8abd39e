"""Proportional Rate Reduction (RFC 9937): how cwnd comes down to ssthresh over the round trip after a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .congestion.base import CongestionControl

if TYPE_CHECKING:
    import cython


class Prr:
    """RFC 9937 6: what was delivered and what was sent since the reduction began, in segments.

    ``recover_fs`` is RecoverFS, what was in flight as it began, where that is known to be less than cwnd (RFC 7661
    4.4.1). Else it is 0, and cwnd stands for it, since ssthresh is a share of that (Linux).
    """

    __slots__ = ("delivered", "out", "recover_fs")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A reduction begins, or ends: nothing is counted."""
        self.delivered = self.out = self.recover_fs = 0

    def reduce(
        self, cc: CongestionControl, flight: cython.int, delivered: cython.int, more: cython.bint, must: cython.bint
    ) -> None:
        """An ACK that delivered something: one segment may leave for each beta-th delivered.

        ``more``: it shows that recovery proceeds (SafeACK). ``must``: one segment leaves whatever the arithmetic says.
        """
        ssthresh: cython.int = cc.ssthresh
        count: cython.longlong
        base: cython.longlong = self.recover_fs if self.recover_fs > 0 else cc.prior_cwnd
        limit: cython.int
        if delivered <= 0 or base == 0:
            return
        self.delivered += delivered
        if ssthresh < flight:
            count = self.delivered
            count = (count * ssthresh + base - 1) // base - self.out
        else:
            limit = self.delivered
            limit -= self.out
            if limit < delivered:
                limit = delivered
            if more:
                limit += 1
            count = ssthresh - flight if ssthresh - flight < limit else limit
        if count < 1 and (self.out == 0 or must):
            count = 1
        if count < 0:
            count = 0
        cc.cwnd = flight + count
