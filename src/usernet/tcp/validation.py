"""Congestion-window validation: what was not used is not kept (RFC 7661, RFC 5681 4.1; Linux's form of RFC 2861)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.seq import seq_lt
from .congestion.base import CongestionControl
from .const import CA_CWR, CA_OPEN, CA_RECOVERY
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def restart_after_idle(tcb: Tcb, now: cython.longlong) -> None:
    """Nothing is in flight and something is to be sent: RFC 5681 4.1, by half for each RTO of silence as RFC 2861."""
    idle: cython.longlong = now - tcb.lsnd_at
    rto: cython.longlong = tcb.rtt.rto
    cc: CongestionControl = tcb.cc
    floor: cython.uint = tcb.init_cwnd
    if tcb.lsnd_at < 0 or not tcb.engine.sysctls.slow_start_after_idle or idle <= rto or cc.is_model_based:
        return
    if cc.cwnd < floor:
        floor = cc.cwnd
    cc.ssthresh = current_ssthresh(tcb)
    while idle > rto and cc.cwnd > floor:
        cc.cwnd >>= 1
        idle -= rto
    if cc.cwnd < floor:
        cc.cwnd = floor
    tcb.cwnd_stamp = now
    tcb.cwnd_used = 0


def current_ssthresh(tcb: Tcb) -> cython.uint:
    """Three quarters of what was reached are remembered when the window fades (RFC 7661 4.4.1's pipeACK, Linux)."""
    cc: CongestionControl = tcb.cc
    kept: cython.uint = (cc.cwnd >> 1) + (cc.cwnd >> 2)
    if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        # cwnd is on its way down to ssthresh: what it is now was not kept.
        return cc.ssthresh
    return kept if kept > cc.ssthresh else cc.ssthresh


def validate_cwnd(tcb: Tcb, limited: cython.bint, now: cython.longlong) -> None:
    """Something was sent, or cwnd forbade it (``limited``): remember how much of the window is used.

    The strongest sign within a window of data counts: it was full, or else the most that was out.
    """
    cc: CongestionControl = tcb.cc
    out: cython.uint = tcb.board.packets_out
    if not seq_lt(tcb.snd_una, tcb.max_packets_seq) or limited or (not cc.is_cwnd_limited and out > cc.max_packets_out):
        cc.is_cwnd_limited = limited
        cc.max_packets_out = out
        tcb.max_packets_seq = tcb.snd_nxt
    if cc.may_grow():
        tcb.cwnd_used = 0
        tcb.cwnd_stamp = now
        return
    if out > tcb.cwnd_used:
        tcb.cwnd_used = out
    if tcb.engine.sysctls.slow_start_after_idle and now - tcb.cwnd_stamp >= tcb.rtt.rto and not cc.is_model_based:
        _fade(tcb, now)


def _fade(tcb: Tcb, now: cython.longlong) -> None:
    # For an RTO the window was not full: halfway down to what was used, never below the initial window.
    cc: CongestionControl = tcb.cc
    used: cython.uint
    if tcb.ca_state == CA_OPEN and not tcb.nospace:
        used = tcb.cwnd_used if tcb.cwnd_used > tcb.init_cwnd else tcb.init_cwnd
        if used < cc.cwnd:
            cc.ssthresh = current_ssthresh(tcb)
            cc.cwnd = (cc.cwnd + used) >> 1
        tcb.cwnd_used = 0
    tcb.cwnd_stamp = now
