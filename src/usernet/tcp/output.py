"""What may be sent now: windows, pacing, SWS avoidance, Nagle (RFC 9293 3.8.6, RFC 5681, RFC 896 with Minshall)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS, POLLERR
from ..core.seq import seq_add, seq_le, seq_lt
from .const import (
    ACK,
    CA_CWR,
    CA_RECOVERY,
    FIN,
    PSH,
    R_FIN,
    R_PUSHED,
    RTX_NONE,
    RTX_PROBE,
    RTX_TAIL,
    WAIT_RWND,
    WAIT_SNDBUF,
)  # fmt: skip
from .plpmtud import probe_length, probe_sent
from .record import SentRecord, make_record
from .retransmit import retransmit_lost
from .rtx_timer import arm_rtx, rearm_rto, schedule_probe
from .scoreboard import Scoreboard
from .tcb import Tcb
from .transmit import max_payload, send_mss, send_probe, transmit, usable_path
from .validation import restart_after_idle, validate_cwnd

if TYPE_CHECKING:
    import cython

# Without an ACK for so long, a small super-segment does not wait for one (Linux's tcp_tso_should_defer).
DEFER_MAX = MS
# What output() met: something was to leave, cwnd or the peer's window holds what follows; or nothing is to leave yet.
O_TRIED = 1
O_CWND = 2
O_RWND = 4
O_WAITS = 8


def output(tcb: Tcb, now: cython.longlong) -> None:
    """Send whatever the windows, pacing, Nagle and SWS avoidance allow of what is queued, FIN included."""
    unsent: cython.longlong = tcb.unsent()
    did: cython.int
    if unsent == 0 and (not tcb.fin_queued or tcb.fin_sent):
        return
    if tcb.board.packets_out == 0:
        restart_after_idle(tcb, now)
    if not tcb.path.alive:
        usable_path(tcb)
    did = _send_queued(tcb, unsent, now)
    if did == O_WAITS:
        return
    if did & O_TRIED:
        schedule_probe(tcb, False, now)
    _note_limits(tcb, did, now)
    if tcb.board.packets_out == 0 and tcb.rtx_kind == RTX_NONE:
        # Nothing is in flight to bring an ACK: probe (RFC 9293 3.8.6.1).
        arm_rtx(tcb, RTX_PROBE, now)


def _send_queued(tcb: Tcb, unsent: cython.longlong, now: cython.longlong) -> cython.int:
    # Segment after segment, until all is sent or something holds the next one: O_ flags tell what was met.
    mss: cython.uint = send_mss(tcb)
    biggest: cython.uint = _largest(tcb, mss)
    did: cython.int = 0
    fin: cython.bint
    n: cython.longlong
    if tcb.mtu.is_on and unsent > 0 and not tcb.pushes_one:
        n = _probe_mtu(tcb, mss, unsent, now)
        if n < 0:
            return O_WAITS
        if n > 0:
            did = O_TRIED
            unsent -= n
    while unsent > 0 or (tcb.fin_queued and not tcb.fin_sent):
        if tcb.pacer.is_on and not tcb.pacer.may_leave(now):
            break
        n = _next_octets(tcb, unsent, mss, biggest, now)
        if n < 0:
            return did | -n
        fin = tcb.fin_queued and n == unsent and tcb.peer_room() > n
        if n == 0 and not fin:
            break
        did |= O_TRIED
        if not _send_new(tcb, n, fin, False, mss, now):
            break
        unsent -= n
        if tcb.pushes_one:
            break
    return did


def _next_octets(
    tcb: Tcb, unsent: cython.longlong, mss: cython.uint, biggest: cython.uint, now: cython.longlong
) -> cython.longlong:
    # Text of the next super-segment; 0 of a FIN alone, or when it waits for more text or another ACK; below 0 the O_
    # flag of a limit.
    cwnd: cython.int = tcb.cc.cwnd
    quota: cython.int = cwnd - tcb.board.in_flight()
    # Never the whole window in one piece: ACKs would come in one piece too.
    half: cython.int = cwnd >> 1 if cwnd > 1 else 1
    room: cython.longlong = tcb.peer_room()
    ready: cython.longlong
    n: cython.longlong
    if unsent == 0:
        # The FIN alone takes a place in the peer's window. Ours need not have one for it, as packetdrill's scripts have
        # it; Linux 6.18 waits.
        return 0 if room > 0 else -O_RWND
    if quota <= 0:
        return -O_CWND
    # A mark in the stream (MSG_EOR) ends a segment.
    ready = _before_bound(tcb, unsent)
    if room < mss and room < ready:
        return -O_RWND
    n = _allowance(ready, room, quota if quota < half else half, mss, biggest)
    if n < ready and n < biggest and not tcb.pushes_one and _defer(tcb, room, quota, mss, biggest, now):
        return -O_CWND if quota * mss <= room else 0
    # Of the last text, and of a window that more text fills, what is beyond whole segments obeys Nagle: one such is in
    # flight at most, and behind a whole segment (SWS avoidance of RFC 9293 3.8.6.2.1 as Linux has it).
    if (
        (n == unsent or (n == room and n > mss))
        and n % mss
        and not (n == unsent and tcb.fin_queued and room > n)
        and _nagle_holds(tcb)
    ):
        return n - n % mss
    return n


def _note_limits(tcb: Tcb, did: cython.int, now: cython.longlong) -> None:
    # What sending came up against, for tcp_info and for the validation of cwnd.
    quota: cython.int = tcb.cc.cwnd - tcb.board.in_flight()
    if did & O_RWND:
        tcb.chrono.start(WAIT_RWND, now)
    elif tcb.chrono.kind == WAIT_RWND:
        tcb.chrono.stop(WAIT_RWND, True, now)
    if not did & (O_TRIED | O_CWND):
        return
    if tcb.nospace and did & O_TRIED and tcb.unsent() == 0:
        # The writer is the one who cannot keep up: its buffer is too small.
        tcb.chrono.start(WAIT_SNDBUF, now)
    validate_cwnd(tcb, quota <= 0 or (did & O_CWND) != 0, now)


def push(tcb: Tcb, now: cython.longlong) -> None:
    """Send what is queued, short segments too: TCP_NODELAY was set, or TCP_CORK cleared (tcp(7))."""
    tcb.pushes = True
    try:
        output(tcb, now)
    finally:
        tcb.pushes = False


def push_one(tcb: Tcb, now: cython.longlong) -> None:
    """Send one super-segment in the middle of a write; what it leaves of its piece takes more text (Linux)."""
    tcb.pushes_one = True
    try:
        output(tcb, now)
    finally:
        tcb.pushes_one = False


def pace(tcb: Tcb, now: cython.longlong) -> None:
    """The pacing timer: the next segment may leave, what is lost before what is new."""
    if tcb.board.lost_out > 0:
        retransmit_lost(tcb, now)
    output(tcb, now)


def note_app_limited(tcb: Tcb) -> None:
    """About to queue more: if the sender stood idle for want of data, samples of now are no measure of the path."""
    board: Scoreboard = tcb.board
    flight: cython.uint = board.in_flight()
    if flight < tcb.cc.cwnd and tcb.unsent() < tcb.mss and board.lost_out <= board.retrans_out:
        tcb.rate.mark_app_limited(flight)


def probe_window(tcb: Tcb, now: cython.longlong) -> cython.int:
    """The probe timer fired: send a segment cut to the window there is, or else an old sequence number.

    The first overrides SWS avoidance (RFC 9293 3.8.6.2.1), the second asks for a fresh window. Negative when the floor
    below did not take it.
    """
    room: cython.longlong = tcb.peer_room()
    mss: cython.uint
    n: cython.longlong
    if room <= 0:
        return send_probe(tcb, now)
    if not tcb.path.alive:
        usable_path(tcb)
    mss = send_mss(tcb)
    n = _next_segment(tcb, mss)
    if n > room:
        n = room
    tcb.more_end = 0
    # Pushed, wherever it was cut (Linux): nothing follows until it is answered.
    return 0 if _send_new(tcb, n, tcb.fin_queued and n == tcb.unsent() and room > n, True, mss, now) else -1


def send_one(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """Send one segment of new data although cwnd may forbid it (RFC 8985 7.3). False if there is none that fits."""
    room: cython.longlong = tcb.peer_room()
    mss: cython.uint
    n: cython.longlong
    if not tcb.path.alive:
        usable_path(tcb)
    mss = send_mss(tcb)
    n = _next_segment(tcb, mss)
    if room < n or (n == 0 and (room == 0 or not tcb.fin_queued or tcb.fin_sent)):
        return False
    return _send_new(tcb, n, tcb.fin_queued and n == tcb.unsent() and room > n, False, mss, now)


def _allowance(
    unsent: cython.longlong, room: cython.longlong, quota: cython.int, mss: cython.uint, biggest: cython.uint
) -> cython.uint:
    # Octets of the next super-segment: whole segments, unless it takes all there is, or all the room.
    n: cython.longlong = quota
    n *= mss
    if n > biggest:
        n = biggest
    if n > room:
        n = room
    return unsent if n >= unsent else n


def _before_bound(tcb: Tcb, unsent: cython.longlong) -> cython.longlong:
    # Octets that may share a segment with the next one.
    at: cython.longlong
    if tcb.marks is None:
        return unsent
    at = tcb.position(tcb.snd_nxt)
    if tcb.marks.next_bound > at:
        at = tcb.marks.next_bound - at
        return at if at < unsent else unsent
    return unsent


def _next_segment(tcb: Tcb, mss: cython.uint) -> cython.longlong:
    # Octets of the next segment, whatever the window.
    n: cython.longlong = _before_bound(tcb, tcb.unsent())
    return n if n < mss else mss


def _nagle_holds(tcb: Tcb) -> cython.bint:
    # A short segment waits: corked, or behind another short one that is not acknowledged (Minshall). None does while
    # urgent data is under way, whose news would come late (Linux).
    if tcb.pushes or (tcb.urgent is not None and tcb.urgent.is_sending and seq_lt(tcb.snd_una, tcb.urgent.snd_up)):
        return False
    if tcb.settings.cork or tcb.more:
        return True
    if tcb.settings.nodelay or tcb.board.packets_out == 0:
        return False
    return seq_lt(tcb.snd_una, tcb.snd_sml) and seq_le(tcb.snd_sml, tcb.snd_nxt)


def _largest(tcb: Tcb, mss: cython.uint) -> cython.uint:
    # Text of the next super-segment at most.
    biggest: cython.uint = max_payload(tcb, mss)
    burst: cython.longlong
    if biggest > mss:
        burst = tcb.pacer.burst(tcb.cc, tcb.board.packets_out, tcb.path.gso_max)
        if burst * mss < biggest:
            return burst * mss
    return biggest


def _defer(
    tcb: Tcb,
    room: cython.longlong,
    quota: cython.int,
    mss: cython.uint,
    biggest: cython.uint,
    now: cython.longlong,
) -> cython.bint:
    # Small super-segments breed small super-segments: wait for another ACK when one is sure to come soon.
    window: cython.longlong = tcb.cc.cwnd
    allowed: cython.longlong = quota
    wait: cython.longlong
    soon: cython.longlong = tcb.rtt.srtt >> 1
    if tcb.ca_state >= CA_RECOVERY or tcb.board.packets_out == 0 or biggest <= mss or now - tcb.lsnd_at >= DEFER_MAX:
        return False
    allowed *= mss
    if room < allowed:
        allowed = room
    window *= mss
    if tcb.snd_wnd < window:
        window = tcb.snd_wnd
    if allowed >= biggest or allowed >= window // tcb.engine.sysctls.tso_win_divisor:
        return False
    if soon > DEFER_MAX:
        soon = DEFER_MAX
    wait = tcb.board.record(0).sent_at + tcb.rtt.srtt - now
    return wait <= soon


def _probe_mtu(tcb: Tcb, mss: cython.uint, unsent: cython.longlong, now: cython.longlong) -> cython.int:
    # Octets of the MTU probe that was sent first, 0 for none, -1 when it is worth waiting for (plpmtud.py).
    size: cython.int = probe_length(tcb, mss, unsent, now)
    if size < 0:
        return -1
    if size == 0 or _before_bound(tcb, unsent) < size or (tcb.pacer.is_on and not tcb.pacer.may_leave(now)):
        return 0
    if not _send_new(tcb, size, False, False, size, now):
        return 0
    probe_sent(tcb, size)
    return size


def _send_new(
    tcb: Tcb, n: cython.uint, fin: cython.bint, push: cython.bint, mss: cython.uint, now: cython.longlong
) -> cython.bint:
    # One super-segment of new data. False when the floor below refused it: it stays unsent, for an ACK or the timer.
    board: Scoreboard = tcb.board
    start: cython.uint = tcb.snd_nxt
    end: cython.uint = seq_add(start, n + (1 if fin else 0))
    flags: cython.uint = ACK
    segs: cython.uint = (n + mss - 1) // mss if n > mss else 1
    pushed: cython.bint = n > 0 and (push or _is_pushed(tcb, tcb.position(start) + n))
    record: SentRecord
    if fin:
        flags |= FIN
    if n > mss or pushed:
        # A super-segment is pushed as well: the receiver's GRO need not wait for more (Linux).
        flags |= PSH
    if n > 0 and board.packets_out == 0 and tcb.lsnd_at < now:
        tcb.cc.on_restart(now - tcb.lsnd_at, now)
    if transmit(tcb, start, n, flags, mss, now) < 0:
        return False
    record = make_record(start, end, segs, mss, now)
    if n > 0:
        record.chunk = tcb.queue.found()
    if pushed:
        record.flags = R_PUSHED
    if fin:
        record.flags |= R_FIN
        tcb.fin_sent = True
    tcb.rate.sent(record, board.in_flight(), board.packets_out, now)
    if tcb.pacer.is_on and tcb.data_segs_out > tcb.init_cwnd:
        # The first window leaves at once: of the path nothing is known yet.
        tcb.pacer.sent(n, now)
    tcb.snd_nxt = end
    if tcb.marks is not None and tcb.marks.sent(tcb.position(start) + n, now, tcb.report_room()):
        tcb.wake(POLLERR)
    if n % mss:
        tcb.snd_sml = end
    if n > 0:
        tcb.engine.ext.TCPOrigDataSent += segs
    board.add(record)
    if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        tcb.prr.out += segs
    if tcb.rtx_kind == RTX_TAIL or tcb.snd_una == start:
        rearm_rto(tcb, now)
    return True


def _is_pushed(tcb: Tcb, end: cython.ulonglong) -> cython.bint:
    # The last octet of a write that promised no more (MSG_MORE), one that a mark follows, or the end of a piece of
    # which some was pushed before.
    if end == tcb.queue.end:
        return end != tcb.more_end or tcb.pushed_at > tcb.piece_at
    return tcb.marks is not None and tcb.marks.next_pushed and tcb.marks.next_bound == end
