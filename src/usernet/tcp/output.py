"""What may be sent now, new and again (RFC 9293 3.8.6, RFC 5681, RFC 7661, RFC 896 with Minshall's change)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_add, seq_le, seq_lt
from .congestion.base import CongestionControl
from .const import (
    ACK,
    CA_CWR,
    CA_OPEN,
    CA_RECOVERY,
    FIN,
    INIT_CWND,
    PSH,
    R_FIN,
    RTX_NONE,
    RTX_PROBE,
    RTX_RETRANSMIT,
)  # fmt: skip
from .record import SentRecord, make_record
from .rtx_timer import arm_rtx
from .scoreboard import Scoreboard
from .tcb import Tcb
from .transmit import max_payload, send_mss, send_probe, transmit, usable_path

if TYPE_CHECKING:
    import cython

# Linux's tcp_tso_win_divisor: a super-segment smaller than a third of the window waits for the next ACK.
DEFER_DIVISOR = 3


# New data.


def output(tcb: Tcb, now: cython.longlong) -> None:
    """Send whatever the windows, Nagle and SWS avoidance allow of what is queued, FIN included."""
    board: Scoreboard = tcb.board
    cc: CongestionControl = tcb.cc
    mss: cython.uint
    biggest: cython.uint
    n: cython.uint
    limited: cython.bint = False
    fin: cython.bint
    sent: cython.bint = False
    unsent: cython.longlong = tcb.unsent()
    quota: cython.int
    room: cython.longlong
    if unsent == 0 and (not tcb.fin_queued or tcb.fin_sent):
        return
    if board.packets_out == 0:
        _restart_after_idle(tcb, now)
    if not tcb.path.alive:
        usable_path(tcb)
    mss = send_mss(tcb)
    biggest = max_payload(tcb, mss)
    while unsent > 0 or (tcb.fin_queued and not tcb.fin_sent):
        quota = cc.cwnd - board.in_flight()
        if quota <= 0 and unsent > 0:
            limited = True
            break
        # The peer's window; it may have shrunk below what was sent.
        room = tcb.snd_wnd
        room -= (tcb.snd_nxt - tcb.snd_una) & MASK32
        if unsent == 0:
            if room < 1:
                break
            _send_new(tcb, 0, True, mss, now)
            sent = True
            break
        if room < mss and room < unsent:
            break
        n = _allowance(unsent, room, quota, mss, biggest)
        fin = tcb.fin_queued and n == unsent and room > n
        if n == unsent and n % mss and not fin and _nagle_holds(tcb):
            n -= n % mss
            if n == 0:
                break
        elif n < unsent and n < biggest and _defer(tcb, n, quota, mss, now):
            limited = quota * mss <= room
            break
        if not _send_new(tcb, n, fin, mss, now):
            sent = True
            break
        sent = True
        unsent -= n
    if sent or limited:
        _validate_cwnd(tcb, limited, now)
    if board.packets_out == 0 and tcb.rtx_kind == RTX_NONE:
        # Nothing is in flight to bring an ACK: probe (RFC 9293 3.8.6.1).
        arm_rtx(tcb, RTX_PROBE, now)


def probe_window(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """The probe timer fired: send a segment cut to the window there is (True), or else an old sequence number.

    The first overrides SWS avoidance (RFC 9293 3.8.6.2.1), the second asks for a fresh window.
    """
    room: cython.longlong = tcb.snd_wnd
    n: cython.longlong = tcb.unsent()
    mss: cython.uint = send_mss(tcb)
    room -= (tcb.snd_nxt - tcb.snd_una) & MASK32
    if room <= 0:
        send_probe(tcb, now)
        return False
    if n > mss:
        n = mss
    if n > room:
        n = room
    _send_new(tcb, n, tcb.fin_queued and n == tcb.unsent() and room > n, mss, now)
    return True


def _allowance(
    unsent: cython.longlong, room: cython.longlong, quota: cython.int, mss: cython.uint, biggest: cython.uint
) -> cython.uint:
    # Octets of the next super-segment: whole segments, unless it takes all there is.
    n: cython.longlong = quota
    n *= mss
    if n > biggest:
        n = biggest
    if n > room:
        n = room
    if n >= unsent:
        return unsent
    return n - n % mss if n > mss else n


def _nagle_holds(tcb: Tcb) -> cython.bint:
    # A short segment waits: corked, or behind another short one that is not acknowledged (Minshall).
    if tcb.settings.cork or tcb.more:
        return True
    if tcb.settings.nodelay or tcb.board.packets_out == 0:
        return False
    return seq_lt(tcb.snd_una, tcb.snd_sml) and seq_le(tcb.snd_sml, tcb.snd_nxt)


def _defer(tcb: Tcb, n: cython.uint, quota: cython.int, mss: cython.uint, now: cython.longlong) -> cython.bint:
    # Small super-segments breed small super-segments: wait for another ACK when one is sure to come soon.
    window: cython.longlong = tcb.cc.cwnd
    if tcb.ca_state >= CA_RECOVERY or tcb.board.packets_out == 0 or tcb.path.gso_max == 0:
        return False
    window *= mss
    if tcb.snd_wnd < window:
        window = tcb.snd_wnd
    if n >= window // DEFER_DIVISOR:
        return False
    # The oldest unacknowledged has been out for less than half a round trip: its ACK is not near.
    return now - tcb.board.record(0).sent_at >= tcb.rtt.srtt >> 1


def _send_new(tcb: Tcb, n: cython.uint, fin: cython.bint, mss: cython.uint, now: cython.longlong) -> cython.bint:
    # One super-segment of new data. False when the floor below refused it: the timer will send it again.
    board: Scoreboard = tcb.board
    start: cython.uint = tcb.snd_nxt
    end: cython.uint = seq_add(start, n + (1 if fin else 0))
    flags: cython.uint = ACK
    segs: cython.uint = (n + mss - 1) // mss if n > mss else 1
    record: SentRecord
    answer: cython.int
    if fin:
        flags |= FIN
    if n > 0 and tcb.position(start) + n == tcb.queue.end:
        flags |= PSH
    _data_sent(tcb, n, now)
    answer = transmit(tcb, start, n, flags, mss, now)
    record = make_record(start, end, segs, now)
    if fin:
        record.flags = R_FIN
        tcb.fin_sent = True
    tcb.rate.sent(record, board.in_flight(), board.packets_out, now)
    tcb.snd_nxt = end
    if n % mss:
        tcb.snd_sml = end
    if n > 0:
        tcb.engine.ext.TCPOrigDataSent += segs
    board.add(record)
    if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        tcb.prr.out += segs
    if tcb.rtx_kind != RTX_RETRANSMIT:
        arm_rtx(tcb, RTX_RETRANSMIT, now)
    return answer >= 0


def _data_sent(tcb: Tcb, n: cython.uint, now: cython.longlong) -> None:
    tcb.lsnd_at = now
    # A reply within the delayed-ACK time shows an exchange of requests and responses: let ACKs ride along.
    if n > 0 and now - tcb.lrcv_at < tcb.ato:
        tcb.pingpong = 1


def _restart_after_idle(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 5681 4.1, decaying by half for each RTO of silence as RFC 2861 and Linux do.
    idle: cython.longlong = now - tcb.lsnd_at
    rto: cython.longlong = tcb.rtt.rto
    cc: CongestionControl = tcb.cc
    floor: cython.uint = INIT_CWND
    if tcb.lsnd_at == 0 or idle <= 0:
        return
    cc.on_restart(idle, now)
    if not tcb.engine.sysctls.slow_start_after_idle or idle <= rto:
        return
    if cc.cwnd < floor:
        floor = cc.cwnd
    cc.ssthresh = _current_ssthresh(cc)
    while idle > rto and cc.cwnd > floor:
        cc.cwnd >>= 1
        idle -= rto
    if cc.cwnd < floor:
        cc.cwnd = floor
    tcb.cwnd_stamp = now
    tcb.cwnd_used = 0


def _current_ssthresh(cc: CongestionControl) -> cython.uint:
    kept: cython.uint = (cc.cwnd >> 1) + (cc.cwnd >> 2)
    return kept if kept > cc.ssthresh else cc.ssthresh


def _validate_cwnd(tcb: Tcb, limited: cython.bint, now: cython.longlong) -> None:
    # RFC 7661 and RFC 2861: a window that is not used does not grow, and fades.
    cc: CongestionControl = tcb.cc
    out: cython.uint = tcb.board.packets_out
    used: cython.uint
    if not seq_lt(tcb.snd_una, tcb.max_packets_seq) or limited or (not cc.is_cwnd_limited and out > cc.max_packets_out):
        cc.is_cwnd_limited = limited
        cc.max_packets_out = out
        tcb.max_packets_seq = tcb.snd_nxt
    if limited or cc.is_cwnd_limited:
        tcb.cwnd_used = 0
        tcb.cwnd_stamp = now
        return
    if out > tcb.cwnd_used:
        tcb.cwnd_used = out
    if not tcb.engine.sysctls.slow_start_after_idle or now - tcb.cwnd_stamp < tcb.rtt.rto:
        return
    if tcb.ca_state == CA_OPEN and not tcb.nospace:
        used = tcb.cwnd_used if tcb.cwnd_used > INIT_CWND else INIT_CWND
        if used < cc.cwnd:
            cc.ssthresh = _current_ssthresh(cc)
            cc.cwnd = (cc.cwnd + used) >> 1
        tcb.cwnd_used = 0
    tcb.cwnd_stamp = now
