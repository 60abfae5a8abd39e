"""What an acknowledgment does to the sender: loss detection and recovery (RFC 5681, RFC 6582, RFC 6675, RFC 9937).

The state machine is Linux's: OPEN, DISORDER (duplicate ACKs came), CWR, RECOVERY (fast retransmit) and LOSS (after a
timeout). Without SACK every duplicate ACK stands for one segment that left the network, as in NewReno.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLOUT
from ..core.seq import seq_le, seq_lt
from ..wire.tcp import Segment
from .congestion.base import CongestionControl
from .const import (
    A_CA_ALERT,
    A_DATA,
    A_DATA_ACKED,
    A_DATA_SACKED,
    A_DSACK,
    A_NOT_DUP,
    A_RETRANS_ACKED,
    A_SET_TIMER,
    A_UNA_ADVANCED,
    A_WIN_UPDATE,
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    FIN,
    INFINITE_SSTHRESH,
    R_SACKED,
    RTX_PROBE,
    RTX_RETRANSMIT,
    SYN,
)  # fmt: skip
from .output import arm_rtx, cancel_rtx, retransmit
from .rate import AckSample
from .record import SentRecord
from .scoreboard import Acked, Scoreboard
from .tcb import Engine, Tcb
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
    did |= _update_window(tcb, seg, now)
    if seg.sack_count > 0 and tcb.sack_ok:
        did |= _take_sacks(tcb, seg, prior_una, acked)
    tcb.soft_err = 0
    tcb.probes_out = 0
    if did & A_UNA_ADVANCED:
        _advance_una(tcb, seg.ack)
        tcb.engine.sender.confirm(tcb.path, now)
    if prior_packets == 0:
        if tcb.rtx_kind == RTX_PROBE:
            _window_opened(tcb, now)
        return
    if did & A_UNA_ADVANCED:
        did |= _clean_queue(tcb, seg.ack, acked)
    _update_rtt(tcb, seg, did, acked, now)
    sample.acked = acked.segs_acked
    sample.delivered = acked.segs_delivered
    sample.rtt_ns = tcb.rtt.latest
    if sample.delivered:
        tcb.rate.delivered += sample.delivered
        tcb.engine.ext.TCPDelivered += sample.delivered
    if tcb.ca_state != CA_OPEN or not did & A_NOT_DUP or did & A_CA_ALERT:
        _fast_retransmit_alert(tcb, did, seg, prior_una, sample, now)
    if board.packets_out == 0:
        cancel_rtx(tcb)
    elif did & (A_SET_TIMER | A_UNA_ADVANCED):
        arm_rtx(tcb, RTX_RETRANSMIT, now)
    tcb.rate.generate(sample, acked.newest, tcb.rtt.min_rtt, now)
    _control_congestion(tcb, did, sample, now)
    if board.lost_out > 0:
        retransmit_lost(tcb, now)


# The pieces of an ACK.


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


def _take_sacks(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked) -> cython.int:
    # RFC 2018 with RFC 2883: blocks that make no sense are ignored, and counted.
    did: cython.int = 0
    i: cython.Py_ssize_t = 0
    left: cython.uint
    right: cython.uint
    before: cython.uint
    while i < seg.sack_count:
        left = seg.sack_left[i]
        right = seg.sack_right[i]
        if i == 0 and _is_dsack(seg, prior_una):
            did |= A_DSACK
            tcb.dsack_dups += 1
            tcb.engine.ext.TCPDSACKRecv += 1
        elif not seq_lt(left, right) or seq_lt(tcb.snd_nxt, right) or seq_lt(left, prior_una):
            if not (seq_lt(left, right) and seq_le(right, seg.ack)):
                tcb.engine.ext.TCPSACKDiscard += 1
        elif seq_lt(seg.ack, right):
            if seq_lt(left, seg.ack):
                left = seg.ack
            before = acked.segs_delivered
            tcb.board.sack(left, right, tcb.mss, acked)
            if acked.segs_delivered != before:
                did |= A_DATA_SACKED
        i += 1
    return did


def _is_dsack(seg: Segment, prior_una: cython.uint) -> cython.bint:
    # RFC 2883 4: below the cumulative ACK, or inside the second block.
    if seq_le(seg.sack_right[0], seg.ack) and seq_lt(seg.sack_left[0], seg.sack_right[0]):
        return True
    return (
        seg.sack_count > 1
        and seq_le(seg.sack_left[1], seg.sack_left[0])
        and seq_le(seg.sack_right[0], seg.sack_right[1])
    )


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
        _reno_acked(tcb, acked)
    if acked.retrans_delivered:
        did |= A_RETRANS_ACKED
    return did


def _reno_acked(tcb: Tcb, acked: Acked) -> None:
    # One segment is the retransmitted hole; the others were counted by duplicate ACKs.
    board: Scoreboard = tcb.board
    segs: cython.int = acked.segs_acked
    if segs > 0:
        acked.segs_delivered += segs - board.sacked_out if segs > board.sacked_out + 1 else 1
        if segs - 1 >= board.sacked_out:
            board.sacked_out = 0
        else:
            board.sacked_out -= segs - 1
    _limit_reno(tcb)


def _reno_dupack(tcb: Tcb, acked: AckSample) -> None:
    # A duplicate ACK: something left the network (RFC 5681 3.2 step 4).
    board: Scoreboard = tcb.board
    before: cython.int = board.sacked_out
    board.sacked_out += 1
    _limit_reno(tcb)
    if board.sacked_out > before:
        acked.delivered += 1
        tcb.rate.delivered += 1


def _limit_reno(tcb: Tcb) -> None:
    # Of what is out, at least one segment is the hole; duplicate ACKs cannot stand for more than the rest.
    board: Scoreboard = tcb.board
    holes: cython.int = board.lost_out if board.lost_out > 1 else 1
    if holes > board.packets_out:
        holes = board.packets_out
    if board.sacked_out + holes > board.packets_out:
        board.sacked_out = board.packets_out - holes


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
        cancel_rtx(tcb)
    else:
        arm_rtx(tcb, RTX_PROBE, now)


# The recovery state machine (Linux's tcp_fastretrans_alert).


def _fast_retransmit_alert(
    tcb: Tcb, did: cython.int, seg: Segment, prior_una: cython.uint, sample: AckSample, now: cython.longlong
) -> None:
    board: Scoreboard = tcb.board
    duplicate: cython.bint = not did & (A_UNA_ADVANCED | A_NOT_DUP | A_DSACK)
    head_lost: cython.bint = False
    if board.packets_out == 0 and board.sacked_out > 0 and not tcb.sack_ok:
        board.sacked_out = 0
    if tcb.ca_state != CA_OPEN and seq_le(tcb.high_seq, tcb.snd_una) and _recovered(tcb, now):
        return
    if tcb.ca_state == CA_RECOVERY:
        if did & A_UNA_ADVANCED:
            # RFC 6582 3.2 step 3: a partial ACK; its first segment is the next hole.
            head_lost = not tcb.sack_ok
        elif not tcb.sack_ok and duplicate:
            _reno_dupack(tcb, sample)
    elif tcb.ca_state == CA_LOSS:
        if not tcb.sack_ok:
            if did & A_UNA_ADVANCED:
                board.sacked_out = 0
            elif duplicate:
                _reno_dupack(tcb, sample)
        return
    else:
        if not tcb.sack_ok:
            if did & A_UNA_ADVANCED:
                board.sacked_out = 0
            if duplicate:
                _reno_dupack(tcb, sample)
        if board.sacked_out < tcb.reordering and board.lost_out == 0:
            _try_to_open(tcb)
            return
        enter_recovery(tcb, now)
        head_lost = True
    _mark_losses(tcb, head_lost, sample)


def _recovered(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # Everything outstanding at the time of the loss is acknowledged. True: nothing more to do for this ACK.
    if tcb.ca_state == CA_LOSS:
        if _hold_reno(tcb):
            return True
        tcb.ca_state = CA_OPEN
    elif tcb.ca_state == CA_CWR:
        # CWR is held until something sent after it is acknowledged.
        if tcb.snd_una != tcb.high_seq:
            _end_reduction(tcb, now)
            tcb.ca_state = CA_OPEN
    elif tcb.ca_state == CA_RECOVERY:
        if not tcb.sack_ok:
            tcb.board.sacked_out = 0
        if _hold_reno(tcb):
            return True
        _end_reduction(tcb, now)
        tcb.ca_state = CA_OPEN
    return False


def _hold_reno(tcb: Tcb) -> cython.bint:
    # RFC 6582 4: duplicate ACKs of our own needless retransmissions must not start another recovery.
    return tcb.snd_una == tcb.high_seq and not tcb.sack_ok and tcb.board.packets_out > 0


def _try_to_open(tcb: Tcb) -> None:
    if tcb.ca_state == CA_CWR:
        return
    if tcb.board.sacked_out > 0:
        if tcb.ca_state != CA_DISORDER:
            tcb.high_seq = tcb.snd_nxt
        tcb.ca_state = CA_DISORDER
    else:
        tcb.ca_state = CA_OPEN


def enter_recovery(tcb: Tcb, now: cython.longlong) -> None:
    """Fast retransmit begins (RFC 5681 3.2, RFC 6675 5)."""
    engine: Engine = tcb.engine
    if tcb.sack_ok:
        engine.ext.TCPSackRecovery += 1
    else:
        engine.ext.TCPRenoRecovery += 1
    if tcb.ca_state < CA_CWR:
        _begin_reduction(tcb, now)
    tcb.ca_state = CA_RECOVERY


def _begin_reduction(tcb: Tcb, now: cython.longlong) -> None:
    cc: CongestionControl = tcb.cc
    tcb.high_seq = tcb.snd_nxt
    tcb.prr_delivered = tcb.prr_out = 0
    tcb.prior_ssthresh = cc.ssthresh
    cc.cwnd_cnt = 0
    cc.prior_cwnd = cc.cwnd
    cc.ssthresh = cc.on_loss(now)


def _end_reduction(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 5681 3.2 step 6: deflate.
    cc: CongestionControl = tcb.cc
    if cc.ssthresh < INFINITE_SSTHRESH:
        cc.cwnd = cc.ssthresh
        tcb.cwnd_stamp = now
    tcb.prr_delivered = tcb.prr_out = 0


def _mark_losses(tcb: Tcb, head_lost: cython.bint, sample: AckSample) -> None:
    # RFC 6675 IsLost, or NewReno's first hole.
    board: Scoreboard = tcb.board
    marked: cython.int
    if tcb.sack_ok:
        marked = board.mark_lost_above(tcb.reordering)
        if marked == 0 and head_lost:
            marked = board.mark_head_lost(tcb.mss)
    elif head_lost:
        marked = board.mark_head_lost(tcb.mss)
    else:
        return
    sample.losses += marked


def _control_congestion(tcb: Tcb, did: cython.int, sample: AckSample, now: cython.longlong) -> None:
    cc: CongestionControl = tcb.cc
    sample.acked = sample.delivered
    sample.in_flight = tcb.board.in_flight()
    sample.ca_state = tcb.ca_state
    if cc.control(sample, now):
        return
    if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        _reduce(tcb, sample, did)
    elif did & A_DATA_ACKED and sample.delivered > 0:
        cc.on_ack(sample, now)
        tcb.cwnd_stamp = now


def _reduce(tcb: Tcb, sample: AckSample, did: cython.int) -> None:
    # Proportional Rate Reduction (RFC 9937 6, PRR-SSRB): one segment out for each beta-th delivered.
    cc: CongestionControl = tcb.cc
    board: Scoreboard = tcb.board
    flight: cython.int = board.in_flight()
    ssthresh: cython.int = cc.ssthresh
    delivered: cython.int = sample.delivered
    count: cython.longlong
    limit: cython.int
    if delivered <= 0 or cc.prior_cwnd == 0:
        return
    tcb.prr_delivered += delivered
    if ssthresh < flight:
        count = tcb.prr_delivered
        count = (count * ssthresh + cc.prior_cwnd - 1) // cc.prior_cwnd - tcb.prr_out
    else:
        limit = tcb.prr_delivered
        limit -= tcb.prr_out
        if limit < delivered:
            limit = delivered
        if did & A_UNA_ADVANCED and sample.losses == 0:
            limit += 1  # the ACK shows that recovery proceeds
        count = ssthresh - flight if ssthresh - flight < limit else limit
    # Fast retransmit itself, and NewReno's next hole (RFC 6582 3.2), are sent whatever the arithmetic says.
    if count < 1 and (tcb.prr_out == 0 or (did & A_UNA_ADVANCED and not tcb.sack_ok)):
        count = 1
    if count < 0:
        count = 0
    cc.cwnd = flight + count


def retransmit_lost(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 6675 NextSeg rule 1: send again what is marked lost, as far as the window goes."""
    board: Scoreboard = tcb.board
    record: SentRecord
    i: cython.Py_ssize_t
    sent: cython.int
    quota: cython.int
    is_head: cython.bint
    while True:
        i = board.next_lost()
        if i < 0:
            return
        quota = tcb.cc.cwnd - board.in_flight()
        if quota <= 0:
            return
        record = board.at(i)
        is_head = record.start == tcb.snd_una
        sent = retransmit(tcb, i, quota, now)
        if sent == 0:
            return
        if tcb.ca_state == CA_LOSS:
            tcb.engine.ext.TCPSlowStartRetrans += sent
        else:
            tcb.engine.ext.TCPFastRetrans += sent
            tcb.prr_out += sent
        if is_head:
            arm_rtx(tcb, RTX_RETRANSMIT, now)


def enter_loss(tcb: Tcb, now: cython.longlong) -> None:
    """The retransmission timer fired (RFC 5681 3.1, 5; RFC 6298 5.4-5.7 are the caller's)."""
    cc: CongestionControl = tcb.cc
    board: Scoreboard = tcb.board
    reneged: cython.bint
    head: SentRecord = board.record(0)
    reneged = (head.flags & R_SACKED) != 0
    if reneged:
        tcb.engine.ext.TCPSACKReneging += 1
    if not tcb.sack_ok:
        board.sacked_out = 0
    # RFC 5681 3.1: ssthresh is not lowered again for a retransmission of the same loss.
    if tcb.ca_state <= CA_DISORDER or seq_le(tcb.high_seq, tcb.snd_una):
        tcb.prior_ssthresh = cc.ssthresh
        cc.prior_cwnd = cc.cwnd
        cc.ssthresh = cc.on_loss(now)
    cc.on_timeout(now)
    board.mark_all_lost(reneged)
    cc.cwnd = board.in_flight() + 1
    cc.cwnd_cnt = 0
    tcb.cwnd_stamp = now
    tcb.prr_delivered = tcb.prr_out = 0
    tcb.ca_state = CA_LOSS
    tcb.high_seq = tcb.snd_nxt


def wake_sender(tcb: Tcb) -> None:
    """Acknowledged octets made room: tell a writer that waits, once a third of the buffer is free (Linux)."""
    if tcb.nospace and tcb.outq() * 3 <= tcb.snd_buf * 2:
        tcb.nospace = False
        tcb.wake(POLLOUT)


def grow_send_buffer(tcb: Tcb) -> None:
    """Send-buffer autotuning: twice what the window holds, as Linux's tcp_sndbuf_expand."""
    segs: cython.longlong = tcb.cc.cwnd
    wanted: cython.longlong
    if tcb.snd_buf_locked or tcb.engine.pool.under_pressure():
        return
    if segs < tcb.reordering + 1:
        segs = tcb.reordering + 1
    if segs < 10:
        segs = 10
    wanted = 2 * segs * (tcb.mss + 844)
    if wanted > tcb.engine.sysctls.wmem_max:
        wanted = tcb.engine.sysctls.wmem_max
    if wanted > tcb.snd_buf:
        tcb.snd_buf = wanted
