"""Moving between the congestion states, and reducing cwnd on the way (RFC 5681 3.2, RFC 6675 5, RFC 3168 6.1.2).

The states are Linux's: OPEN; DISORDER, something arrived out of order or twice; CWR, cwnd comes down for congestion
without loss; RECOVERY, it comes down and what was lost is sent again; LOSS, after a timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_add
from .congestion.base import CongestionControl
from .const import (
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    INFINITE_SSTHRESH,
    R_EVER_RETRANS,
)  # fmt: skip
from .ecn import reduced
from .scoreboard import Scoreboard
from .tcb import Engine, Tcb
from .validation import conclude_phase, current_ssthresh, reduce_nonvalidated, reset_validated

if TYPE_CHECKING:
    import cython


def set_ca_state(tcb: Tcb, ca_state: cython.int, now: cython.longlong) -> None:
    """Enter a congestion state; the congestion control hears of it first."""
    tcb.cc.on_state(ca_state, now)
    if tcb.cwv is not None and (ca_state >= CA_CWR) != (tcb.ca_state >= CA_CWR):
        conclude_phase(tcb)
    tcb.ca_state = ca_state
    if tcb.trace is not None:
        tcb.trace.entered(tcb, ca_state, now)


def begin_reduction(tcb: Tcb, echoed: cython.bint, now: cython.longlong) -> None:
    """RFC 9937 6.1: cwnd will come down to the ssthresh the control asks for. ``echoed``: for ECN, not for loss."""
    cc: CongestionControl = tcb.cc
    tcb.high_seq = tcb.snd_nxt
    tcb.probe.is_open = False
    tcb.prr.begin()
    cc.cwnd_cnt = 0
    cc.prior_cwnd = cc.cwnd
    cc.ssthresh = cc.on_echo(now) if echoed else cc.on_loss(now)
    if tcb.cwv is not None:
        reduce_nonvalidated(tcb)
    if tcb.ecn is not None:
        reduced(tcb)


def end_reduction(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 5681 3.2 step 6: what is left to come down does, unless the reduction was undone."""
    cc: CongestionControl = tcb.cc
    if cc.is_model_based:
        return
    if cc.ssthresh < INFINITE_SSTHRESH and (tcb.ca_state == CA_CWR or tcb.undo.is_open):
        cc.cwnd = cc.ssthresh
        if tcb.cwv is not None and tcb.cwv.is_reducing:
            reset_validated(tcb)
        tcb.cwnd_stamp = now


def enter_cwr(tcb: Tcb, now: cython.longlong) -> None:
    """Congestion without loss, such as an ECN echo: cwnd comes down, once a round trip, and stays down."""
    tcb.undo.prior_ssthresh = 0
    if tcb.ca_state < CA_CWR:
        tcb.undo.close()
        begin_reduction(tcb, True, now)
        set_ca_state(tcb, CA_CWR, now)


def enter_recovery(tcb: Tcb, echoed: cython.bint, now: cython.longlong) -> None:
    """Fast retransmit begins (RFC 5681 3.2, RFC 6675 5). ``echoed``: ECN confirms the congestion, so it is no error."""
    engine: Engine = tcb.engine
    if not retransmission_out(tcb):
        tcb.retrans_at = -1
    if tcb.sack_ok:
        engine.ext.TCPSackRecovery += 1
    else:
        engine.ext.TCPRenoRecovery += 1
    tcb.undo.prior_ssthresh = 0
    open_undo(tcb)
    if tcb.ca_state < CA_CWR:
        if not echoed:
            tcb.undo.prior_ssthresh = current_ssthresh(tcb)
        begin_reduction(tcb, False, now)
    tcb.probe.rescue_after = seq_add(tcb.snd_una, tcb.mss)
    set_ca_state(tcb, CA_RECOVERY, now)


def open_undo(tcb: Tcb) -> None:
    """Remember what is out, in case it proves that nothing was lost."""
    tcb.undo.begin(
        tcb.snd_una, tcb.board.retrans_out + (1 if tcb.probe.is_open and tcb.probe.retransmitted else 0)
    )  # fmt: skip


def keep_open(tcb: Tcb, now: cython.longlong) -> None:
    """OPEN, or DISORDER while something is SACKed, lost, or sent again and not acknowledged."""
    board: Scoreboard = tcb.board
    state: cython.int = CA_OPEN
    if board.sacked_out > 0 or board.lost_out > 0 or retransmission_out(tcb):
        state = CA_DISORDER
    if tcb.ca_state != state:
        set_ca_state(tcb, state, now)
        tcb.high_seq = tcb.snd_nxt


def retransmission_out(tcb: Tcb) -> cython.bint:
    """True when something sent again is not acknowledged yet."""
    board: Scoreboard = tcb.board
    if board.retrans_out > 0:
        return True
    return board.count() > 0 and (board.record(0).flags & R_EVER_RETRANS) != 0


def lost_without_congestion(tcb: Tcb, now: cython.longlong) -> None:
    """What was marked lost by the caller is sent again without reducing cwnd (Linux's tcp_simple_retransmit)."""
    if tcb.ca_state != CA_LOSS:
        tcb.high_seq = tcb.snd_nxt
        tcb.cc.ssthresh = current_ssthresh(tcb)
        tcb.undo.prior_ssthresh = 0
        tcb.undo.close()
        set_ca_state(tcb, CA_LOSS, now)
