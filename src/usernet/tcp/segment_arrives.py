"""SEGMENT ARRIVES (RFC 9293 3.10.7.3 and 3.10.7.4), with RFC 5961's checks against blind attacks.

One function a numbered check, in the RFC's order. 3.10.7.1 (CLOSED) is in protocol.py, 3.10.7.2 (LISTEN) in
passive.py. The third check, security, asks for nothing we have.
"""

from __future__ import annotations

from errno import ECONNRESET, EPIPE
from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLIN, POLLRDHUP, SECOND
from ..core.packet import Packet
from ..core.sender import Path
from ..core.seq import seq_add, seq_le, seq_lt
from ..wire.tcp import Segment
from .acknowledge import acknowledge, acknowledge_old
from .const import (
    ACK,
    ACK_NOMEM,
    ACK_NOW,
    ACK_SCHED,
    ATO_MIN,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    PAWS_24DAYS,
    QUICK_ACKS,
    RCV_SHUTDOWN,
    RST,
    RTX_RETRANSMIT,
    SYN,
    SYN_RECEIVED,
    SYN_SENT,
    TIMEOUT_MIN,
    URG,
    URG_NOT_YET,
)  # fmt: skip
from .delayed_ack import acknowledge_text, longest_delay, quick_acks
from .ecn import (
    mark_echoed,
    on_crossing_syn,
    on_repeated_text,
    on_segment,
    on_syn_ack,
    on_syn_ack_again,
    on_text,
    on_third_ack,
)  # fmt: skip
from .establish import establish, fast_open_proved, first_guess, take_syn_options
from .fastopen_client import met_blackhole, syn_ack_arrived
from .lifecycle import drop_held, finish, move, orphan_waits, peer_reset, time_wait
from .metrics import save_metrics
from .output import output
from .receive import fin_beyond_gap, measure_echo, note_dsack, note_sack, repeated, take_text, wire_segments
from .rtx_timer import arm_rtx
from .send_buffer import grow_send_buffer, wake_sender
from .state import ABORT, CLOSE, RCV_ACK_OF_FIN, RCV_ACK_OF_SYN, RCV_FIN, RCV_SYN, RCV_SYN_ACK
from .tcb import Engine, Tcb
from .transmit import control_packet, send_ack, send_syn, timestamp, usable_path
from .urgent import urgent_arrives
from .window import widest_window

if TYPE_CHECKING:
    import cython

# tcp_challenge_ack_limit's way to say that connections have limits of their own only.
UNLIMITED = 0x7FFFFFFF


def segment_arrives(tcb: Tcb, packet: Packet, seg: Segment, now: cython.longlong) -> None:
    """One segment for a connection that has a TCB."""
    segs: cython.uint = 1
    established: cython.bint
    if tcb.trace is not None:
        tcb.trace.arrived(tcb, seg, now)
    if seg.length > 0:
        segs = wire_segments(packet, seg.length)
        tcb.data_segs_in += segs
    tcb.segs_in += segs
    if tcb.state == SYN_SENT:
        _syn_sent(tcb, packet, seg, now)
        return
    if not _first_sequence(tcb, seg, now):
        return
    if seg.flags & RST:
        _second_rst(tcb, seg, now)
        return
    if seg.flags & SYN and not _fourth_syn(tcb, seg, now):
        return
    if tcb.ecn is not None:
        on_segment(tcb, seg)
    established = tcb.state == ESTABLISHED
    if not _fifth_ack(tcb, seg, now):
        return
    if established and tcb.ts_ok and seg.ts_ok:
        measure_echo(tcb, seg, now)
    _text_and_after(tcb, packet, seg, seg.seq + 1 if seg.flags & SYN else seg.seq, now)


def _text_and_after(tcb: Tcb, packet: Packet, seg: Segment, start: cython.uint, now: cython.longlong) -> None:
    # Sixth to eighth check, then what the segment allowed us to send.
    start &= MASK32
    if seg.flags & URG or (tcb.urgent is not None and tcb.urgent.state == URG_NOT_YET):
        urgent_arrives(tcb, packet, seg)
    if tcb.rcv_fin:
        if not _after_fin(tcb, seg, start, now):
            return
    else:
        if seg.length > 0 and not _seventh_text(tcb, packet, seg, start, now):
            return
        if (seg.flags & FIN or tcb.seen_fin) and not _eighth_fin(tcb, seg, now):
            return
    if tcb.nospace and tcb.board.in_flight() < tcb.cc.cwnd:
        # The window has room that a larger buffer would have filled.
        grow_send_buffer(tcb)
    output(tcb, now)
    if tcb.nospace:
        wake_sender(tcb, now)
    if tcb.ack_pending:
        acknowledge_text(tcb, now)


# 3.10.7.3 SYN-SENT.


def _syn_sent(tcb: Tcb, packet: Packet, seg: Segment, now: cython.longlong) -> None:
    if seg.flags & ACK and not _acknowledges_our_syn(tcb, seg, now):
        return
    if seg.flags & RST:
        # Second. RFC 5961's check of the sequence number cannot apply: there is no RCV.NXT yet.
        if seg.flags & ACK:
            peer_reset(tcb, now)
        return
    if not seg.flags & SYN:
        # Fifth.
        return
    # Fourth.
    tcb.irs = seg.seq
    tcb.rcv_nxt = tcb.rcv_wup = tcb.last_ack_sent = seq_add(seg.seq, 1)
    take_syn_options(tcb, seg, now)
    tcb.snd_wnd = tcb.max_window = seg.wnd
    if tcb.ecn is not None:
        if seg.flags & ACK:
            on_syn_ack(tcb, seg)
        else:
            on_crossing_syn(tcb, seg)
    if not seg.flags & ACK:
        _simultaneous_open(tcb, seg, now)
        return
    establish(tcb, seg, now)
    # Our SYN counts as an octet; a listener's does not (Linux).
    tcb.bytes_acked += 1
    move(tcb, RCV_SYN_ACK)
    tcb.ack_pending |= ACK_SCHED | ACK_NOW
    if tcb.fastopen is not None:
        syn_ack_arrived(tcb, seg, now)
    if (tcb.writers or tcb.settings.defer_accept) and seg.length == 0 and not seg.flags & FIN:
        _put_off_third_ack(tcb, now)
        return
    _text_and_after(tcb, packet, seg, seq_add(seg.seq, 1), now)


def _acknowledges_our_syn(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # First: the ACK must be of something we sent, and the timestamp it echoes one of ours. Else a RST is the answer.
    if seq_le(seg.ack, tcb.iss) or seq_lt(tcb.snd_nxt, seg.ack):
        if tcb.retransmits == 0 and tcb.rtx_kind == RTX_RETRANSMIT and not seg.flags & RST:
            # An old connection's segment: the RST clears the way, and the SYN need not wait a second (Linux).
            tcb.rtx_timer.arm(now + TIMEOUT_MIN)
    elif tcb.ts_ok and seg.ts_ok and not _echoes_our_syn(tcb, seg, now):
        tcb.engine.ext.PAWSActive += 1
    else:
        return True
    if not seg.flags & RST:
        _reset_reply(tcb, seg, now)
    return False


def _put_off_third_ack(tcb: Tcb, now: cython.longlong) -> None:
    # Text is about to follow, which will carry the ACK: an exchange of requests and responses begins (Linux).
    tcb.quick = QUICK_ACKS
    tcb.ato = ATO_MIN
    tcb.lrcv_at = now
    output(tcb, now)
    if tcb.ack_pending:
        tcb.ack_pending = ACK_SCHED
        # As long as the socket allows; Linux waits 200 ms whatever it said.
        tcb.ack_timer.arm(now + longest_delay(tcb))


def _echoes_our_syn(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # RFC 7323 3.2: what is echoed must be a timestamp of one of our SYNs.
    first: cython.uint
    if seg.tsecr == 0:
        return True
    first = timestamp(tcb, tcb.syn_sent_at)
    return not seq_lt(seg.tsecr, first) and not seq_lt(timestamp(tcb, now), seg.tsecr)


def _simultaneous_open(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # SYN crossed SYN (RFC 9293 3.5, figure 8). Text in it will come again.
    tcb.snd_wl1 = seg.seq
    tcb.bytes_acked += 1
    first_guess(tcb)
    move(tcb, RCV_SYN)
    send_syn(tcb, SYN | ACK, now)
    arm_rtx(tcb, RTX_RETRANSMIT, now)


def _reset_reply(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # <SEQ=SEG.ACK><CTL=RST>, leaving the connection as it is.
    packet: Packet
    path: Path | None = usable_path(tcb)
    if path is None:
        return
    tcb.engine.mib.OutRsts += 1
    tcb.engine.mib.OutSegs += 1
    packet = control_packet(path, tcb.local_port, tcb.remote_port, seg.ack, 0, RST, 0, b"", tcb.auth)
    packet.mark = tcb.settings.mark
    tcb.engine.sender.send(path, packet, now)


# First: sequence number, and PAWS before it (RFC 7323 5.3).


def _first_sequence(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # A segment that lacks the timestamps agreed on is let in, as Linux does: some middlebox took them.
    old: cython.bint = tcb.ts_ok and seg.ts_ok and seq_lt(seg.tsval, tcb.ts_recent)
    if old and not seg.flags & RST and not _paws_lets_in(tcb, seg, now):
        return False
    if seq_lt(seg.end_seq, tcb.rcv_wup) or _is_beyond(tcb, seg):
        if seg.flags & RST:
            if _resets_after_fin(tcb, seg):
                peer_reset(tcb, now)
            return False
        if seg.flags & SYN:
            _fourth_syn(tcb, seg, now)
            return False
        if not seq_lt(seg.end_seq, tcb.rcv_wup):
            tcb.engine.ext.BeyondWindow += 1
        _answer_unacceptable(tcb, seg, now)
        return False
    return True


def _is_beyond(tcb: Tcb, seg: Segment) -> cython.bint:
    # Linux's form of table 6: text before rcv_nxt that we have not acknowledged yet is let in, and its ACK with it; a
    # window of 0 lets in what begins at rcv_nxt, for its ACK and RST. Text may end beyond the window while nothing
    # waits for the reader, and a FIN stand there.
    edge: cython.uint = seq_add(tcb.rcv_nxt, widest_window(tcb))
    if not seq_lt(edge, seg.end_seq):
        return False
    if seg.flags & FIN and seg.end_seq == seq_add(edge, 1):
        return False
    if seg.seq == tcb.rcv_nxt and tcb.receive_window() == 0:
        return False
    return seq_lt(edge, seg.seq) or tcb.rcv_queue.length > 0


def _paws_lets_in(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # RFC 7323 5.3 R1: the timestamp is older than one seen before. A pure ACK may have been overtaken by another.
    engine: Engine = tcb.engine
    behind: cython.uint = (tcb.ts_recent - seg.tsval) & MASK32
    if now - tcb.ts_recent_at >= PAWS_24DAYS:
        return True
    if seg.flags & SYN:
        _fourth_syn(tcb, seg, now)
        return False
    if seg.flags & ACK and seg.seq == seg.end_seq:
        if seq_lt(seg.seq, tcb.rcv_nxt):
            # Common, and harmless: no answer.
            engine.ext.PAWSOldAck += 1
            return False
        if seg.seq == tcb.rcv_nxt and _says_nothing_new(tcb, seg) and behind <= tcb.rtt.rto * 12 // (10 * MS):
            return True
    engine.ext.PAWSEstab += 1
    if _too_soon(tcb, seg, now):
        if tcb.state == FIN_WAIT_2 and tcb.is_orphan:
            engine.ext.TCPACKSkippedFinWait2 += 1
        else:
            engine.ext.TCPACKSkippedPAWS += 1
        return False
    _send_duplicate_ack(tcb, seg, now)
    return False


def _says_nothing_new(tcb: Tcb, seg: Segment) -> cython.bint:
    # A duplicate ACK that leaves the window as it is.
    wnd: cython.uint = seg.wnd << tcb.snd_wscale
    if seg.ack != tcb.snd_una or seq_lt(tcb.snd_wl1, seg.seq):
        return False
    return tcb.snd_wl1 != seg.seq or 0 < wnd <= tcb.snd_wnd


def _answer_unacceptable(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
    if _too_soon(tcb, seg, now):
        if tcb.state == FIN_WAIT_2 and tcb.is_orphan:
            # Nobody's: Linux has put it among those in TIME-WAIT.
            tcb.engine.ext.TCPACKSkippedFinWait2 += 1
        else:
            tcb.engine.ext.TCPACKSkippedSeq += 1
        return
    _send_duplicate_ack(tcb, seg, now)


def _send_duplicate_ack(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # With a D-SACK for what we have already.
    engine: Engine = tcb.engine
    if seg.length > 0 and seq_lt(seg.seq, tcb.rcv_nxt):
        engine.ext.DelayedACKLost += 1
        quick_acks(tcb)
        if tcb.ecn is not None:
            on_repeated_text(tcb, seg.seq)
        note_dsack(tcb, seg.seq, seg.end_seq if seq_lt(seg.end_seq, tcb.rcv_nxt) else tcb.rcv_nxt)
    send_ack(tcb, now)


def _too_soon(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # Text and FIN come again until they are acknowledged. For the rest two confused ends would answer each other for
    # ever.
    if seg.seq != seg.end_seq and not seg.flags & SYN:
        return False
    return _answered_just_now(tcb, now)


def _answered_just_now(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # Linux's tcp_invalid_ratelimit, per connection.
    if now - tcb.challenge_at < tcb.engine.sysctls.invalid_ratelimit_ns:
        return True
    tcb.challenge_at = now
    return False


def challenge_ack(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 5961 7: a challenge ACK, limited for the connection and, where the sysctl asks for it, for the stack."""
    engine: Engine = tcb.engine
    if _answered_just_now(tcb, now):
        engine.ext.TCPACKSkippedChallenge += 1
        return
    if engine.sysctls.challenge_ack_limit != UNLIMITED and not _may_challenge(engine, now):
        return
    engine.ext.TCPChallengeACK += 1
    send_ack(tcb, now)


def _may_challenge(engine: Engine, now: cython.longlong) -> cython.bint:
    # A limit that all share tells an attacker who is connected (CVE-2016-5696): it is random around its value.
    limit: cython.int = engine.sysctls.challenge_ack_limit
    if now >= engine.challenge_until:
        engine.challenge_until = now + SECOND
        engine.challenge_count = (limit + 1) // 2 + engine.context.entropy.below(limit) if limit > 0 else 0
    if engine.challenge_count <= 0:
        return False
    engine.challenge_count -= 1
    return True


# Second: RST (RFC 5961 3.2).


def _second_rst(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    window: cython.uint = tcb.receive_window()
    if seg.seq == tcb.rcv_nxt or _resets_beyond_hole(tcb, seg) or _resets_after_fin(tcb, seg):
        if tcb.fastopen is not None and tcb.fastopen.asked and tcb.data_segs_in == 0 and tcb.state == ESTABLISHED:
            met_blackhole(tcb, now)
        peer_reset(tcb, now)
    elif (seg.seq - tcb.rcv_nxt) & MASK32 < window:
        challenge_ack(tcb, now)


def _resets_beyond_hole(tcb: Tcb, seg: Segment) -> cython.bint:
    # The peer may have seen our SACKs and reset at the highest number it knows we have (Linux).
    i: cython.int = 1
    highest: cython.uint
    if tcb.sack_count == 0:
        return False
    highest = tcb.sack_right[0]
    while i < tcb.sack_count:
        if seq_lt(highest, tcb.sack_right[i]):
            highest = tcb.sack_right[i]
        i += 1
    return seg.seq == highest


def _resets_after_fin(tcb: Tcb, seg: Segment) -> cython.bint:
    # Some stacks do not count their FIN in the RST that follows it (Linux).
    if tcb.state != CLOSE_WAIT and tcb.state != LAST_ACK and tcb.state != CLOSING:
        return False
    return seg.seq == (tcb.rcv_nxt - 1) & MASK32


# Fourth: SYN (RFC 5961 4.2). Returns True when the segment goes on.


def _fourth_syn(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    if tcb.state == SYN_RECEIVED and seg.seq == tcb.irs:
        if seg.flags & ACK:
            # The other SYN,ACK of a simultaneous open: its SYN is old, its ACK is what we wait for.
            return True
        if not _answered_just_now(tcb, now):
            send_syn(tcb, SYN | ACK, now)
        return False
    tcb.engine.ext.TCPSYNChallenge += 1
    if tcb.ecn is not None:
        on_syn_ack_again(tcb, seg)
    challenge_ack(tcb, now)
    if tcb.ecn is not None:
        tcb.ecn.reflects = False
    return False


# Fifth: ACK (RFC 5961 5.2).


def _fifth_ack(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    if not seg.flags & ACK:
        return False
    if tcb.fastopen is not None and tcb.is_unproved():
        if not fast_open_proved(tcb, seg, now):
            _reset_reply(tcb, seg, now)
            return False
        if tcb.state == SYN_RECEIVED:
            move(tcb, RCV_ACK_OF_SYN)
    elif tcb.state == SYN_RECEIVED and not _opened(tcb, seg, now):
        _reset_reply(tcb, seg, now)
        return False
    if seq_lt(tcb.snd_nxt, seg.ack):
        challenge_ack(tcb, now)
        return False
    if seq_lt(seg.ack, tcb.snd_una):
        if _is_too_old(tcb, seg):
            challenge_ack(tcb, now)
            return False
        tcb.rcv_at = now
        acknowledge_old(tcb, seg, now)
        return True
    # Only now has the peer been heard: a blind segment keeps no dead connection alive.
    tcb.rcv_at = now
    if tcb.ts_ok and seg.ts_ok and seq_le(seg.seq, tcb.last_ack_sent):
        # RFC 7323 4.3: the timestamp to echo is that of the segment that advanced the last ACK; only now is it known
        # that nobody made it up.
        _remember_timestamp(tcb, seg, now)
    acknowledge(tcb, seg, now)
    if tcb.fin_sent and tcb.snd_una == tcb.snd_nxt and tcb.state != ESTABLISHED:
        return _fin_acknowledged(tcb, seg, now)
    return True


def _opened(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    # SYN_RECEIVED: an ACK of our SYN makes it ESTABLISHED, or FIN_WAIT_1 where a FIN waited for that.
    if not seq_lt(tcb.snd_una, seg.ack) or seq_lt(tcb.snd_nxt, seg.ack):
        return False
    tcb.snd_wnd = seg.wnd << (0 if seg.flags & SYN else tcb.snd_wscale)
    tcb.max_window = tcb.snd_wnd
    establish(tcb, seg, now)
    if tcb.ecn is not None and not seg.flags & SYN:
        on_third_ack(tcb, seg)
    if seg.flags & SYN and tcb.fastopen is None:
        # The SYN once more: our own SYN,ACK may be lost, and this ends the peer's wait for it (Linux). With Fast
        # Open the text that both send again does, as packetdrill's script has it.
        note_dsack(tcb, seg.seq, tcb.rcv_nxt)
        tcb.ack_pending |= ACK_SCHED | ACK_NOW
    move(tcb, RCV_ACK_OF_SYN)
    if tcb.fastopen is not None:
        syn_ack_arrived(tcb, seg, now)
    if tcb.fin_queued:
        move(tcb, CLOSE)
    return True


def _is_too_old(tcb: Tcb, seg: Segment) -> cython.bint:
    # Nobody has acknowledged what was never sent. A listener's SYN,ACK was: packetdrill's scripts have text that
    # acknowledges no more than its number, which Linux 6.18 challenges.
    oldest: cython.uint = tcb.bytes_acked + 1 if tcb.bytes_acked < tcb.max_window else tcb.max_window
    return seq_lt(seg.ack, (tcb.snd_una - oldest) & MASK32)


def _remember_timestamp(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # Never backwards (RFC 7323 5.2), unless what there is says nothing any more.
    if not seq_lt(seg.tsval, tcb.ts_recent) or now - tcb.ts_recent_at >= PAWS_24DAYS:
        tcb.ts_recent = seg.tsval
        tcb.ts_recent_at = now


def _fin_acknowledged(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    if tcb.state == FIN_WAIT_1:
        move(tcb, RCV_ACK_OF_FIN)
        if tcb.is_orphan:
            if tcb.settings.linger2_ns < 0:
                # TCP_LINGER2 below 0: nobody waits for the peer's FIN, and the peer is told so (Linux).
                tcb.engine.ext.TCPAbortOnLinger += 1
                _reset_reply(tcb, seg, now)
                finish(tcb, ABORT, 0)
                return False
            orphan_waits(tcb, now)
        return True
    if tcb.state == CLOSING:
        time_wait(tcb, now)
        return False
    if tcb.state == LAST_ACK:
        save_metrics(tcb, now)
        finish(tcb, RCV_ACK_OF_FIN, 0)
        return False
    return True


# Sixth: URG; see urgent.py.

# Seventh: segment text. Returns False when the connection ended.


def _seventh_text(tcb: Tcb, packet: Packet, seg: Segment, start: cython.uint, now: cython.longlong) -> cython.bint:
    if tcb.ecn is not None and on_text(tcb, seg):
        send_ack(tcb, now)
        mark_echoed(tcb)
    if tcb.state == ESTABLISHED:
        take_text(tcb, packet, seg, start, now)
        return True
    if tcb.state == FIN_WAIT_1 or tcb.state == FIN_WAIT_2:
        if tcb.shutdown & RCV_SHUTDOWN and seq_lt(tcb.rcv_nxt, seq_add(start, seg.length)):
            _refuse_text(tcb, seg, ECONNRESET, now)
            return False
        take_text(tcb, packet, seg, start, now)
    return True


def _refuse_text(tcb: Tcb, seg: Segment, err: cython.int, now: cython.longlong) -> None:
    # RFC 9293 3.6.1: text that nobody will read is answered with a RST. Who holds the socket still hears of it.
    tcb.engine.ext.TCPAbortOnData += 1
    _reset_reply(tcb, seg, now)
    finish(tcb, ABORT, err)


def _after_fin(tcb: Tcb, seg: Segment, start: cython.uint, now: cython.longlong) -> cython.bint:
    # The peer sent its FIN: what it sends now it sent before, and is told so. Text from before the FIN to beyond it is
    # a stream that cannot be, what lies behind is not looked at (Linux). Returns False when the connection ended.
    if tcb.ecn is not None and seg.length > 0 and on_text(tcb, seg):
        send_ack(tcb, now)
        mark_echoed(tcb)
    if start == seg.end_seq or not seq_lt(start, tcb.rcv_nxt):
        return True
    if seq_lt(tcb.rcv_nxt, seq_add(start, seg.length)):
        _refuse_text(tcb, seg, EPIPE if tcb.state == CLOSE_WAIT else ECONNRESET, now)
        return False
    repeated(tcb, start, seg.end_seq)
    return True


# Eighth: FIN. Returns False when the connection ended.


def _eighth_fin(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    known: cython.bint = tcb.seen_fin
    if seg.flags & FIN and (not tcb.seen_fin or seq_lt(tcb.peer_fin_seq, tcb.rcv_nxt)):
        # Remembered, it takes effect when all before it is there.
        tcb.seen_fin = True
        tcb.peer_fin_seq = (seg.end_seq - 1) & MASK32
    if tcb.rcv_nxt != tcb.peer_fin_seq:
        if seg.flags & FIN:
            if seg.length == 0:
                fin_beyond_gap(tcb, seg.seq, known)
            tcb.ack_pending |= ACK_SCHED | ACK_NOW
            if tcb.sack_ok and seg.end_seq == seq_add(tcb.peer_fin_seq, 1) and seq_lt(tcb.rcv_nxt, tcb.peer_fin_seq):
                # It has a number, like text: a block that ends before it would not cover the segment it came in.
                note_sack(tcb, tcb.peer_fin_seq, seg.end_seq)
        return True
    if tcb.space.held > tcb.rcv_buf:
        # The buffer is overdrawn: a peer that closes into a closed window hears so at once (Linux).
        tcb.ack_pending |= ACK_NOMEM | ACK_NOW
    tcb.rcv_nxt = seq_add(tcb.rcv_nxt, 1)
    tcb.rcv_fin = True
    tcb.shutdown |= RCV_SHUTDOWN
    drop_held(tcb)
    # Nothing is missing any more, so there is nothing to report (Linux).
    tcb.dsack_count = 0
    tcb.ack_pending |= ACK_SCHED
    if tcb.state == FIN_WAIT_1 or tcb.state == FIN_WAIT_2:
        tcb.ack_pending |= ACK_NOW
    if tcb.state == FIN_WAIT_2:
        send_ack(tcb, now)
        time_wait(tcb, now)
        return False
    move(tcb, RCV_FIN)
    tcb.pingpong = tcb.engine.sysctls.pingpong_thresh
    tcb.wake(POLLIN | POLLRDHUP)
    return True
