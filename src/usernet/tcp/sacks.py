"""SACK blocks and D-SACKs of an acknowledgment (RFC 2018, RFC 2883)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_le, seq_lt
from ..wire.tcp import Segment
from .acked import Acked
from .const import A_DSACK, A_DSACK_PROBE, CA_LOSS, R_EVER_RETRANS, R_SACKED
from .reordering import sack_reordering
from .scoreboard import Scoreboard
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython


def take_sacks(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked) -> None:
    """Mark what the blocks cover; those that make no sense are ignored, and counted. SND.UNA is up to date."""
    board: Scoreboard = tcb.board
    i: cython.Py_ssize_t
    best: cython.Py_ssize_t
    taken: cython.int = 0
    duplicate: cython.bint
    if board.sacked_out == 0:
        board.highest_sacked = tcb.snd_una
    duplicate = _is_dsack(tcb, seg) and _dsack_seen(tcb, seg, prior_una, acked)
    if board.packets_out == 0:
        return
    # In order of sequence, or a higher block of the same ACK would make a lower one look late.
    while True:
        best = -1
        i = 0
        while i < seg.sack_count:
            if not taken >> i & 1 and (best < 0 or seq_lt(seg.sack_left[i], seg.sack_left[best])):
                best = i
            i += 1
        if best < 0:
            break
        taken |= 1 << best
        if _is_valid(tcb, seg, best, duplicate and best == 0):
            if duplicate and best == 0:
                if seq_lt(prior_una, seg.sack_right[0]):
                    _duplicate_above(tcb, seg, prior_una, acked)
            else:
                board.sack(seg.sack_left[best], seg.sack_right[best], acked)
    if tcb.ca_state != CA_LOSS or tcb.undo.is_open:
        sack_reordering(tcb, acked.reord, False)
    # What follows is of the cumulative ACK.
    acked.reord = tcb.snd_nxt


def _is_dsack(tcb: Tcb, seg: Segment) -> cython.bint:
    # RFC 2883 4: below the cumulative ACK, or inside the second block.
    if seq_lt(seg.sack_left[0], seg.ack):
        tcb.engine.ext.TCPDSACKRecv += 1
        return True
    if (
        seg.sack_count > 1
        and seq_le(seg.sack_left[1], seg.sack_left[0])
        and seq_le(seg.sack_right[0], seg.sack_right[1])
    ):
        tcb.engine.ext.TCPDSACKOfoRecv += 1
        return True
    return False


def _dsack_seen(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked) -> cython.bint:
    # False for one that is no doing of ours: longer than any window, or more than was ever sent again.
    engine: Engine = tcb.engine
    right: cython.uint = seg.sack_right[0]
    octets: cython.uint = (right - seg.sack_left[0]) & MASK32
    segs: cython.uint = 1
    if seq_lt(seg.sack_left[0], right) and octets <= tcb.max_window:
        if octets > tcb.mss:
            segs = (octets + tcb.mss - 1) // tcb.mss
        elif tcb.probe.is_open and tcb.probe.end == right:
            acked.did |= A_DSACK_PROBE
        tcb.dsack_dups += segs
        if tcb.dsack_dups <= tcb.total_retrans:
            if tcb.rack.reord_seen > 0 and not acked.did & A_DSACK_PROBE:
                # RFC 8985 6.2 step 4: reordering may have triggered what was not needed; a probe's timer did not.
                tcb.rack.dsack_seen = True
            acked.did |= A_DSACK
            acked.segs_delivered += segs
            engine.ext.TCPDSACKRecvSegs += segs
            if seq_le(right, prior_una) and tcb.undo.is_open and seq_lt(tcb.undo.marker, right):
                tcb.undo.duplicated(segs)
            return True
    engine.ext.TCPDSACKIgnoredDubious += 1
    return False


def _duplicate_above(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked) -> None:
    # A D-SACK of something that was not cumulatively acknowledged before this ACK.
    board: Scoreboard = tcb.board
    left: cython.uint = seg.sack_left[0] if seq_lt(prior_una, seg.sack_left[0]) else prior_una
    octets: cython.uint = (seg.sack_right[0] - left) & MASK32
    flags: cython.uint = board.at(board.find(left)).flags
    if not flags & R_EVER_RETRANS:
        return
    if tcb.undo.is_open and seq_lt(tcb.undo.marker, seg.sack_right[0]):
        tcb.undo.duplicated((octets + tcb.mss - 1) // tcb.mss)
    if flags & R_SACKED and seq_lt(seg.sack_left[0], acked.reord):
        # It was sent again although it had arrived: it was late, not lost.
        acked.reord = seg.sack_left[0]


def _is_valid(tcb: Tcb, seg: Segment, i: cython.Py_ssize_t, duplicate: cython.bint) -> cython.bint:
    # Within what is out; a D-SACK also wholly below it, down to where the reduction under way began.
    left: cython.uint = seg.sack_left[i]
    right: cython.uint = seg.sack_right[i]
    marker: cython.uint = tcb.undo.marker
    if seq_lt(left, right) and seq_le(right, tcb.snd_nxt) and seq_lt(left, tcb.snd_nxt):
        if seq_lt(tcb.snd_una, left):
            return True
        if duplicate and tcb.undo.is_open and seq_le(right, tcb.snd_una):
            if seq_le(marker, left):
                return True
            if seq_lt(marker, right) and seq_le((right - tcb.max_window) & MASK32, left):
                return True
    if not duplicate:
        # ACKs that overtook each other bring old blocks.
        if seg.ack == tcb.snd_una or seq_lt(tcb.snd_una, right):
            tcb.engine.ext.TCPSACKDiscard += 1
    elif tcb.undo.is_open:
        tcb.engine.ext.TCPDSACKIgnoredOld += 1
    else:
        tcb.engine.ext.TCPDSACKIgnoredNoUndo += 1
    return False
