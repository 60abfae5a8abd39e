"""Which segments are lost: RACK (RFC 8985 6.2), or RFC 6675's count, or without SACK NewReno's guess (RFC 6582)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import CA_RECOVERY, RACK_NO_DUPTHRESH, RACK_ON, RTX_REORDER, TIMER_SLACK
from .rack import Rack
from .record import SendOrder, SentRecord
from .rtx_timer import arm_after, current_rto
from .scoreboard import Scoreboard
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def uses_rack(tcb: Tcb) -> cython.bint:
    """net.ipv4.tcp_recovery says which algorithm serves connections with SACK."""
    return (tcb.engine.sysctls.recovery & RACK_ON) != 0


def detect_losses(tcb: Tcb, advanced: cython.bint, now: cython.longlong) -> cython.bint:
    """Mark what an ACK proves lost; ``advanced``: it moved SND.UNA. True when the reordering timer was started."""
    board: Scoreboard = tcb.board
    if board.packets_out == 0:
        return False
    if not tcb.sack_ok:
        if tcb.ca_state < CA_RECOVERY:
            if board.sacked_out >= tcb.reordering:
                board.mark_head_lost(now)
        elif tcb.ca_state == CA_RECOVERY and advanced:
            # RFC 6582 3.2 step 3: a partial ACK; the segment after it is the next hole.
            board.mark_head_lost(now)
        return False
    if not uses_rack(tcb):
        board.mark_lost_above(tcb.reordering, now)
        return False
    if not tcb.rack.advanced:
        return False
    tcb.rack.advanced = False
    return rack_detect(tcb, now)


def rack_detect(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """RFC 8985 6.2 step 5: whatever was sent before what arrived, and had its time. True: a timer runs for the rest."""
    rack: Rack = tcb.rack
    order: SendOrder = tcb.board.order
    record: SentRecord | None = order.oldest
    suspect: SentRecord | None
    later: SentRecord | None
    window: cython.longlong = reordering_window(tcb)
    # Sent at this instant or before, a record has had a round trip and the window for reordering.
    due: cython.longlong = now - rack.rtt - window
    latest: cython.longlong
    span: cython.longlong
    while record is not None and record.sent_at <= due and rack.sent_before(record):
        later = record.later
        tcb.board.mark_lost(record, now)
        record = later
    suspect = order.suspect
    if suspect is None or record is None:
        return False
    # The last of them was sent last. Where that is one to which an undo gave a later turn, nobody looks for the last
    # that was sent: all were before what arrived, and so are due in a window from now at the latest.
    latest = suspect.sent_at if suspect.turn == suspect.nth else due + window
    span = max(latest, record.sent_at) - due + TIMER_SLACK
    if span > current_rto(tcb):
        span = current_rto(tcb)
    arm_after(tcb, RTX_REORDER, span, now)
    return True


def reordering_window(tcb: Tcb) -> cython.longlong:
    """RFC 8985 6.2 step 4, RACK_update_reo_wnd(): how much later than its successors a segment may arrive.

    Bounded by SRTT; where what jumped ahead shortened that since the last cumulative ACK, as it was then.
    """
    rack: Rack = tcb.rack
    window: cython.longlong
    bound: cython.longlong = tcb.rtt.srtt
    if rack.reord_seen == 0:
        if tcb.ca_state >= CA_RECOVERY:
            return 0
        if tcb.board.sacked_out >= tcb.reordering and not tcb.engine.sysctls.recovery & RACK_NO_DUPTHRESH:
            return 0
    if bound < rack.srtt:
        bound = rack.srtt
    window = tcb.rtt.min_rtt >> 2
    if window >= bound // rack.steps:
        return bound
    return window * rack.steps
