"""What one acknowledgment does to the sender: the one place an ACK is digested (RFC 9293 3.10.7.4, fifth check).

First the facts: the window, what was delivered, the round trip. Then what they mean: loss_detection.py and recovery.py
where the ACK is no plain progress. Then the rate and the window; and what may be sent again is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.bytequeue import SendQueue
from ..core.const import MASK32, POLLERR
from ..core.seq import seq_le, seq_lt
from ..wire.tcp import Segment
from .acked import Acked
from .congestion.base import CongestionControl
from .const import (
    A_CA_ALERT,
    A_DATA,
    A_DATA_ACKED,
    A_DATA_SACKED,
    A_DSACK,
    A_NOT_DUP,
    A_ORIG_ACKED,
    A_RENEGED,
    A_RETRANS_ACKED,
    A_SEND_LOST,
    A_SEND_NEW,
    A_SET_TIMER,
    A_UNA_ADVANCED,
    A_WIN_UPDATE,
    CA_CWR,
    CA_OPEN,
    CA_RECOVERY,
    FIN,
    R_SACKED,
    RACK_STATIC,
    RTX_PROBE,
    SYN,
    WAIT_BUSY,
)  # fmt: skip
from .ecn import on_ack
from .output import push
from .plpmtud import probe_succeeded
from .rate import AckSample
from .recovery import dubious_ack, probe_acknowledged, reno_acked
from .reordering import highest_delivered, sack_reordering
from .retransmit import rescue, retransmit_lost
from .rtx_timer import arm_rtx, cancel_rtx, heed_user_timeout, restart_timer
from .sacks import take_sacks
from .scoreboard import Scoreboard
from .tcb import Engine, Tcb
from .transmit import echoed_rtt
from .validation import measure_pipe

if TYPE_CHECKING:
    import cython

# An ACK of which one of these holds is no duplicate that stands for a segment delivered.
_NO_DUPLICATE = A_UNA_ADVANCED | A_NOT_DUP | A_DSACK


def acknowledge(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """The ACK lies in [snd_una, snd_nxt]."""
    acked: Acked = tcb.engine.acked
    sample: AckSample = tcb.engine.ack_sample
    prior_una: cython.uint = tcb.snd_una
    prior_packets: cython.int = tcb.board.packets_out
    prior_delivered: cython.ulonglong = tcb.rate.delivered
    prior_lost: cython.ulonglong = tcb.rate.lost
    reneged: cython.bint = tcb.is_reneged
    did: cython.int
    _begin(tcb, seg, acked, now)
    sample.clear()
    sample.prior_in_flight = tcb.board.in_flight()
    did = _take_facts(tcb, seg, acked, now)
    if tcb.ecn is not None:
        sample.delivered = tcb.rate.delivered - prior_delivered
        did = on_ack(tcb, seg, did, acked.octets_delivered, now)
    if tcb.probe.is_open:
        probe_acknowledged(tcb, seg.ack, did, now)
    if _is_dubious(tcb, did) and (prior_packets > 0 or did & A_DSACK):
        did = dubious_ack(tcb, did, 0 if did & _NO_DUPLICATE else 1, prior_una, acked, now)
    sample.delivered = tcb.rate.delivered - prior_delivered
    tcb.engine.ext.TCPDelivered += sample.delivered
    if prior_packets == 0:
        if tcb.rtx_kind == RTX_PROBE:
            _window_opened(tcb, now)
        acked.newest = None
        return
    if did & A_SET_TIMER:
        restart_timer(tcb, now)
    sample.losses = tcb.rate.lost - prior_lost
    tcb.rate.generate(sample, acked.newest, reneged, tcb.rtt.min_rtt, now)
    acked.newest = None
    _control_congestion(tcb, did, sample, now)
    if did & (A_SEND_LOST | A_SEND_NEW):
        _send_allowed(tcb, did, now)


def _take_facts(tcb: Tcb, seg: Segment, acked: Acked, now: cython.longlong) -> cython.int:
    # Window, SND.UNA, SACKs, and what they remove from the retransmission queue. Returns A_ flags.
    prior_una: cython.uint = tcb.snd_una
    prior_packets: cython.int = tcb.board.packets_out
    prior_fack: cython.uint = highest_delivered(tcb)
    did: cython.int = 0
    if seg.length > 0 or seg.flags & FIN:
        did = A_DATA
    else:
        tcb.engine.ext.TCPPureAcks += 1
    did |= _update_window(tcb, seg, now)
    if seg.ack != prior_una:
        did |= A_UNA_ADVANCED
        _advance_una(tcb, seg.ack, now)
    if seg.sack_count > 0 and tcb.sack_ok:
        take_sacks(tcb, seg, prior_una, acked)
    tcb.soft_err = 0
    tcb.probes_out = 0
    if prior_packets > 0:
        return did | _clean_queue(tcb, seg, prior_una, prior_fack, acked, now)
    tcb.rate.delivered += acked.segs_delivered
    return did | acked.did


def _is_dubious(tcb: Tcb, did: cython.int) -> cython.bint:
    # No plain progress: recovery.py is asked.
    return tcb.ca_state != CA_OPEN or (did & A_CA_ALERT) != 0 or not did & A_NOT_DUP


def acknowledge_old(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """An ACK that others overtook: its SACK blocks may tell news."""
    acked: Acked = tcb.engine.acked
    prior_delivered: cython.ulonglong = tcb.rate.delivered
    did: cython.int
    if seg.sack_count == 0 or not tcb.sack_ok:
        return
    _begin(tcb, seg, acked, now)
    take_sacks(tcb, seg, tcb.snd_una, acked)
    acked.newest = None
    tcb.rate.delivered += acked.segs_delivered
    did = dubious_ack(tcb, acked.did, 0, tcb.snd_una, acked, now)
    tcb.engine.ext.TCPDelivered += tcb.rate.delivered - prior_delivered
    if did & (A_SEND_LOST | A_SEND_NEW):
        _send_allowed(tcb, did, now)


def _begin(tcb: Tcb, seg: Segment, acked: Acked, now: cython.longlong) -> None:
    acked.begin(tcb.high_seq, tcb.snd_nxt, tcb.rtt.min_rtt, now)
    if tcb.ts_ok and seg.ts_ok and seg.tsecr != 0:
        acked.has_echo = True
        acked.echo = (seg.tsecr - tcb.ts_offset) & MASK32


def _update_window(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.int:
    # RFC 9293 3.10.7.4: old segments must not move the window. Of two at the same place the larger is the later one,
    # for a window's edge is not to be taken back (3.8.6, SHLD-14); but one shut altogether is believed (Linux).
    wnd: cython.uint = seg.wnd
    if not seg.flags & SYN:
        wnd <<= tcb.snd_wscale
    if not (
        seq_lt(tcb.snd_una, seg.ack)
        or seq_lt(tcb.snd_wl1, seg.seq)
        or (tcb.snd_wl1 == seg.seq and (wnd > tcb.snd_wnd or wnd == 0))
    ):
        return 0
    tcb.snd_wl1 = seg.seq
    if wnd != tcb.snd_wnd:
        tcb.snd_wnd = wnd
        if wnd > tcb.max_window:
            tcb.max_window = wnd
    return A_WIN_UPDATE


def _advance_una(tcb: Tcb, ack: cython.uint, now: cython.longlong) -> None:
    # Octets acknowledged go back to the pool; the FIN stands behind the last of them.
    queue: SendQueue = tcb.queue
    octets: cython.ulonglong = (ack - tcb.snd_una) & MASK32
    kept: cython.ulonglong = queue.end - queue.base
    # The FIN counts as an octet (Linux).
    tcb.bytes_acked += octets
    if octets > kept:
        octets = kept
    tcb.snd_una = ack
    tcb.retransmits = 0
    if tcb.chrono.timeout_since != 0:
        tcb.chrono.heard(now)
    if octets:
        queue.release(queue.base + octets)
        tcb.engine.pool.uncharge(octets)
    if tcb.marks is not None and tcb.marks.acked(queue.base, now, tcb.report_room()):
        tcb.wake(POLLERR)
    if queue.base == queue.end and (not tcb.fin_queued or (tcb.fin_sent and ack == tcb.snd_nxt)):
        tcb.chrono.stop(WAIT_BUSY, False, now)
    tcb.engine.sender.confirm(tcb.path, now)


def _clean_queue(
    tcb: Tcb, seg: Segment, prior_una: cython.uint, prior_fack: cython.uint, acked: Acked, now: cython.longlong
) -> cython.int:
    # Records acknowledged leave the retransmission queue; what that tells of time and order is noted.
    board: Scoreboard = tcb.board
    sampled: cython.bint
    if seg.ack != prior_una:
        board.acknowledge(seg.ack, not tcb.sack_ok, acked)
    tcb.rate.delivered += acked.segs_delivered
    sampled = _update_rtt(tcb, seg, prior_una, acked, now)
    if acked.did & A_DATA_ACKED:
        acked.did |= A_SET_TIMER
        if not tcb.sack_ok:
            reno_acked(tcb, acked.segs_acked)
            if acked.did & A_RETRANS_ACKED:
                # Without SACK nobody can say that the original arrived.
                acked.did &= ~A_ORIG_ACKED
        elif seq_lt(acked.reord, prior_fack):
            # A hole was filled by something sent once.
            sack_reordering(tcb, acked.reord, False)
        if tcb.mtu.probe_size and seq_le(tcb.mtu.probe_end, seg.ack):
            probe_succeeded(tcb)
    elif (
        sampled
        and acked.first_sack_sent_at >= 0
        and board.count() > 0
        and acked.first_sack_sent_at < board.record(0).sent_at
    ):
        # Not if measured on what was sent after the oldest: the timeout would be put off for ever.
        acked.did |= A_SET_TIMER
    if tcb.sack_ok and board.count() > 0 and board.record(0).flags & R_SACKED:
        acked.did |= A_RENEGED
    if acked.newest is not None and acked.newest.delivered > 0 and not tcb.engine.sysctls.recovery & RACK_STATIC:
        tcb.rack.adapt(tcb.rate.delivered, acked.newest.delivered)
    return acked.did


def _update_rtt(tcb: Tcb, seg: Segment, prior_una: cython.uint, acked: Acked, now: cython.longlong) -> cython.bint:
    # RFC 6298 3 (Karn): by send times of what was sent once; else by the timestamp echoed (RFC 7323 4). The timeout
    # goes by the longest round trip an ACK shows, min_rtt and congestion controls by the latest.
    sample: AckSample = tcb.engine.ack_sample
    rtt: cython.longlong = -1
    latest: cython.longlong = -1
    if acked.first_sent_at >= 0 and not acked.did & A_RETRANS_ACKED:
        rtt = now - acked.first_sent_at
        latest = now - acked.last_sent_at
        # A lone short segment: its ACK was probably held back, and says little of the path.
        sample.is_ack_delayed = (
            acked.segs_acked == 1
            and acked.segs_delivered == 1
            and not acked.did & A_CA_ALERT
            and ((seg.ack - prior_una) & MASK32) < tcb.mss
            and acked.newest is not None
            and acked.newest.delivered + 1 == tcb.rate.delivered
        )
    if acked.first_sack_sent_at >= 0:
        latest = now - acked.last_sack_sent_at
        if rtt < 0:
            rtt = now - acked.first_sack_sent_at
    if rtt < 0 and acked.did & A_DATA_ACKED and acked.has_echo:
        rtt = echoed_rtt(tcb, seg, now)
        if rtt > 0:
            latest = rtt
    sample.rtt_ns = latest
    if rtt < 0:
        return False
    tcb.rtt.observe(latest, sample.is_ack_delayed, now)
    tcb.rtt.smooth(rtt, tcb.snd_una, tcb.snd_nxt)
    if acked.did & A_DATA_ACKED:
        tcb.rack.srtt = tcb.rtt.srtt
    tcb.backoff = 0
    return True


def _window_opened(tcb: Tcb, now: cython.longlong) -> None:
    # Nothing was in flight and the probe timer ran: stop it if the next segment fits now. With that TCP_USER_TIMEOUT
    # begins anew: the peer takes text (RFC 5482). In Linux it does when all of the buffer at the head fits, so that a
    # peer that opens its window by little is given up while it reads.
    room: cython.longlong = tcb.peer_room()
    if room >= tcb.mss or room >= tcb.unsent() > 0 or (room > 0 and tcb.fin_queued):
        tcb.backoff = 0
        tcb.probes_at = -1
        cancel_rtx(tcb)
    else:
        arm_rtx(tcb, RTX_PROBE, now)
        heed_user_timeout(tcb, tcb.probes_at, now)


def _control_congestion(tcb: Tcb, did: cython.int, sample: AckSample, now: cython.longlong) -> None:
    engine: Engine = tcb.engine
    cc: CongestionControl = tcb.cc
    advanced: cython.bint
    grows: cython.int = A_DATA_ACKED
    sample.acked = sample.delivered
    sample.in_flight = tcb.board.in_flight()
    sample.ca_state = tcb.ca_state
    sample.next_at = tcb.pacer.next_at
    if cc.control(sample, now):
        pass
    elif tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        # Fast retransmit itself, and NewReno's next hole (RFC 6582 3.2), are sent whatever the arithmetic says.
        advanced = (did & A_UNA_ADVANCED) != 0
        tcb.prr.reduce(
            cc, sample.in_flight, sample.delivered, advanced and sample.losses == 0, advanced and not tcb.sack_ok
        )
    else:
        if tcb.reordering > engine.sysctls.reordering:
            # Where order means little, delivery out of order is progress as well (Linux's tcp_may_raise_cwnd).
            grows |= A_DATA_SACKED
        if tcb.cwv is not None:
            measure_pipe(tcb, sample.delivered, now)
        if did & grows and sample.delivered > 0:
            cc.on_ack(sample, now)
            tcb.cwnd_stamp = now
    if tcb.pacer.is_on:
        tcb.pacer.update(cc, tcb.board.packets_out)


def _send_allowed(tcb: Tcb, did: cython.int, now: cython.longlong) -> None:
    if did & A_SEND_NEW:
        push(tcb, now)
        if seq_lt(tcb.high_seq, tcb.snd_nxt):
            return
        # RFC 5682 3.1 step 2: there was nothing new; recover as usual.
        tcb.undo.frto = False
    retransmit_lost(tcb, now)
    if tcb.ca_state == CA_RECOVERY:
        rescue(tcb, now)
