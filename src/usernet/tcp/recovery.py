"""The recovery state machine: what a dubious ACK or a timeout leads to (RFC 5681 3.2, RFC 6582, RFC 6675 5, RFC 5682).

The states are those of reduction.py; what is lost is loss_detection.py's to say, what was not lost after all
spurious.py's. Here is the order in which they are asked, which is Linux's. Nothing is sent here: the answer says what
may. Without SACK every duplicate ACK stands for one segment that left the network, as in NewReno.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS, NEVER
from ..core.seq import seq_le, seq_lt
from .acked import Acked
from .congestion.base import CongestionControl
from .const import (
    A_DATA_SACKED,
    A_DSACK_PROBE,
    A_ECE,
    A_LOST_RETRANS,
    A_NOT_DUP,
    A_ORIG_ACKED,
    A_RENEGED,
    A_SEND_LOST,
    A_SEND_NEW,
    A_SET_TIMER,
    A_UNA_ADVANCED,
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    R_SACKED,
    RTX_RETRANSMIT,
)  # fmt: skip
from .ecn import reduced
from .loss_detection import detect_losses, rack_detect, uses_rack
from .plpmtud import probe_failed
from .reduction import (
    begin_reduction,
    end_reduction,
    enter_cwr,
    enter_recovery,
    keep_open,
    open_undo,
    retransmission_out,
    set_ca_state,
)
from .reordering import check_reno
from .rtx_timer import arm_after
from .scoreboard import Scoreboard
from .spurious import undo_by_dsack, undo_loss, undo_partial, undo_recovery
from .tcb import Tcb
from .validation import current_ssthresh, time_out_nonvalidated

if TYPE_CHECKING:
    import cython

# How long a peer that seems to have dropped what it SACKed may take to set it right (Linux).
RENEGING_DELAY = 10 * MS


def dubious_ack(
    tcb: Tcb, did: cython.int, dupacks: cython.int, prior_una: cython.uint, acked: Acked, now: cython.longlong
) -> cython.int:
    """An ACK that is no plain progress (Linux's tcp_fastretrans_alert). Returns ``did`` with what may be sent."""
    board: Scoreboard = tcb.board
    if board.packets_out == 0 and board.sacked_out > 0:
        board.sacked_out = 0
    if did & A_ECE:
        tcb.undo.prior_ssthresh = 0
    if did & A_RENEGED and did & A_UNA_ADVANCED:
        # What it SACKed stands at SND.UNA: give it time before believing that it was dropped.
        arm_after(tcb, RTX_RETRANSMIT, max(tcb.rtt.srtt >> 1, RENEGING_DELAY), now)
        return did & ~A_SET_TIMER
    if tcb.ca_state == CA_OPEN:
        tcb.retrans_at = -1
    elif seq_le(tcb.high_seq, tcb.snd_una) and _high_seq_reached(tcb, acked, now):
        return did
    if tcb.ca_state == CA_RECOVERY:
        return _recovery_ack(tcb, did, dupacks, prior_una, acked, now)
    if tcb.ca_state == CA_LOSS:
        did = _loss_ack(tcb, did, dupacks, acked, now)
        did = _detect(tcb, did, now)
        if tcb.ca_state != CA_OPEN and not did & A_LOST_RETRANS:
            return did
    return _look_for_loss(tcb, did, dupacks, now)


def _recovery_ack(
    tcb: Tcb, did: cython.int, dupacks: cython.int, prior_una: cython.uint, acked: Acked, now: cython.longlong
) -> cython.int:
    # Of what was out when recovery began some still is: more may be lost, or nothing was after all.
    if not did & A_UNA_ADVANCED:
        if not tcb.sack_ok:
            _duplicate_acks(tcb, dupacks)
    elif undo_partial(tcb, prior_una, acked, now):
        return did
    if undo_by_dsack(tcb, now):
        _try_to_open(tcb, did, now)
    did = _detect(tcb, did, now)
    if tcb.ca_state != CA_RECOVERY:
        if tcb.board.lost_out == 0:
            return did
        enter_recovery(tcb, (did & A_ECE) != 0, now)
    return did | A_SEND_LOST


def _look_for_loss(tcb: Tcb, did: cython.int, dupacks: cython.int, now: cython.longlong) -> cython.int:
    # Outside recovery: what is found lost begins one (RFC 5681 3.2 step 2, RFC 6675 5 step 4).
    if not tcb.sack_ok:
        if did & A_UNA_ADVANCED:
            tcb.board.sacked_out = 0
        _duplicate_acks(tcb, dupacks)
    if tcb.ca_state <= CA_DISORDER:
        undo_by_dsack(tcb, now)
    did = _detect(tcb, did, now)
    if tcb.board.lost_out == 0:
        _try_to_open(tcb, did, now)
        return did
    if _probe_lost(tcb):
        probe_failed(tcb, now)
        return did
    enter_recovery(tcb, (did & A_ECE) != 0, now)
    return did | A_SEND_LOST


def _probe_lost(tcb: Tcb) -> cython.bint:
    # RFC 4821 7.6.2: what is lost is a probe of the MTU, and no sign of congestion.
    return tcb.ca_state < CA_CWR and tcb.mtu.probe_size > 0 and tcb.snd_una == tcb.mtu.probe_start


def _high_seq_reached(tcb: Tcb, acked: Acked, now: cython.longlong) -> cython.bint:
    # All that was out when the state was entered is acknowledged. True: nothing more to do for this ACK.
    if tcb.ca_state == CA_CWR:
        # Held until something sent after it is acknowledged: only that carried the CWR bit.
        if tcb.snd_una != tcb.high_seq:
            end_reduction(tcb, now)
            set_ca_state(tcb, CA_OPEN, now)
    elif tcb.ca_state == CA_RECOVERY:
        if not tcb.sack_ok:
            tcb.board.sacked_out = 0
        if undo_recovery(tcb, acked, now):
            return True
        end_reduction(tcb, now)
    return False


def _detect(tcb: Tcb, did: cython.int, now: cython.longlong) -> cython.int:
    before: cython.int = tcb.board.retrans_out
    if detect_losses(tcb, (did & A_UNA_ADVANCED) != 0, now):
        did &= ~A_SET_TIMER
    if tcb.board.retrans_out < before:
        did |= A_LOST_RETRANS
    return did


def _try_to_open(tcb: Tcb, did: cython.int, now: cython.longlong) -> None:
    if not retransmission_out(tcb):
        tcb.retrans_at = -1
    if did & A_ECE:
        enter_cwr(tcb, now)
    if tcb.ca_state != CA_CWR:
        keep_open(tcb, now)


def _duplicate_acks(tcb: Tcb, count: cython.int) -> None:
    # Something left the network for each (RFC 5681 3.2 step 4).
    board: Scoreboard = tcb.board
    before: cython.int = board.sacked_out
    if count > 0:
        board.sacked_out += count
        check_reno(tcb, 0)
        if board.sacked_out > before:
            tcb.rate.delivered += board.sacked_out - before


def _loss_ack(tcb: Tcb, did: cython.int, dupacks: cython.int, acked: Acked, now: cython.longlong) -> cython.int:
    # An ACK after a timeout: it was spurious, or what was lost is sent again as far as slow start goes.
    recovered: cython.bint = seq_le(tcb.high_seq, tcb.snd_una)
    if did & A_UNA_ADVANCED and undo_loss(tcb, False, acked, now):
        return did
    if tcb.undo.frto:
        # RFC 5682 3.1: was something delivered that was not sent again, the timeout was spurious (step 3b).
        if did & A_ORIG_ACKED and undo_loss(tcb, True, acked, now):
            return did
        if seq_lt(tcb.high_seq, tcb.snd_nxt):
            if did & A_DATA_SACKED or dupacks > 0:
                tcb.undo.frto = False  # step 3a: the loss was real
        elif did & A_UNA_ADVANCED and not recovered:
            # Step 2b: new data instead of retransmissions, and the next ACK tells.
            tcb.high_seq = tcb.snd_nxt
            if tcb.has_new():
                return did | A_SEND_NEW
            tcb.undo.frto = False
    if recovered:
        undo_recovery(tcb, acked, now)
        return did
    if not tcb.sack_ok:
        if seq_lt(tcb.high_seq, tcb.snd_nxt) and dupacks > 0:
            _duplicate_acks(tcb, dupacks)
        elif did & A_UNA_ADVANCED:
            tcb.board.sacked_out = 0
    return did | A_SEND_LOST


def reno_acked(tcb: Tcb, segs: cython.int) -> None:
    """Without SACK: of the segments acknowledged one is the hole; duplicate ACKs counted the others already."""
    board: Scoreboard = tcb.board
    if segs > 0:
        tcb.rate.delivered += segs - board.sacked_out if segs > board.sacked_out + 1 else 1
        if segs - 1 >= board.sacked_out:
            board.sacked_out = 0
        else:
            board.sacked_out -= segs - 1
    check_reno(tcb, segs)


def probe_acknowledged(tcb: Tcb, ack: cython.uint, did: cython.int, now: cython.longlong) -> None:
    """RFC 8985 7.4.2: an ACK while a loss probe is out. A loss that only the probe repaired is congestion as well."""
    if seq_lt(ack, tcb.probe.end):
        return
    if not tcb.probe.retransmitted or did & A_DSACK_PROBE:
        tcb.probe.is_open = False
    elif seq_lt(tcb.probe.end, ack):
        begin_reduction(tcb, False, now)
        set_ca_state(tcb, CA_CWR, now)
        end_reduction(tcb, now)
        keep_open(tcb, now)
        tcb.engine.ext.TCPLossProbeRecovery += 1
    elif not did & (A_UNA_ADVANCED | A_NOT_DUP | A_DATA_SACKED):
        # A plain duplicate ACK: the original arrived, and the probe.
        tcb.probe.is_open = False


# Timers.


def reordering_timeout(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """RFC 8985 6.3: what was given time to arrive did not. True when something is to be sent again."""
    board: Scoreboard = tcb.board
    before: cython.int = board.in_flight()
    cc: CongestionControl = tcb.cc
    rack_detect(tcb, now)
    if board.in_flight() == before:
        return False
    if _probe_lost(tcb):
        probe_failed(tcb, now)
        return False
    if tcb.ca_state != CA_RECOVERY:
        enter_recovery(tcb, False, now)
        if not cc.is_model_based:
            tcb.prr.reduce(cc, board.in_flight(), 1, False, False)
    return True


def enter_loss(tcb: Tcb, now: cython.longlong) -> None:
    """The retransmission timer fired (RFC 5681 3.1, 5; RFC 6298 5.4-5.7 are the caller's)."""
    cc: CongestionControl = tcb.cc
    board: Scoreboard = tcb.board
    reneged: cython.bint = tcb.sack_ok and (board.record(0).flags & R_SACKED) != 0
    fresh: cython.bint = tcb.ca_state < CA_RECOVERY
    usual: cython.int = tcb.engine.sysctls.reordering
    if tcb.trace is not None:
        tcb.trace.note(tcb, "timeout", now)
    if reneged:
        tcb.engine.ext.TCPSACKReneging += 1
        tcb.is_reneged = True
    elif not tcb.sack_ok:
        board.sacked_out = 0
    # With RACK what was sent less than a round trip ago is not late yet.
    board.mark_late(now - tcb.rack.rtt + 1 if tcb.sack_ok and uses_rack(tcb) else NEVER, reneged, now)
    # RFC 5681 3.1: ssthresh is not lowered again for a retransmission of the same loss.
    if (
        tcb.ca_state <= CA_DISORDER
        or seq_le(tcb.high_seq, tcb.snd_una)
        or (tcb.ca_state == CA_LOSS and tcb.retransmits == 0)
    ):
        tcb.undo.prior_ssthresh = current_ssthresh(tcb)
        cc.prior_cwnd = cc.cwnd
        cc.ssthresh = cc.on_loss(now)
        open_undo(tcb)
    if tcb.cwv is not None:
        time_out_nonvalidated(tcb)
    cc.on_timeout(now)
    cc.cwnd = board.in_flight() + 1
    cc.cwnd_cnt = 0
    tcb.cwnd_stamp = now
    if tcb.ca_state <= CA_DISORDER and board.sacked_out >= usual and tcb.reordering > usual:
        # Many duplicate ACKs and still a timeout: reordering is less than was thought.
        tcb.reordering = usual
    tcb.undo.frto = tcb.engine.sysctls.frto > 0 and (fresh or tcb.retransmits > 0) and tcb.mtu.probe_size == 0
    set_ca_state(tcb, CA_LOSS, now)
    tcb.high_seq = tcb.snd_nxt
    tcb.probe.is_open = False
    if tcb.ecn is not None:
        reduced(tcb)
