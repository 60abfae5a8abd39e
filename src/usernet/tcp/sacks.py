"""SACK blocks and D-SACKs of an acknowledgment (RFC 2018, RFC 2883)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_le, seq_lt
from ..wire.tcp import Segment
from .const import A_DATA_SACKED, A_DSACK
from .scoreboard import Acked
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def take_sacks(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked) -> cython.int:
    """RFC 2018 with RFC 2883: mark what the blocks cover; those that make no sense are ignored, and counted."""
    did: cython.int = 0
    i: cython.Py_ssize_t = 0
    left: cython.uint
    right: cython.uint
    before: cython.uint
    while i < seg.sack_count:
        left = seg.sack_left[i]
        right = seg.sack_right[i]
        if i == 0 and _is_dsack(seg, prior_una):
            did |= A_DSACK
            tcb.dsack_dups += 1
            tcb.engine.ext.TCPDSACKRecv += 1
        elif not seq_lt(left, right) or seq_lt(tcb.snd_nxt, right) or seq_lt(left, prior_una):
            if not (seq_lt(left, right) and seq_le(right, seg.ack)):
                tcb.engine.ext.TCPSACKDiscard += 1
        elif seq_lt(seg.ack, right):
            if seq_lt(left, seg.ack):
                left = seg.ack
            before = acked.segs_delivered
            tcb.board.sack(left, right, tcb.mss, acked)
            if acked.segs_delivered != before:
                did |= A_DATA_SACKED
        i += 1
    return did


def _is_dsack(seg: Segment, prior_una: cython.uint) -> cython.bint:
    # RFC 2883 4: below the cumulative ACK, or inside the second block.
    if seq_le(seg.sack_right[0], seg.ack) and seq_lt(seg.sack_left[0], seg.sack_right[0]):
        return True
    return (
        seg.sack_count > 1
        and seq_le(seg.sack_left[1], seg.sack_left[0])
        and seq_le(seg.sack_right[0], seg.sack_right[1])
    )
