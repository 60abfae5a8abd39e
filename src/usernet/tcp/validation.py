"""Congestion-window validation: a window that is not used says little of the path.

Either Linux's form of RFC 2861, which lets what is not used fade (RFC 5681 4.1 after a pause); or, where
net.ipv4.tcp_rfc7661 was set as the connection began, RFC 7661, which keeps it for five minutes and answers congestion
by what was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.seq import seq_lt
from .congestion.base import CongestionControl
from .const import CA_CWR, CA_OPEN, CA_RECOVERY, GROWS, GROWS_WHEN_FULL
from .cwv import WindowValidation
from .tcb import Tcb

if TYPE_CHECKING:
    import cython

# RFC 7661 5: how long a window is kept that nothing validates.
NVP = 300 * SECOND


def restart_after_idle(tcb: Tcb, now: cython.longlong) -> None:
    """Nothing is in flight and something is to be sent: RFC 5681 4.1, by half for each RTO of silence as RFC 2861.

    RFC 7661 has no restart window.
    """
    idle: cython.longlong = now - tcb.lsnd_at
    rto: cython.longlong = tcb.rtt.rto
    cc: CongestionControl = tcb.cc
    floor: cython.uint = tcb.init_cwnd
    if tcb.cwv is not None:
        _resume(tcb, now)
        return
    if not tcb.engine.sysctls.slow_start_after_idle or idle <= rto or cc.is_model_based:
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
    """Three quarters of what was reached are remembered when the window fades (RFC 2861 2, as Linux)."""
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
    if tcb.cwv is not None:
        return
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


# RFC 7661.


def begin_validation(tcb: Tcb) -> None:
    """4.1: a connection starts in the validated phase, pipeACK undefined."""
    tcb.cwv = WindowValidation()
    tcb.cc.growth_rule = GROWS


def measure_pipe(tcb: Tcb, delivered: cython.longlong, now: cython.longlong) -> None:
    """4.2: an ACK delivered so many segments, and may have ended a round trip. Nothing is measured in recovery."""
    cwv: WindowValidation = tcb.cwv
    if tcb.ca_state < CA_CWR and cwv.acknowledged(
        tcb.snd_una, tcb.snd_nxt, tcb.rate.delivered, delivered, tcb.rtt.srtt, now
    ):
        _judge(tcb, now, now)


def conclude_phase(tcb: Tcb) -> None:
    """4.4, 4.4.1: congestion was met, or its recovery is complete: standard methods, until pipeACK is known again."""
    tcb.cwv.forget()
    _enter_phase(tcb, False)


def reduce_nonvalidated(tcb: Tcb) -> None:
    """4.4.1: congestion begins a reduction. In the nonvalidated phase cwnd is Max(pipeACK, LossFlightSize) / 2."""
    cwv: WindowValidation = tcb.cwv
    cc: CongestionControl = tcb.cc
    cwv.is_reducing = cwv.is_nonvalidated and not cc.is_model_based
    if cwv.is_reducing:
        cwv.repaired = 0
        cwv.loss_pipe = _loss_pipe(tcb)
        cc.ssthresh = _half_of(cwv.loss_pipe, 1)
        cc.cwnd = cc.ssthresh
        # PRR goes on from there: it knows of what is in use, not of the cwnd that is not.
        tcb.prr.recover_fs = cwv.loss_pipe


def reset_validated(tcb: Tcb) -> None:
    """4.4.1, the end of recovery: cwnd is (Max(pipeACK, LossFlightSize) - R) / 2, one segment at least; so is ssthresh.

    ssthresh stays two at least (RFC 5681 equation 4).
    """
    cwv: WindowValidation = tcb.cwv
    tcb.cc.cwnd = _half_of(cwv.loss_pipe - cwv.repaired, 1)
    tcb.cc.ssthresh = tcb.cc.cwnd if tcb.cc.cwnd > 2 else 2
    cwv.is_reducing = False


def time_out_nonvalidated(tcb: Tcb) -> None:
    """A timeout brings cwnd down by itself; ssthresh is half of what was used, as after any other loss."""
    cwv: WindowValidation = tcb.cwv
    cwv.is_reducing = False
    if cwv.is_nonvalidated:
        tcb.cc.ssthresh = _half_of(_loss_pipe(tcb), 2)


def _loss_pipe(tcb: Tcb) -> cython.longlong:
    # Max(pipeACK, LossFlightSize); FlightSize is what is not acknowledged cumulatively (RFC 5681 2).
    out: cython.longlong = tcb.board.packets_out
    return out if out > tcb.cwv.pipe_ack else tcb.cwv.pipe_ack


def _half_of(segs: cython.longlong, least: cython.longlong) -> cython.uint:
    return segs >> 1 if segs >> 1 > least else least


def _resume(tcb: Tcb, now: cython.longlong) -> None:
    # The pause counts as well: what was measured before it may be out of date, since the sampling period ended.
    cwv: WindowValidation = tcb.cwv
    lapsed_at: cython.longlong = cwv.lapsed_at(tcb.rtt.srtt)
    if cwv.is_defined and not tcb.cc.is_model_based:
        cwv.paused(tcb.rtt.srtt, now)
        _judge(tcb, lapsed_at if lapsed_at < now else now, now)


def _judge(tcb: Tcb, since: cython.longlong, now: cython.longlong) -> None:
    # 4.3: the phase by pipeACK as it is ``since``; 4.4.3 before the nonvalidated one may end.
    cwv: WindowValidation = tcb.cwv
    cc: CongestionControl = tcb.cc
    if not cwv.is_nonvalidated and 2 * cwv.pipe_ack < cc.cwnd:
        cwv.nonvalidated_at = since
        _enter_phase(tcb, True)
    if cwv.is_nonvalidated:
        _end_periods(tcb, now)
        if 2 * cwv.pipe_ack >= cc.cwnd:
            _enter_phase(tcb, False)


def _enter_phase(tcb: Tcb, is_nonvalidated: cython.bint) -> None:
    tcb.cwv.is_nonvalidated = is_nonvalidated
    tcb.cc.growth_rule = GROWS_WHEN_FULL if is_nonvalidated else GROWS
    if tcb.pacer.spreads != is_nonvalidated:
        # 4.4.2: no burst of a window that may be larger than the path takes.
        tcb.pacer.spreads = is_nonvalidated
        tcb.pacer.setup(tcb.cc, tcb.settings.max_pacing_rate, tcb.engine.timers, tcb)


def _end_periods(tcb: Tcb, now: cython.longlong) -> None:
    # 4.4.3, 4.5.2: one adjustment for each period that has passed.
    cwv: WindowValidation = tcb.cwv
    cc: CongestionControl = tcb.cc
    while now - cwv.nonvalidated_at > NVP and cc.cwnd > tcb.init_cwnd:
        cwv.nonvalidated_at += NVP
        if cc.ssthresh < cc.cwnd - (cc.cwnd >> 2):
            cc.ssthresh = cc.cwnd - (cc.cwnd >> 2)
        cc.cwnd = cc.cwnd >> 1 if cc.cwnd >> 1 > tcb.init_cwnd else tcb.init_cwnd
    if now - cwv.nonvalidated_at > NVP:
        # The rest of them found nothing to take, and must not come back to what grows from here.
        cwv.nonvalidated_at = now
