"""Retransmissions that were not needed, and taking back what they cost (RFC 3522, RFC 4015, RFC 3708, RFC 5682).

Proof is a timestamp echoed that is older than the first retransmission, D-SACKs for all that was sent again, or, after
a timeout, the delivery of what was never sent again. None is believed where ECN confirmed the congestion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_lt
from .acked import Acked
from .congestion.base import CongestionControl
from .const import CA_LOSS, CA_OPEN, RACK_PERSIST, RACK_STATIC
from .ecn import undone
from .reduction import keep_open, retransmission_out, set_ca_state
from .reordering import sack_reordering
from .scoreboard import Scoreboard
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def undo_recovery(tcb: Tcb, acked: Acked, now: cython.longlong) -> cython.bint:
    """All that was out when the loss was met is acknowledged: undo if nothing was lost, and leave the state.

    True: the state is held (RFC 6582 4).
    """
    if _may_undo(tcb, acked):
        if tcb.ca_state == CA_LOSS:
            tcb.engine.ext.TCPLossUndo += 1
        else:
            tcb.engine.ext.TCPFullUndo += 1
        _undo(tcb, False, now)
    elif tcb.rack.persist > 0:
        tcb.rack.persist -= 1
    if _holds(tcb):
        return True
    set_ca_state(tcb, CA_OPEN, now)
    tcb.is_reneged = False
    return False


def undo_by_dsack(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """RFC 3708: every retransmission was reported a duplicate."""
    if not tcb.undo.is_open or tcb.undo.retransmitted != 0:
        return False
    if tcb.rack.persist < RACK_PERSIST:
        tcb.rack.persist += 1
    _undo(tcb, False, now)
    tcb.engine.ext.TCPDSACKUndo += 1
    return True


def undo_loss(tcb: Tcb, by_frto: cython.bint, acked: Acked, now: cython.longlong) -> cython.bint:
    """After a timeout: it was early. True when it is undone."""
    if not by_frto and not _may_undo(tcb, acked):
        return False
    _undo(tcb, True, now)
    tcb.engine.ext.TCPLossUndo += 1
    if by_frto:
        tcb.engine.ext.TCPSpuriousRTOs += 1
    tcb.retransmits = 0
    if _holds(tcb):
        return True
    if by_frto or tcb.sack_ok:
        set_ca_state(tcb, CA_OPEN, now)
        tcb.is_reneged = False
    return True


def undo_partial(tcb: Tcb, prior_una: cython.uint, acked: Acked, now: cython.longlong) -> cython.bint:
    """A partial ACK in recovery, of something that was only late. True: nothing more is to be marked or sent again."""
    if not tcb.undo.is_open or not _was_delayed(tcb, acked):
        return False
    sack_reordering(tcb, prior_una, True)
    if acked.has_echo and not tcb.engine.sysctls.recovery & RACK_STATIC:
        # Longer on its way than the fastest there is: RFC 8985's D-SACKs would find this out a quarter a round trip.
        tcb.rack.widen(acked.flight() - tcb.rtt.min_rtt, tcb.rtt.min_rtt)
    if tcb.board.retrans_out > 0:
        # Retransmissions in flight may yet be wanted: clock out new data, and see.
        return True
    if not retransmission_out(tcb):
        tcb.retrans_at = -1
    _undo(tcb, True, now)
    tcb.engine.ext.TCPPartialUndo += 1
    keep_open(tcb, now)
    return False


def _may_undo(tcb: Tcb, acked: Acked) -> cython.bint:
    return tcb.undo.is_open and (tcb.undo.retransmitted == 0 or _was_delayed(tcb, acked))


def _was_delayed(tcb: Tcb, acked: Acked) -> cython.bint:
    # RFC 3522 3.2: what was acknowledged is older than the first retransmission; or there was none yet.
    if tcb.retrans_at >= 0:
        return acked.echo_precedes(tcb.retrans_at)
    return tcb.sack_ok or seq_lt(tcb.snd_una, tcb.high_seq)


def _undo(tcb: Tcb, unmark: cython.bint, now: cython.longlong) -> None:
    # RFC 4015 3.2's intent, by Linux's rule: cwnd and ssthresh as if there had been no reduction.
    cc: CongestionControl = tcb.cc
    board: Scoreboard = tcb.board
    if unmark:
        board.unmark_lost()
    if tcb.undo.prior_ssthresh > 0:
        cc.cwnd = cc.undo()
        if tcb.undo.prior_ssthresh > cc.ssthresh:
            cc.ssthresh = tcb.undo.prior_ssthresh
            if tcb.ecn is not None:
                undone(tcb)
    tcb.cwnd_stamp = now
    tcb.undo.close()
    if tcb.trace is not None:
        tcb.trace.note(tcb, "undone", now)
    tcb.rack.advanced = True  # what is still missing is to be looked at again


def _holds(tcb: Tcb) -> cython.bint:
    # RFC 6582 4: without SACK, duplicate ACKs of our own needless retransmissions must not start another recovery.
    if tcb.snd_una != tcb.high_seq or tcb.sack_ok:
        return False
    if not retransmission_out(tcb):
        tcb.retrans_at = -1
    return True
