"""What one acknowledgment does to the sender: the one place an ACK is digested (RFC 9293 3.10.7.4, fifth check)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLERR
from ..core.seq import seq_le, seq_lt
from ..wire.tcp import Segment
from .congestion.base import CongestionControl
from .const import (
    A_CA_ALERT,
    A_DATA,
    A_DATA_ACKED,
    A_NOT_DUP,
    A_RETRANS_ACKED,
    A_SET_TIMER,
    A_UNA_ADVANCED,
    A_WIN_UPDATE,
    CA_CWR,
    CA_OPEN,
    CA_RECOVERY,
    FIN,
    RTX_PROBE,
    RTX_RETRANSMIT,
    SYN,
    WAIT_BUSY,
)  # fmt: skip
from .ecn import on_ack
from .plpmtud import probe_succeeded
from .rate import AckSample
from .recovery import fast_retransmit_alert, reno_acked
from .retransmit import retransmit_lost
from .rtx_timer import arm_rtx, cancel_rtx
from .sacks import take_sacks
from .scoreboard import Acked, Scoreboard
from .tcb import Tcb
from .transmit import timestamp

if TYPE_CHECKING:
    import cython


def acknowledge(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """RFC 9293 3.10.7.4, fifth check, ESTABLISHED: the ACK lies in [snd_una, snd_nxt]."""
    board: Scoreboard = tcb.board
    acked: Acked = tcb.engine.acked
    sample: AckSample = tcb.engine.ack_sample
    prior_una: cython.uint = tcb.snd_una
    prior_packets: cython.int = board.packets_out
    did: cython.int = 0
    acked.clear()
    sample.clear()
    sample.prior_in_flight = board.in_flight()
    if seg.length > 0 or seg.flags & FIN:
        did |= A_DATA
    else:
        tcb.engine.ext.TCPPureAcks += 1
    if seg.ack != prior_una:
        did |= A_UNA_ADVANCED
        tcb.retransmits = 0
        tcb.retrans_at = 0
        if tcb.chrono.timeout_since != 0:
            tcb.chrono.heard(now)
    did |= _update_window(tcb, seg, now)
    if seg.sack_count > 0 and tcb.sack_ok:
        did |= take_sacks(tcb, seg, prior_una, acked)
    tcb.soft_err = 0
    tcb.probes_out = 0
    if did & A_UNA_ADVANCED:
        _advance_una(tcb, seg.ack)
        if tcb.marks is not None and tcb.marks.acked(tcb.queue.base, now):
            tcb.wake(POLLERR)
        if tcb.queue.base == tcb.queue.end:
            tcb.chrono.stop(WAIT_BUSY, False, now)
        tcb.engine.sender.confirm(tcb.path, now)
    if prior_packets == 0:
        if tcb.ecn is not None:
            on_ack(tcb, seg, did, 0, now)
        if tcb.rtx_kind == RTX_PROBE:
            _window_opened(tcb, now)
        return
    if did & A_UNA_ADVANCED:
        did |= _clean_queue(tcb, seg.ack, acked)
    _update_rtt(tcb, seg, did, acked, now)
    sample.acked = acked.segs_acked
    sample.delivered = acked.segs_delivered
    if acked.last_sent_at >= 0:
        sample.rtt_ns = now - acked.last_sent_at
    elif acked.sacked_sent_at >= 0:
        sample.rtt_ns = now - acked.sacked_sent_at
    if sample.delivered:
        tcb.rate.delivered += sample.delivered
        tcb.engine.ext.TCPDelivered += sample.delivered
    if tcb.ecn is not None:
        did = on_ack(tcb, seg, did, acked.octets_delivered, now)
    if tcb.ca_state != CA_OPEN or not did & A_NOT_DUP or did & A_CA_ALERT:
        fast_retransmit_alert(tcb, did, seg, prior_una, sample, now)
    if board.packets_out == 0:
        cancel_rtx(tcb)
    elif did & (A_SET_TIMER | A_UNA_ADVANCED):
        arm_rtx(tcb, RTX_RETRANSMIT, now)
    tcb.rate.generate(sample, acked.newest, tcb.rtt.min_rtt, now)
    _control_congestion(tcb, did, sample, now)
    if board.lost_out > 0:
        retransmit_lost(tcb, now)


def _update_window(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.int:
    # RFC 9293 3.10.7.4: old segments must not move the window.
    wnd: cython.uint = seg.wnd
    did: cython.int = 0
    if not seg.flags & SYN:
        wnd <<= tcb.snd_wscale
    if (
        seq_lt(tcb.snd_wl1, seg.seq)
        or seq_lt(tcb.snd_una, seg.ack)
        or (tcb.snd_wl1 == seg.seq and wnd > tcb.snd_wnd)
        or (tcb.snd_wl1 == seg.seq and seq_le(tcb.snd_wl2, seg.ack))
    ):
        tcb.snd_wl1 = seg.seq
        tcb.snd_wl2 = seg.ack
        if wnd != tcb.snd_wnd:
            did = A_WIN_UPDATE
            tcb.snd_wnd = wnd
            if wnd > tcb.max_window:
                tcb.max_window = wnd
    return did


def _advance_una(tcb: Tcb, ack: cython.uint) -> None:
    # Octets acknowledged go back to the pool; the FIN stands behind the last of them.
    octets: cython.ulonglong = (ack - tcb.snd_una) & MASK32
    kept: cython.ulonglong = tcb.queue.end - tcb.queue.base
    if octets > kept:
        octets = kept
    tcb.snd_una = ack
    tcb.bytes_acked += octets
    if octets:
        tcb.queue.release(tcb.queue.base + octets)
        tcb.engine.pool.uncharge(octets)


def _clean_queue(tcb: Tcb, ack: cython.uint, acked: Acked) -> cython.int:
    # Records acknowledged leave the retransmission queue.
    board: Scoreboard = tcb.board
    did: cython.int = A_DATA_ACKED
    board.acknowledge(ack, tcb.mss, not tcb.sack_ok, acked)
    if not tcb.sack_ok:
        reno_acked(tcb, acked)
    if tcb.mtu.probe_size and seq_le(tcb.mtu.probe_end, ack):
        probe_succeeded(tcb)
    if acked.retrans_delivered:
        did |= A_RETRANS_ACKED
    return did


def _update_rtt(tcb: Tcb, seg: Segment, did: cython.int, acked: Acked, now: cython.longlong) -> None:
    # RFC 6298 3 (Karn): by send times of what was sent once; else by the timestamp echoed (RFC 7323 4).
    rtt: cython.longlong = -1
    ticks: cython.uint
    if acked.first_sent_at >= 0:
        rtt = now - acked.first_sent_at
    elif acked.sacked_sent_at >= 0 and not acked.retrans_delivered:
        rtt = now - acked.sacked_sent_at
    elif did & A_DATA_ACKED and tcb.ts_ok and seg.ts_ok and seg.tsecr != 0:
        ticks = (timestamp(tcb, now) - seg.tsecr) & MASK32
        if ticks < 0x7FFFFFFF // 1000:
            rtt = ticks if ticks > 0 else 1
            rtt *= MS
    if rtt < 0:
        return
    tcb.rtt.sample(rtt, tcb.snd_una, tcb.snd_nxt, now)
    tcb.backoff = 0


def _window_opened(tcb: Tcb, now: cython.longlong) -> None:
    # Nothing was in flight and the probe timer ran: stop it if the next segment fits now.
    room: cython.longlong = tcb.snd_wnd
    room -= (tcb.snd_nxt - tcb.snd_una) & MASK32
    if room >= tcb.mss or room >= tcb.unsent() > 0 or (room > 0 and tcb.fin_queued):
        tcb.backoff = 0
        tcb.probes_at = 0
        cancel_rtx(tcb)
    else:
        arm_rtx(tcb, RTX_PROBE, now)


def _control_congestion(tcb: Tcb, did: cython.int, sample: AckSample, now: cython.longlong) -> None:
    cc: CongestionControl = tcb.cc
    advanced: cython.bint
    sample.acked = sample.delivered
    sample.in_flight = tcb.board.in_flight()
    sample.ca_state = tcb.ca_state
    if cc.control(sample, now):
        pass
    elif tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        # Fast retransmit itself, and NewReno's next hole (RFC 6582 3.2), are sent whatever the arithmetic says.
        advanced = (did & A_UNA_ADVANCED) != 0
        tcb.prr.reduce(
            cc, sample.in_flight, sample.delivered, advanced and sample.losses == 0, advanced and not tcb.sack_ok
        )
    elif did & A_DATA_ACKED and sample.delivered > 0:
        cc.on_ack(sample, now)
        tcb.cwnd_stamp = now
    if tcb.pacer.is_on:
        tcb.pacer.update(cc, tcb.board.packets_out)
