"""What RFC 7661 keeps of a connection: pipeACK, which is what the path was seen to carry, and how far cwnd goes by it.

The rules that move cwnd by it stand in validation.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.seq import seq_lt
from .congestion.maxfilter import MaxFilter

if TYPE_CHECKING:
    import cython


class WindowValidation:
    """RFC 7661 4.2: segments acknowledged in a round trip, the most of them in the sampling period.

    ``pipe_ack`` means something while ``is_defined``. ``is_nonvalidated`` is the phase, entered at ``nonvalidated_at``.
    While ``is_reducing``, congestion was met in that phase: ``loss_pipe`` is 4.4.1's Max(pipeACK, LossFlightSize), and
    ``repaired`` its R, the segments sent again so far, each counted once.
    """

    __slots__ = (
        "_begun_at",
        "_end",
        "_is_sampling",
        "_is_skipping",
        "_largest",
        "is_defined",
        "is_nonvalidated",
        "is_reducing",
        "loss_pipe",
        "nonvalidated_at",
        "pipe_ack",
        "repaired",
        "sampled_at",
    )

    def __init__(self) -> None:
        self._largest: MaxFilter = MaxFilter()
        self._begun_at = 0
        self._end = 0
        self.pipe_ack = 0
        self.loss_pipe = self.repaired = 0
        self.nonvalidated_at = self.sampled_at = 0
        self.is_reducing = False
        self.forget()
        self._is_skipping = False

    def forget(self) -> None:
        """4.1, 4.4.1: pipeACK is undefined, which validates any window, until a round trip has been measured."""
        self.is_defined = self.is_nonvalidated = self._is_sampling = False
        # The ACK that completes a recovery is of what was sent in it.
        self._is_skipping = True

    def acknowledged(
        self,
        snd_una: cython.uint,
        snd_nxt: cython.uint,
        delivered: cython.longlong,
        newly: cython.longlong,
        srtt: cython.longlong,
        now: cython.longlong,
    ) -> cython.bint:
        """An ACK outside recovery delivered ``newly`` of the ``delivered`` segments. True: it ended a round trip.

        A round trip ends when all is acknowledged that was out as it began; after a pause it begins with the first ACK,
        so that what was sent up to then counts whole.
        """
        if self._is_skipping:
            self._is_skipping = False
            return False
        if not self._is_sampling:
            self._begin(snd_nxt, delivered - newly)
        if seq_lt(snd_una, self._end):
            return False
        self._take(delivered - self._begun_at, srtt, now)
        self.sampled_at = now
        self._is_sampling = False
        if seq_lt(snd_una, snd_nxt):
            self._begin(snd_nxt, delivered)
        return True

    def paused(self, srtt: cython.longlong, now: cython.longlong) -> None:
        """Nothing was out: what was measured before the sampling period counts no more, and nothing is pipeACK 0."""
        self._is_sampling = False
        self._take(0, srtt, now)

    def lapsed_at(self, srtt: cython.longlong) -> cython.longlong:
        """When the last measurement will have left, or left, the sampling period."""
        return self.sampled_at + _sampling_period(srtt)

    def _begin(self, snd_nxt: cython.uint, delivered: cython.longlong) -> None:
        self._is_sampling = True
        self._end = snd_nxt
        self._begun_at = delivered

    def _take(self, segs: cython.longlong, srtt: cython.longlong, now: cython.longlong) -> None:
        if self.is_defined:
            self._largest.update(segs, now, _sampling_period(srtt))
        else:
            self._largest.reset(segs, now)
            self.is_defined = True
        self.pipe_ack = int(self._largest.best)


def _sampling_period(srtt: cython.longlong) -> cython.longlong:
    # 4.2: Max(3*RTT, 1 second).
    return 3 * srtt if 3 * srtt > SECOND else SECOND
