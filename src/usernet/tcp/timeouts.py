"""What happens when a timer expires (RFC 9293 3.10.8; RFC 6298 5.4-5.7, RFC 1122 4.2.3.5, 4.2.3.6)."""

from __future__ import annotations

from errno import ETIMEDOUT
from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.counters import TcpExtMib
from .const import (
    ACK,
    CA_DISORDER,
    CA_LOSS,
    CA_RECOVERY,
    CLOSED,
    FIN_WAIT_2,
    INFINITE_SSTHRESH,
    RTX_NONE,
    RTX_PROBE,
    RTX_RETRANSMIT,
    RTX_TAIL,
    SYN,
    SYN_RECEIVED,
    SYN_SENT,
    T_COMPRESS,
    T_DELACK,
    T_KEEP,
    T_PACE,
    TIME_WAIT_LEN,
)  # fmt: skip
from .delayed_ack import delayed_ack_is_due, send_compressed
from .fastopen import FastOpen
from .fastopen_client import met_blackhole
from .lifecycle import finish, timed_out
from .output import pace, probe_window, send_one
from .plpmtud import suspect_black_hole
from .recovery import enter_loss, reordering_timeout
from .retransmit import retransmit, retransmit_lost, retransmit_tail
from .rtx_timer import arm_rtx, heed_user_timeout, rearm_rto
from .settings import Settings, keepidle, keepintvl
from .state import ABORT, TIMEOUT
from .tcb import Engine, Tcb
from .transmit import send_probe, send_reset, send_syn

if TYPE_CHECKING:
    import cython

# How soon what the device refused is tried again (Linux's TCP_RESOURCE_PROBE_INTERVAL).
RESOURCE_PROBE = SECOND // 2
# Linux: an orphan is given 8 retransmissions while its peer answers.
ORPHAN_RETRIES = 8
# Linux's TCP_RTO_MIN, from which it works out how long so many backed-off retransmissions take.
BASE_RTO = SECOND // 5
# A connection with so little in flight is thin (Linux's tcp_stream_is_thin), and so often not backed off.
THIN = 4
THIN_RETRIES = 6


def timer_expired(tcb: Tcb, kind: cython.int, now: cython.longlong) -> None:
    """A timer of this connection reached its deadline."""
    what: cython.int = tcb.rtx_kind
    if tcb.state == CLOSED:
        return
    if kind == T_DELACK:
        delayed_ack_is_due(tcb, now)
    elif kind == T_COMPRESS:
        send_compressed(tcb, now)
    elif kind == T_KEEP:
        _keep_timer(tcb, now)
    elif kind == T_PACE:
        pace(tcb, now)
    else:
        tcb.rtx_kind = RTX_NONE
        if tcb.state == SYN_SENT or tcb.state == SYN_RECEIVED or tcb.is_unproved():
            _syn_timeout(tcb, now)
        elif what == RTX_PROBE:
            _probe_timeout(tcb, now)
        elif what == RTX_RETRANSMIT:
            retransmission_timeout(tcb, now)
        else:
            tcb.rtx_kind = what
            if what == RTX_TAIL:
                _probe_tail(tcb, now)
            else:
                if reordering_timeout(tcb, now):
                    retransmit_lost(tcb, now)
                if tcb.rtx_kind != RTX_RETRANSMIT:
                    rearm_rto(tcb, now)


def patience(tcb: Tcb, retries: cython.int) -> cython.longlong:
    """How long that many retransmissions take when the RTO starts at its floor and doubles (Linux's tcp_model_timeout).

    RFC 1122's R1 and R2 as spans: a peer with a long RTO does not get fewer seconds.
    """
    threshold: cython.int = 0
    most: cython.longlong = tcb.rtt.rto_max
    base: cython.longlong = BASE_RTO
    while base << (threshold + 1) <= most:
        threshold += 1
    if retries <= threshold:
        return ((2 << retries) - 1) * base
    return ((2 << threshold) - 1) * base + (retries - threshold) * most


# Retransmission.


def _syn_timeout(tcb: Tcb, now: cython.longlong) -> None:
    engine: Engine = tcb.engine
    retries: cython.int = tcb.settings.syncnt
    linear: cython.int = 0
    fast: FastOpen | None = tcb.fastopen
    if tcb.state == SYN_SENT:
        if retries == 0:
            retries = engine.sysctls.syn_retries
        linear = engine.sysctls.syn_linear_timeouts
    elif retries == 0:
        # A user may have the connection already, opened by its SYN: one more try (Linux).
        retries = engine.sysctls.synack_retries + (1 if tcb.is_unproved() else 0)
    if fast is not None and fast.asked and tcb.retransmits == 2:
        met_blackhole(tcb, now)
    if tcb.retransmits >= retries + linear or _user_timeout(tcb, now):
        timed_out(tcb, ETIMEDOUT)
        return
    engine.ext.TCPTimeouts += 1
    engine.ext.TCPSynRetrans += 1
    engine.mib.RetransSegs += 1
    if tcb.retrans_at < 0:
        tcb.retrans_at = tcb.syn_sent_at
    tcb.retransmits += 1
    tcb.chrono.timed_out(now)
    tcb.total_retrans += 1
    if tcb.retransmits > linear:
        tcb.backoff += 1
    send_syn(tcb, SYN if tcb.state == SYN_SENT else SYN | ACK, now)
    arm_rtx(tcb, RTX_RETRANSMIT, now)
    heed_user_timeout(tcb, tcb.retrans_at, now)


def _user_timeout(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # RFC 9293 3.8.3, RFC 5482.
    return 0 < tcb.settings.user_timeout_ns <= now - tcb.retrans_at and tcb.retransmits > 0


def _out_of_patience(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # R2 (RFC 9293 3.8.3 MUST-20): tcp_retries2, the user timeout, or little for an orphan.
    engine: Engine = tcb.engine
    retries: cython.int = engine.sysctls.retries2
    limit: cython.longlong
    if tcb.retransmits == 0:
        return False
    if now - tcb.retrans_at >= patience(tcb, engine.sysctls.retries1):
        # R1: perhaps the path is to blame (RFC 1122 4.2.3.5), or the size of our segments.
        _doubt_path(tcb)
        suspect_black_hole(tcb, now)
    if tcb.is_orphan:
        retries = _orphan_retries(tcb)
        if tcb.retransmits >= retries:
            return True
    limit = tcb.settings.user_timeout_ns if tcb.settings.user_timeout_ns else patience(tcb, retries)
    return now - tcb.retrans_at >= limit


def _orphan_retries(tcb: Tcb) -> cython.int:
    # An ICMP error says that something is wrong: then none (Linux's tcp_orphan_retries).
    retries: cython.int = tcb.engine.sysctls.orphan_retries
    alive: cython.bint = _still_doubles(tcb)
    if tcb.soft_err and not alive:
        return 0
    return ORPHAN_RETRIES if retries == 0 and alive else retries


def _still_doubles(tcb: Tcb) -> cython.bint:
    # The timeout has not reached its bound.
    return (tcb.rtt.rto << tcb.backoff if tcb.backoff < 24 else tcb.rtt.rto_max) < tcb.rtt.rto_max


def _out_of_resources(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # Too many orphans, or too little memory: this one ends, sooner if it has not moved for long (Linux's function). It
    # bounds a flood of peers that keep their windows shut (Sockstress).
    engine: Engine = tcb.engine
    weight: cython.int = 0
    if now - tcb.lsnd_at > 2 * tcb.rtt.rto_max:
        weight += 1
    if tcb.soft_err:
        weight += 1
    if engine.orphans << weight <= engine.sysctls.max_orphans and not engine.pool.under_pressure():
        return False
    if now - tcb.lsnd_at <= TIME_WAIT_LEN or (tcb.snd_wnd == 0 and tcb.board.packets_out == 0):
        send_reset(tcb, now)
    engine.ext.TCPAbortOnMemory += 1
    finish(tcb, ABORT, 0)
    return True


def _doubt_path(tcb: Tcb) -> None:
    try:
        tcb.path = tcb.engine.sender.path(tcb.remote, tcb.local, tcb.settings.oif)
    except OSError as error:
        tcb.soft_err = error.errno or 0


def _retransmissions_probe(tcb: Tcb) -> cython.bint:
    # The peer took back a window that text was sent into: what is sent again probes it, and while the peer answers the
    # connection stays (RFC 9293 3.8.6, 3.8.6.1).
    return tcb.snd_wnd == 0 and not tcb.is_orphan


def _probing_failed(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # It does not answer any more (the span is Linux's); or what was sent is not acknowledged for longer than the user
    # waits, answers or not (RFC 5482).
    since: cython.longlong = tcb.retrans_at
    if tcb.settings.user_timeout_ns == 0:
        return now - tcb.rcv_at > 2 * tcb.rtt.rto_max
    if since < 0:
        since = tcb.board.record(0).sent_at
    return now - since >= tcb.settings.user_timeout_ns


def retransmission_timeout(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 6298 5.4-5.7, or the end of patience."""
    engine: Engine = tcb.engine
    probes: cython.bint = _retransmissions_probe(tcb)
    if tcb.board.packets_out == 0:
        return
    if probes:
        if _probing_failed(tcb, now):
            timed_out(tcb, ETIMEDOUT)
            return
        tcb.retransmits = 0
        if tcb.settings.user_timeout_ns == 0:
            # Patience begins when the window opens.
            tcb.retrans_at = -1
    else:
        engine.ext.TCPTimeouts += 1
        if _out_of_patience(tcb, now):
            timed_out(tcb, ETIMEDOUT)
            return
        if tcb.is_orphan and _out_of_resources(tcb, now):
            return
        if tcb.retransmits == 0:
            _count_failure(tcb)
    enter_loss(tcb, now)
    if not probes:
        tcb.retransmits += 1
        tcb.chrono.timed_out(now)
    # RFC 6298 5.4: the first segment, whatever cwnd says.
    retransmit(tcb, tcb.board.find(tcb.snd_una), 1, now)
    if (
        (engine.sysctls.thin_linear_timeouts or tcb.settings.thin_linear)
        and tcb.board.packets_out < THIN
        and tcb.cc.ssthresh < INFINITE_SSTHRESH
        and tcb.retransmits <= THIN_RETRIES
    ):
        tcb.backoff = 0
    else:
        # RFC 6298 5.5.
        tcb.backoff += 1
    arm_rtx(tcb, RTX_RETRANSMIT, now)
    heed_user_timeout(tcb, tcb.retrans_at, now)


def _count_failure(tcb: Tcb) -> None:
    # What had been tried when the timer fired.
    ext: TcpExtMib = tcb.engine.ext
    if tcb.ca_state == CA_RECOVERY:
        if tcb.sack_ok:
            ext.TCPSackRecoveryFail += 1
        else:
            ext.TCPRenoRecoveryFail += 1
    elif tcb.ca_state == CA_LOSS:
        ext.TCPLossFailures += 1
    elif tcb.ca_state == CA_DISORDER or tcb.board.sacked_out > 0:
        if tcb.sack_ok:
            ext.TCPSackFailures += 1
        else:
            ext.TCPRenoFailures += 1


def _probe_tail(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 8985 7.3: one probe for a tail; new data if there is any, or else the last segment again.
    if tcb.board.packets_out > 0 and not tcb.probe.is_open:
        if tcb.trace is not None:
            tcb.trace.note(tcb, "tail_probe", now)
        tcb.probe.retransmitted = False
        if not send_one(tcb, now):
            tcb.probe.retransmitted = retransmit_tail(tcb, now)
            tcb.probe.is_open = tcb.probe.retransmitted
        else:
            tcb.probe.is_open = True
        if tcb.probe.is_open:
            tcb.probe.end = tcb.snd_nxt
            tcb.engine.ext.TCPLossProbes += 1
            # The retransmission timer starts anew with the probe.
            tcb.rtx_kind = RTX_NONE
    rearm_rto(tcb, now)


def _probe_timeout(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 9293 3.8.6.1: a window of 0 is probed for as long as the peer answers.
    engine: Engine = tcb.engine
    limit: cython.int = engine.sysctls.retries2
    answer: cython.int
    if tcb.board.packets_out > 0 or (tcb.unsent() == 0 and (not tcb.fin_queued or tcb.fin_sent)):
        return
    if tcb.probes_at < 0:
        tcb.probes_at = now
    elif 0 < tcb.settings.user_timeout_ns <= now - tcb.probes_at:
        timed_out(tcb, ETIMEDOUT)
        return
    if tcb.is_orphan:
        # Nobody waits for this connection: a peer that never opens its window does not keep it.
        limit = _orphan_retries(tcb)
        if tcb.backoff >= limit and not _still_doubles(tcb):
            timed_out(tcb, ETIMEDOUT)
            return
        if _out_of_resources(tcb, now):
            return
    if tcb.probes_out >= limit:
        timed_out(tcb, ETIMEDOUT)
        return
    engine.ext.TCPWinProbe += 1
    answer = probe_window(tcb, now)
    if tcb.board.packets_out > 0 or tcb.state == CLOSED:
        tcb.probes_out = tcb.backoff = 0
        tcb.probes_at = -1
        return
    tcb.probes_out += 1
    if answer < 0:
        # It did not even leave: try again soon, whatever the backoff (Linux).
        tcb.rtx_kind = RTX_PROBE
        tcb.rtx_timer.arm(now + RESOURCE_PROBE)
    else:
        if tcb.backoff < engine.sysctls.retries2:
            tcb.backoff += 1
        arm_rtx(tcb, RTX_PROBE, now)
    heed_user_timeout(tcb, tcb.probes_at, now)


# Keep-alive, and FIN_WAIT_2 without an owner.


def _keep_timer(tcb: Tcb, now: cython.longlong) -> None:
    engine: Engine = tcb.engine
    settings: Settings = tcb.settings
    idle: cython.longlong
    wanted: cython.longlong = keepidle(settings, engine.sysctls)
    if tcb.is_orphan and tcb.state == FIN_WAIT_2:
        finish(tcb, TIMEOUT, 0)
        return
    if not settings.keepalive or tcb.state == SYN_SENT or tcb.state == SYN_RECEIVED:
        return
    if tcb.board.packets_out > 0 or tcb.unsent() > 0:
        # What is under way will show whether the peer lives.
        tcb.keep_timer.arm(now + wanted)
        return
    idle = now - tcb.rcv_at
    if idle < wanted:
        tcb.keep_timer.arm(now + wanted - idle)
        return
    if _keepalive_failed(tcb, idle):
        send_reset(tcb, now)
        timed_out(tcb, ETIMEDOUT)
        return
    engine.ext.TCPKeepAlive += 1
    if send_probe(tcb, now) < 0:
        tcb.keep_timer.arm(now + RESOURCE_PROBE)
        return
    tcb.probes_out += 1
    tcb.keep_timer.arm(now + keepintvl(settings, engine.sysctls))


def _keepalive_failed(tcb: Tcb, idle: cython.longlong) -> cython.bint:
    settings: Settings = tcb.settings
    if settings.user_timeout_ns > 0:
        return idle >= settings.user_timeout_ns and tcb.probes_out > 0
    return tcb.probes_out >= (settings.keepcnt if settings.keepcnt else tcb.engine.sysctls.keepalive_probes)
