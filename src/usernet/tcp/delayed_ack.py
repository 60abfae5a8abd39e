"""When to acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2): quick, delayed or compressed ACKs, adapted as Linux does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS
from ..core.timers import Timer
from .compression import Compression
from .const import (
    ACK_NOW,
    ACK_PUSHED,
    ACK_PUSHED2,
    ACK_SCHED,
    ATO_MIN,
    CLOSED,
    DELACK_MAX,
    QUICK_ACKS,
    RCV_SHUTDOWN,
    T_COMPRESS,
)
from .tcb import Engine, Tcb
from .transmit import send_ack
from .window import window_offer

if TYPE_CHECKING:
    import cython

# Duplicate ACKs that are never compressed: a sender may need three of them (RFC 5681).
DUPLICATES = 3


# Quick ACKs: a sender that starts, or is in trouble, needs every one.


def more_quick_acks(tcb: Tcb) -> None:
    """Acknowledge the next segments at once: half a window of them, 16 at most."""
    segs: cython.longlong = tcb.rcv_wnd
    if tcb.rcv_mss > 0:
        segs //= 2 * tcb.rcv_mss
    if segs < 2:
        segs = 2
    if segs > QUICK_ACKS:
        segs = QUICK_ACKS
    if segs > tcb.quick:
        tcb.quick = segs


def quick_acks(tcb: Tcb) -> None:
    """As more_quick_acks, and no reply is expected to carry ACKs (Linux's tcp_enter_quickack_mode)."""
    more_quick_acks(tcb)
    tcb.pingpong = 0
    tcb.ato = ATO_MIN


def is_interactive(tcb: Tcb) -> cython.bint:
    """True while replies are quick enough to carry the ACKs."""
    return tcb.pingpong >= tcb.engine.sysctls.pingpong_thresh


def note_gap(tcb: Tcb, now: cython.longlong) -> None:
    """Text came: adapt the delay to how often it does (Linux's tcp_event_data_recv)."""
    gap: cython.longlong
    if tcb.ato == 0:
        more_quick_acks(tcb)
        tcb.ato = ATO_MIN
    else:
        gap = now - tcb.lrcv_at
        if gap <= ATO_MIN >> 1:
            tcb.ato = (tcb.ato >> 1) + (ATO_MIN >> 1)
        elif gap < tcb.ato:
            tcb.ato = (tcb.ato >> 1) + gap
            if tcb.ato > tcb.rtt.rto:
                tcb.ato = tcb.rtt.rto
        elif gap > tcb.rtt.rto:
            # The sender restarts after a pause: its window is small again.
            more_quick_acks(tcb)
    tcb.lrcv_at = now


# An ACK is owed.


def acknowledge_text(tcb: Tcb, now: cython.longlong) -> None:
    """Send it now, or wait a little for more text or for data to carry it (Linux's __tcp_ack_snd_check)."""
    if (
        (
            (tcb.rcv_nxt - tcb.rcv_wup) & 0x7FFFFFFF > tcb.rcv_mss
            and (tcb.rcv_queue.length < tcb.settings.rcvlowat or window_offer(tcb) >= tcb.rcv_wnd)
        )
        or (tcb.quick > 0 and tcb.pingpong < tcb.engine.sysctls.pingpong_thresh)
        or tcb.ack_pending & ACK_NOW
    ):
        send_ack(tcb, now)
    elif tcb.ofo.held:
        _compress(tcb, now)
    else:
        _delay(tcb, now)


def longest_delay(tcb: Tcb) -> cython.longlong:
    """How long an ACK waits at most: 200 ms, TCP_DELACK_MAX_US, less than the RTO allows for."""
    longest: cython.longlong = tcb.settings.delack_max_ns if tcb.settings.delack_max_ns > 0 else DELACK_MAX
    # Who waits less for an ACK may have a peer that does, too (Linux).
    if tcb.rtt.rto_min < DELACK_MAX and tcb.rtt.rto_min - MS < longest:
        longest = tcb.rtt.rto_min - MS if tcb.rtt.rto_min > 2 * MS else MS
    return longest


def _delay(tcb: Tcb, now: cython.longlong) -> None:
    # Linux's tcp_send_delayed_ack: between 40 and 200 ms, never longer than a round trip takes.
    ato: cython.longlong = tcb.ato
    most: cython.longlong = 500 * MS
    longest: cython.longlong = longest_delay(tcb)
    at: cython.longlong
    if ato > ATO_MIN:
        if tcb.pingpong >= tcb.engine.sysctls.pingpong_thresh or tcb.ack_pending & ACK_PUSHED:
            most = DELACK_MAX
        if tcb.rtt.srtt > 0:
            if tcb.rtt.srtt < ATO_MIN:
                most = ATO_MIN
            elif tcb.rtt.srtt < most:
                most = tcb.rtt.srtt
        if ato > most:
            ato = most
    if ato > longest:
        ato = longest
    at = now + ato
    if tcb.ack_timer.is_armed():
        if tcb.ack_timer.expires_at <= now + (ato >> 2):
            # It is about to go anyway.
            send_ack(tcb, now)
            return
        if tcb.ack_timer.expires_at <= at:
            return
    tcb.ack_timer.arm(at)


def delayed_ack_is_due(tcb: Tcb, now: cython.longlong) -> None:
    """The delayed-ACK timer fired."""
    if not tcb.ack_pending:
        return
    if tcb.pingpong >= tcb.engine.sysctls.pingpong_thresh:
        # The reply that was to carry it did not come.
        tcb.pingpong = 0
        tcb.ato = ATO_MIN
    else:
        tcb.ato = tcb.ato << 1 if tcb.ato << 1 < tcb.rtt.rto else tcb.rtt.rto
    tcb.engine.ext.DelayedACKs += 1
    send_ack(tcb, now)


# Compressed ACKs.


def _compress(tcb: Tcb, now: cython.longlong) -> None:
    engine: Engine = tcb.engine
    held: Compression | None = tcb.compression
    rtt: cython.longlong
    if held is None:
        held = tcb.compression = Compression(Timer(engine.timers, tcb, T_COMPRESS))
        held.rcv_nxt = tcb.rcv_nxt
    if not tcb.sack_ok or held.held >= engine.sysctls.comp_sack_nr:
        send_ack(tcb, now)
        return
    if held.rcv_nxt != tcb.rcv_nxt:
        held.rcv_nxt = tcb.rcv_nxt
        held.sent = 0
    if held.sent < DUPLICATES:
        held.sent += 1
        send_ack(tcb, now)
        return
    held.held += 1
    if held.timer.is_armed():
        return
    rtt = tcb.space.rtt
    if tcb.rtt.srtt > 0 and (tcb.rtt.srtt < rtt or rtt == 0):
        rtt = tcb.rtt.srtt
    rtt = rtt * engine.sysctls.comp_sack_rtt_percent // 100
    if rtt > engine.sysctls.comp_sack_delay_ns:
        rtt = engine.sysctls.comp_sack_delay_ns
    held.timer.arm(now + rtt)


def send_compressed(tcb: Tcb, now: cython.longlong) -> None:
    """One ACK for those held back, if there are any: their time is up, or what they tell is about to be forgotten."""
    held: Compression | None = tcb.compression
    if held is not None and held.held > 0 and tcb.state != CLOSED:
        # One of them is sent after all.
        tcb.engine.ext.TCPAckCompressed += held.held - 1
        held.held = 0
        held.timer.cancel()
        send_ack(tcb, now)


# The reader made room.


def text_left_queue(tcb: Tcb, n: cython.Py_ssize_t, now: cython.longlong) -> None:
    """The reader took n octets: acknowledge now where that tells the sender enough (Linux's __tcp_cleanup_rbuf)."""
    pending: cython.int = tcb.ack_pending
    window: cython.longlong
    offer: cython.longlong
    if pending & ACK_SCHED and (
        (tcb.rcv_nxt - tcb.rcv_wup) & 0x7FFFFFFF > tcb.rcv_mss
        or (
            n > 0
            and tcb.rcv_queue.length == 0
            # A small segment was the last of a write, and its reader has it all: no reply is on its way.
            and (pending & ACK_PUSHED2 or (pending & ACK_PUSHED and not is_interactive(tcb)))
        )
    ):
        send_ack(tcb, now)
        return
    if n <= 0 or tcb.shutdown & RCV_SHUTDOWN:
        return
    # RFC 9293 3.8.6.2.2: only an update that at least doubles what the peer has left.
    window = tcb.receive_window()
    if 2 * window <= tcb.space.clamp:
        offer = window_offer(tcb)
        if offer > 0 and offer >= 2 * window:
            send_ack(tcb, now)


def set_quickack(tcb: Tcb, value: cython.int, now: cython.longlong) -> None:
    """TCP_QUICKACK: 0 expects replies that carry ACKs; 1 does not; an even number sends what is owed and then does."""
    if value == 0:
        tcb.pingpong = tcb.engine.sysctls.pingpong_thresh
        return
    tcb.pingpong = 0
    if tcb.ack_pending & ACK_SCHED:
        tcb.ack_pending |= ACK_PUSHED
        text_left_queue(tcb, 1, now)
        if not value & 1:
            tcb.pingpong = tcb.engine.sysctls.pingpong_thresh
