"""The one timer of the send side, and what it stands for.

It is the retransmission timer (RFC 6298 5), or before it the reordering timer (RFC 8985 6.3) or the loss probe's (RFC
8985 7.2); or, with nothing in flight, the window probe's (RFC 9293 3.8.6.1). Whichever runs, the retransmission timeout
counts from the oldest record's last transmission, so that the earlier timers do not put it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS
from .const import (
    CA_CWR,
    CA_OPEN,
    RTO_INITIAL,
    RTX_NONE,
    RTX_REORDER,
    RTX_RETRANSMIT,
    RTX_TAIL,
    TIMEOUT_MIN,
    TIMER_SLACK,
)  # fmt: skip
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def current_rto(tcb: Tcb) -> cython.longlong:
    """RFC 6298 5.5: the timeout with its backoff."""
    rto: cython.longlong = tcb.rtt.rto
    if tcb.backoff > 0:
        rto = rto << tcb.backoff if tcb.backoff < 24 else tcb.rtt.rto_max
    return rto if rto < tcb.rtt.rto_max else tcb.rtt.rto_max


def arm_rtx(tcb: Tcb, kind: cython.int, now: cython.longlong) -> None:
    """Start the retransmission timer, or the window probe's, from now (RFC 6298 5)."""
    arm_after(tcb, kind, current_rto(tcb), now)


def arm_after(tcb: Tcb, kind: cython.int, span: cython.longlong, now: cython.longlong) -> None:
    """Start the timer as one of its kinds; it expires after a span of its own."""
    tcb.rtx_kind = kind
    tcb.rtx_timer.arm(now + span)


def cancel_rtx(tcb: Tcb) -> None:
    """Stop the timer, whatever it stands for."""
    tcb.rtx_kind = RTX_NONE
    tcb.rtx_timer.cancel()


def rearm_rto(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 6298 5.2 and 5.3: from now; but a reordering timer or loss probe that ran instead does not put it off."""
    span: cython.longlong
    if tcb.fastopen is not None and tcb.is_unproved():
        return
    if tcb.board.packets_out == 0:
        cancel_rtx(tcb)
        return
    if tcb.rtx_kind == RTX_REORDER or tcb.rtx_kind == RTX_TAIL:
        span = _rto_left(tcb, now)
    else:
        span = current_rto(tcb)
    arm_after(tcb, RTX_RETRANSMIT, span if span > MS else MS, now)


def restart_timer(tcb: Tcb, now: cython.longlong) -> None:
    """New data was acknowledged: the loss probe's timer, or else the retransmission timer."""
    if tcb.board.packets_out == 0:
        cancel_rtx(tcb)
    elif not schedule_probe(tcb, True, now):
        rearm_rto(tcb, now)


def schedule_probe(tcb: Tcb, restart: cython.bint, now: cython.longlong) -> cython.bint:
    """RFC 8985 7.2: start the loss probe's timer if one may be needed. ``restart``: the RTO counts from now."""
    span: cython.longlong
    rto: cython.longlong
    if (
        tcb.engine.sysctls.early_retrans < 3
        or tcb.board.packets_out == 0
        or not tcb.sack_ok
        or (tcb.fastopen is not None and tcb.is_unproved())
        or (tcb.ca_state != CA_OPEN and tcb.ca_state != CA_CWR)
    ):
        return False
    if tcb.rtt.srtt > 0:
        span = 2 * tcb.rtt.srtt
        # The peer may hold back the ACK of a lone segment.
        span += tcb.rtt.rto_min if tcb.board.packets_out == 1 else TIMER_SLACK
    else:
        span = RTO_INITIAL
    rto = current_rto(tcb) if restart else _rto_left(tcb, now)
    if 0 < rto < span:
        span = rto
    arm_after(tcb, RTX_TAIL, span, now)
    return True


def _rto_left(tcb: Tcb, now: cython.longlong) -> cython.longlong:
    return tcb.board.record(0).sent_at + current_rto(tcb) - now


def heed_user_timeout(tcb: Tcb, since: cython.longlong, now: cython.longlong) -> None:
    """A backed-off timer must not outlast the patience begun at ``since``, -1 for not yet (RFC 5482, Linux)."""
    end: cython.longlong = since + tcb.settings.user_timeout_ns
    if tcb.settings.user_timeout_ns <= 0 or since < 0 or tcb.rtx_timer.expires_at <= end:
        return
    tcb.rtx_timer.arm(end if end > now + TIMEOUT_MIN else now + TIMEOUT_MIN)
