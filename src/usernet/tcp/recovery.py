"""What an acknowledgment does to the sender: loss detection and recovery (RFC 5681, RFC 6582, RFC 6675, RFC 9937).

The state machine is Linux's: OPEN, DISORDER (duplicate ACKs came), CWR, RECOVERY (fast retransmit) and LOSS (after a
timeout). Without SACK every duplicate ACK stands for one segment that left the network, as in NewReno.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_le
from ..wire.tcp import Segment
from .congestion.base import CongestionControl
from .const import (
    A_DSACK,
    A_ECE,
    A_NOT_DUP,
    A_UNA_ADVANCED,
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    INFINITE_SSTHRESH,
    R_SACKED,
)  # fmt: skip
from .ecn import reduced
from .plpmtud import probe_failed
from .rate import AckSample
from .record import SentRecord
from .scoreboard import Acked, Scoreboard
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython


def fast_retransmit_alert(
    tcb: Tcb, did: cython.int, seg: Segment, prior_una: cython.uint, sample: AckSample, now: cython.longlong
) -> None:
    """A dubious ACK: losses are found, and the state follows (Linux's tcp_fastretrans_alert)."""
    board: Scoreboard = tcb.board
    duplicate: cython.bint = not did & (A_UNA_ADVANCED | A_NOT_DUP | A_DSACK)
    head_lost: cython.bint = False
    if board.packets_out == 0 and board.sacked_out > 0 and not tcb.sack_ok:
        board.sacked_out = 0
    if tcb.ca_state != CA_OPEN and seq_le(tcb.high_seq, tcb.snd_una) and _recovered(tcb, now):
        return
    if tcb.ca_state == CA_RECOVERY:
        if did & A_UNA_ADVANCED:
            # RFC 6582 3.2 step 3: a partial ACK; its first segment is the next hole.
            head_lost = not tcb.sack_ok
        elif not tcb.sack_ok and duplicate:
            _reno_dupack(tcb, sample)
    elif tcb.ca_state == CA_LOSS:
        if not tcb.sack_ok:
            if did & A_UNA_ADVANCED:
                board.sacked_out = 0
            elif duplicate:
                _reno_dupack(tcb, sample)
        return
    else:
        if not tcb.sack_ok:
            if did & A_UNA_ADVANCED:
                board.sacked_out = 0
            if duplicate:
                _reno_dupack(tcb, sample)
        if board.sacked_out < tcb.reordering and board.lost_out == 0:
            if did & A_ECE:
                enter_cwr(tcb, now)
            _try_to_open(tcb)
            return
        if tcb.mtu.probe_size and tcb.snd_una == tcb.mtu.probe_start:
            probe_failed(tcb, now)
            return
        enter_recovery(tcb, now)
        head_lost = True
    _mark_losses(tcb, head_lost, sample)


def _recovered(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # Everything outstanding at the time of the loss is acknowledged. True: nothing more to do for this ACK.
    if tcb.ca_state == CA_LOSS:
        if _hold_reno(tcb):
            return True
        tcb.ca_state = CA_OPEN
    elif tcb.ca_state == CA_CWR:
        # CWR is held until something sent after it is acknowledged.
        if tcb.snd_una != tcb.high_seq:
            _end_reduction(tcb, now)
            tcb.ca_state = CA_OPEN
    elif tcb.ca_state == CA_RECOVERY:
        if not tcb.sack_ok:
            tcb.board.sacked_out = 0
        if _hold_reno(tcb):
            return True
        _end_reduction(tcb, now)
        tcb.ca_state = CA_OPEN
    return False


def _hold_reno(tcb: Tcb) -> cython.bint:
    # RFC 6582 4: duplicate ACKs of our own needless retransmissions must not start another recovery.
    return tcb.snd_una == tcb.high_seq and not tcb.sack_ok and tcb.board.packets_out > 0


def _try_to_open(tcb: Tcb) -> None:
    if tcb.ca_state == CA_CWR:
        return
    if tcb.board.sacked_out > 0:
        if tcb.ca_state != CA_DISORDER:
            tcb.high_seq = tcb.snd_nxt
        tcb.ca_state = CA_DISORDER
    else:
        tcb.ca_state = CA_OPEN


def enter_recovery(tcb: Tcb, now: cython.longlong) -> None:
    """Fast retransmit begins (RFC 5681 3.2, RFC 6675 5)."""
    engine: Engine = tcb.engine
    if tcb.sack_ok:
        engine.ext.TCPSackRecovery += 1
    else:
        engine.ext.TCPRenoRecovery += 1
    if tcb.ca_state < CA_CWR:
        _begin_reduction(tcb, False, now)
    tcb.ca_state = CA_RECOVERY


def _begin_reduction(tcb: Tcb, echoed: cython.bint, now: cython.longlong) -> None:
    cc: CongestionControl = tcb.cc
    tcb.high_seq = tcb.snd_nxt
    tcb.prr.begin()
    tcb.prior_ssthresh = cc.ssthresh
    cc.cwnd_cnt = 0
    cc.prior_cwnd = cc.cwnd
    cc.ssthresh = cc.on_echo(now) if echoed else cc.on_loss(now)
    if tcb.ecn is not None:
        reduced(tcb)


def _end_reduction(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 5681 3.2 step 6: deflate.
    cc: CongestionControl = tcb.cc
    if cc.ssthresh < INFINITE_SSTHRESH and not cc.is_model_based:
        cc.cwnd = cc.ssthresh
        tcb.cwnd_stamp = now
    tcb.prr.begin()


def enter_cwr(tcb: Tcb, now: cython.longlong) -> None:
    """Congestion without loss, such as an ECN echo: cwnd comes down, once a round trip (RFC 3168 6.1.2)."""
    if tcb.ca_state < CA_CWR:
        _begin_reduction(tcb, True, now)
        tcb.ca_state = CA_CWR


def _mark_losses(tcb: Tcb, head_lost: cython.bint, sample: AckSample) -> None:
    # RFC 6675 IsLost, or NewReno's first hole.
    board: Scoreboard = tcb.board
    marked: cython.int
    if tcb.sack_ok:
        marked = board.mark_lost_above(tcb.reordering)
        if marked == 0 and head_lost:
            marked = board.mark_head_lost(tcb.mss)
    elif head_lost:
        marked = board.mark_head_lost(tcb.mss)
    else:
        return
    sample.losses += marked


def enter_loss(tcb: Tcb, now: cython.longlong) -> None:
    """The retransmission timer fired (RFC 5681 3.1, 5; RFC 6298 5.4-5.7 are the caller's)."""
    cc: CongestionControl = tcb.cc
    board: Scoreboard = tcb.board
    reneged: cython.bint
    head: SentRecord = board.record(0)
    reneged = (head.flags & R_SACKED) != 0
    if reneged:
        tcb.engine.ext.TCPSACKReneging += 1
    if not tcb.sack_ok:
        board.sacked_out = 0
    # RFC 5681 3.1: ssthresh is not lowered again for a retransmission of the same loss.
    if tcb.ca_state <= CA_DISORDER or seq_le(tcb.high_seq, tcb.snd_una):
        tcb.prior_ssthresh = cc.ssthresh
        cc.prior_cwnd = cc.cwnd
        cc.ssthresh = cc.on_loss(now)
    cc.on_timeout(now)
    board.mark_all_lost(reneged)
    cc.cwnd = board.in_flight() + 1
    cc.cwnd_cnt = 0
    tcb.cwnd_stamp = now
    tcb.prr.begin()
    tcb.ca_state = CA_LOSS
    tcb.high_seq = tcb.snd_nxt
    if tcb.ecn is not None:
        reduced(tcb)


def reno_acked(tcb: Tcb, acked: Acked) -> None:
    """Without SACK: one segment is the retransmitted hole; the others were counted by duplicate ACKs."""
    board: Scoreboard = tcb.board
    segs: cython.int = acked.segs_acked
    if segs > 0:
        acked.segs_delivered += segs - board.sacked_out if segs > board.sacked_out + 1 else 1
        if segs - 1 >= board.sacked_out:
            board.sacked_out = 0
        else:
            board.sacked_out -= segs - 1
    _limit_reno(tcb)


def _reno_dupack(tcb: Tcb, acked: AckSample) -> None:
    # A duplicate ACK: something left the network (RFC 5681 3.2 step 4).
    board: Scoreboard = tcb.board
    before: cython.int = board.sacked_out
    board.sacked_out += 1
    _limit_reno(tcb)
    if board.sacked_out > before:
        acked.delivered += 1
        tcb.rate.delivered += 1


def _limit_reno(tcb: Tcb) -> None:
    # Of what is out, at least one segment is the hole; duplicate ACKs cannot stand for more than the rest.
    board: Scoreboard = tcb.board
    holes: cython.int = board.lost_out if board.lost_out > 1 else 1
    if holes > board.packets_out:
        holes = board.packets_out
    if board.sacked_out + holes > board.packets_out:
        board.sacked_out = board.packets_out - holes
