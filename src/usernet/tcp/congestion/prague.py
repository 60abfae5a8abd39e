"""TCP Prague: the response to L4S marks (RFC 9331, draft-briscoe-iccrg-prague-congestion-control).

DCTCP's answer to marks, fit for the Internet: ECT(1), paced, growth that does not depend on a short round-trip time,
and a loss answered as CUBIC would. Of what RFC 9331 4.3 asks for two things are not here: a bottleneck that marks
ECT(1) as classic ECN is not looked for, and two segments a round trip are the least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.const import MS
from ..rate import AckSample
from .dctcp import Dctcp

if TYPE_CHECKING:
    import cython

# Flows with a shorter round trip than this grow as if they had it (the draft's 2.4.3, reduced RTT dependence).
REFERENCE_RTT = 25 * MS
ECT_1 = 1


class Prague(Dctcp):
    """``alpha`` as in DCTCP; ``growth`` is the part of a segment that cwnd has grown by."""

    __slots__ = ("growth",)

    name = "prague"

    def __init__(self) -> None:
        super().__init__()
        self.ect = ECT_1
        self.needs_pacing = True
        self.min_tso_segs = 1
        self.growth = 0.0

    def on_ack(self, sample: AckSample, now: cython.longlong) -> None:
        """A segment a round trip for what came unmarked; less on a path shorter than the reference."""
        acked: cython.uint = sample.acked - sample.ce if sample.acked > sample.ce else 0
        share: cython.double = 1.0
        whole: cython.uint
        if acked == 0 or not self.may_grow():
            return
        if self.in_slow_start():
            if sample.ce > 0:
                # The first marks end it: the queue is there.
                self.ssthresh = self.cwnd
                return
            acked = self.slow_start(acked)
        if 0 < self.rtt.srtt < REFERENCE_RTT:
            share = self.rtt.srtt / REFERENCE_RTT
            share *= share
        self.growth += share * acked / self.cwnd
        if self.growth >= 1.0:
            whole = int(self.growth)
            self.growth -= whole
            self.cwnd += whole
            if self.cwnd > self.cwnd_clamp:
                self.cwnd = self.cwnd_clamp

    def on_loss(self, now: cython.longlong) -> cython.uint:
        """RFC 9331 4.3: a loss is answered so as to live beside classic controls; here as CUBIC does."""
        kept: cython.uint = self.cwnd * 7 // 10
        self.growth = 0.0
        return kept if kept > 2 else 2
