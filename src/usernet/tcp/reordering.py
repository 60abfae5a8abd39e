"""How far the network reorders: measured whenever it shows (Linux's tp->reordering; RFC 8985 6.2 step 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_lt
from .scoreboard import Scoreboard
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def highest_delivered(tcb: Tcb) -> cython.uint:
    """RFC 8985's RACK.fack: one past the highest sequence number SACKed, or SND.UNA."""
    return tcb.board.highest_sacked if tcb.board.sacked_out > 0 else tcb.snd_una


def sack_reordering(tcb: Tcb, low: cython.uint, by_timestamp: cython.bint) -> None:
    """Something at ``low``, sent once, arrived after what is highest: note by how many segments it was late."""
    fack: cython.uint = highest_delivered(tcb)
    distance: cython.int
    if not seq_lt(low, fack):
        return
    distance = ((fack - low) & MASK32) // tcb.mss + (1 if ((fack - low) & MASK32) % tcb.mss else 0)
    if distance > tcb.reordering:
        _grow(tcb, distance)
    tcb.rack.reord_seen += 1
    if by_timestamp:
        tcb.engine.ext.TCPTSReorder += 1
    else:
        tcb.engine.ext.TCPSACKReorder += 1


def check_reno(tcb: Tcb, addend: cython.int) -> None:
    """Without SACK: more duplicate ACKs than can stand for lost segments show that segments were only late."""
    board: Scoreboard = tcb.board
    holes: cython.int = board.lost_out if board.lost_out > 1 else 1
    if holes > board.packets_out:
        holes = board.packets_out
    if board.sacked_out + holes <= board.packets_out:
        return
    # At least one segment of those out is the hole.
    board.sacked_out = board.packets_out - holes
    _grow(tcb, board.packets_out + addend)
    tcb.rack.reord_seen += 1
    tcb.engine.ext.TCPRenoReorder += 1


def _grow(tcb: Tcb, distance: cython.int) -> None:
    most: cython.int = tcb.engine.sysctls.max_reordering
    tcb.reordering = distance if distance < most else most
