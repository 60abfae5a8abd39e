"""ECN of a connection: negotiation, what its packets carry, what it makes of marks (RFC 3168, RFC 9768, RFC 8257 3.2).

Classic ECN gives one signal a round trip: the receiver sets ECE until CWR tells that the sender has slowed down. With
accurate ECN (accecn.py) the same flags are a counter, and, as the peer's feedback covers them, all packets are
ECN-capable, retransmissions and pure ACKs too (ECN++, draft-ietf-tcpm-generalized-ecn). Which of both a connection
asks for and grants is net.ipv4.tcp_ecn, as in Linux: 0 none; 1 classic; 2 classic if asked for; 3 accurate; 4 accurate
if asked for, else classic; 5 either if asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.sender import Path
from ..core.seq import seq_add, seq_le, seq_lt
from ..wire.tcp import Segment
from .accecn import Ecn, ace_of, handshake_ecn, handshake_flags, is_plausible
from .congestion.base import CongestionControl
from .const import (
    A_DATA_ACKED,
    A_DATA_SACKED,
    A_ECE,
    ACE,
    ACE_MASK,
    ACK,
    ACK_NOW,
    ACK_SCHED,
    AE,
    ATO_MIN,
    CA_CWR,
    CA_OPEN,
    CE,
    CWR,
    ECE,
    ECN_ACCURATE,
    ECN_ASKED,
    ECN_CLASSIC,
    ECT_0,
    ECT_1,
    FAIL_ACE_RECEIVE,
    FAIL_ACE_SEND,
    FAIL_OPTION_SEND,
    FIN_WAIT_2,
    FIRST_CEP,
    NOT_ECT,
    OPTION_NONE,
)  # fmt: skip
from .rate import AckSample
from .settings import Settings
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython

# Quick ACKs after a mark: the sender's window may be small (Linux).
QUICK_AFTER_CE = 2
# CE marks after which an ACK is due, with text to acknowledge and without (RFC 9768 3.2.2.5.1).
CE_WITH_TEXT = 2
CE_WITHOUT_TEXT = 3
# The ACE value of a SYN that asks for classic ECN.
CLASSIC_SYN = 3
# The least value of an ACE field in handshake encoding.
HANDSHAKE_LEAST = 2
# net.ipv4.tcp_ecn_option.
ALWAYS = 2
PERSISTENT = 3


# Negotiation (RFC 3168 6.1.1, RFC 9768 3.1).


def offer(tcb: Tcb) -> None:
    """Before the first SYN: what to ask for."""
    cc: CongestionControl = tcb.cc
    wanted: cython.int = tcb.engine.sysctls.ecn
    tcb.ecn = None  # type: ignore[assignment]
    if wanted == 3 or (cc.needs_ecn and cc.ect == ECT_1):
        tcb.ecn = Ecn(ECN_ASKED)
    elif wanted == 1 or wanted == 4 or cc.needs_ecn:
        tcb.ecn = Ecn(ECN_CLASSIC)


def on_syn(tcb: Tcb, flags: cython.uint) -> cython.uint:
    """The flags of a SYN or SYN,ACK of this connection, and in ``ecn.codepoint`` what its IP header carries."""
    ecn: Ecn = tcb.ecn
    cc: CongestionControl = tcb.cc
    # RFC 3168 6.1.1 has them Not-ECT; a control made for networks that all mark (RFC 8257) has not.
    ecn.codepoint = cc.ect if cc.needs_ecn else NOT_ECT
    ecn.syn_ect_sent = ecn.codepoint
    if flags & ACK:
        return flags | syn_ack_flags(ecn, tcb.retransmits)
    if not tcb.engine.sysctls.ecn_fallback or tcb.retransmits <= (1 if ecn.mode == ECN_ASKED else 0):
        return flags | ECE | CWR | (AE if ecn.mode == ECN_ASKED else 0)
    # Perhaps the flags are why no answer came (RFC 3168 6.1.1.1, RFC 9768 3.1.4.1).
    if ecn.mode == ECN_CLASSIC:
        ecn.fail |= FAIL_ACE_SEND
    return flags


def syn_ack_flags(ecn: Ecn, retransmits: cython.int) -> cython.uint:
    """The flags of a SYN,ACK that was sent so many times before."""
    if retransmits > 1:
        # RFC 9768 3.2.3.2.2: without flags at last. Then nothing is ECN-capable (3.1.5, RFC 3168 6.1.1).
        ecn.fail |= FAIL_ACE_SEND
        return 0
    return handshake_flags(ecn.syn_ect_received) if ecn.mode == ECN_ACCURATE else ECE


def asked_by(engine: Engine, settings: Settings, path: Path, seg: Segment) -> Ecn:
    """What a SYN asks for and we grant (RFC 9768 table 2), for the request it makes; None for no ECN."""
    ecn: Ecn
    cc: CongestionControl
    needed: cython.bint = False
    accurate: cython.bint = False
    ace: cython.uint = seg.flags & ACE
    mode: cython.int = engine.sysctls.ecn
    if ace == 0:
        return None  # type: ignore[return-value]
    cc = engine.controls.sample(engine.controls.chosen(settings.congestion, path.congctl))
    needed = cc.needs_ecn
    accurate = needed and cc.ect == ECT_1
    if ace != ECE | CWR and (mode >= 3 or accurate):
        # RFC 9768 3.1.3: any combination but those of old.
        ecn = Ecn(ECN_ACCURATE)
        ecn.syn_ect_received = ecn.last_ecn = seg.ecn
        ecn.option_demand = 1
    elif (
        ace & (ECE | CWR) == ECE | CWR and not accurate and (needed or (mode != 0 and (seg.ecn == NOT_ECT or ace & AE)))
    ):
        # An ECN-capable SYN is no classic one, unless it would have liked more than that (Linux).
        ecn = Ecn(ECN_CLASSIC)
    else:
        return None  # type: ignore[return-value]
    ecn.peer_ace = ace_of(ace)
    if needed:
        ecn.codepoint = ecn.syn_ect_sent = cc.ect
    return ecn


def recovered(engine: Engine, seg: Segment, is_classic: cython.bint) -> Ecn:
    """What the ACK of a SYN cookie tells of the SYN (RFC 9768 5.1); ``is_classic`` came back in the timestamp."""
    if engine.sysctls.ecn >= 3 and ace_of(seg.flags) >= HANDSHAKE_LEAST:
        return Ecn(ECN_ACCURATE)
    return Ecn(ECN_CLASSIC) if is_classic and engine.sysctls.ecn != 0 else None  # type: ignore[return-value]


def asked_again(engine: Engine, ecn: Ecn, seg: Segment) -> cython.bint:
    """The SYN came again, and what it came with is what is fed back (RFC 9768 3.1.5).

    False: it asks for classic ECN where it asked for accurate ECN, or the reverse, and must be reset.
    """
    ace: cython.uint = ace_of(seg.flags)
    if ace == 0:
        ecn.fail |= FAIL_ACE_RECEIVE
    elif (ace == CLASSIC_SYN) != (ecn.peer_ace == CLASSIC_SYN) and engine.sysctls.ecn >= 3:
        return False
    ecn.syn_ect_received = seg.ecn
    return True


def syn_ack_option(engine: Engine, ecn: Ecn) -> cython.bint:
    """Whether the SYN,ACK carries an AccECN option: the first does, then it may be the reason (RFC 9768 3.2.3.2.2)."""
    if ecn.mode != ECN_ACCURATE or engine.sysctls.ecn_option == 0 or ecn.option_demand == 0:
        return False
    ecn.option_demand = 0
    return True


def on_crossing_syn(tcb: Tcb, seg: Segment) -> None:
    """SYN crossed SYN: both asked, so the lesser wish counts."""
    ecn: Ecn = tcb.ecn
    ace: cython.uint = seg.flags & ACE
    if ecn.mode == ECN_ASKED and ace != 0 and ace != ECE | CWR:
        ecn.mode = ECN_ACCURATE
        ecn.syn_ect_received = ecn.last_ecn = seg.ecn
        ecn.option_demand = 1
    elif ace & (ECE | CWR) == ECE | CWR:
        ecn.mode = ECN_CLASSIC
    else:
        tcb.ecn = None  # type: ignore[assignment]


def on_syn_ack(tcb: Tcb, seg: Segment) -> None:
    """The client's half of RFC 9768 table 2."""
    ecn: Ecn = tcb.ecn
    ace: cython.uint = ace_of(seg.flags)
    if ace == 0 or ace == 7:
        tcb.ecn = None  # type: ignore[assignment]
    elif ace == 1:
        # ECT(1) means more than classic feedback can tell (RFC 9331 4.3).
        if tcb.cc.ect == ECT_1:
            tcb.ecn = None  # type: ignore[assignment]
        else:
            ecn.mode = ECN_CLASSIC
    elif ecn.mode == ECN_ASKED:
        ecn.mode = ECN_ACCURATE
        ecn.reflects = True
        ecn.syn_ect_received = seg.ecn
        ecn.ts_recent = tcb.ts_recent
        if seg.accecn_count >= 0:
            ecn.first_option(seg)
            ecn.option_demand = 2
        # 101 is reserved, and says nothing of the SYN's ECN field (RFC 9768 3.1.3).
        if (ace == 5 or _believes(tcb, ace)) and seg.ecn == CE:
            ecn.received_ce = ecn.pending_ce = 1
    else:
        tcb.ecn = None  # type: ignore[assignment]


def on_syn_ack_again(tcb: Tcb, seg: Segment) -> None:
    """A SYN,ACK in a connection that is open: its pure ACK feeds its ECN field back (RFC 9768 3.2.2.1)."""
    ecn: Ecn = tcb.ecn
    if ecn.mode != ECN_ACCURATE:
        return
    ecn.reflects = True
    ecn.syn_ect_received = seg.ecn
    if seg.accecn_count >= 0:
        ecn.first_option(seg)
        if ecn.option_demand == 0:
            ecn.option_demand = 1


def on_third_ack(tcb: Tcb, seg: Segment) -> None:
    """The ACK of our SYN,ACK (RFC 9768 table 4)."""
    ecn: Ecn = tcb.ecn
    ace: cython.uint = ace_of(seg.flags)
    ecn.ts_recent = tcb.ts_recent
    ecn.option_demand = 1
    if ecn.mode != ECN_ACCURATE:
        return
    ecn.first_option(seg)
    ecn.peer_ace = ace
    if ace == 0:
        ecn.fail |= FAIL_ACE_RECEIVE
        ecn.deaf = seg.length == 0 and seg.sack_count == 0
    elif ace in (2, 3, 4, 6) and seg.length == 0 and seg.sack_count == 0 and _believes(tcb, ace):
        tcb.rate.delivered_ce = 1 if ace == 6 else 0


def _believes(tcb: Tcb, ace: cython.uint) -> cython.bint:
    # RFC 9768 3.2.2.3: what our SYN or SYN,ACK is said to have come with must be what a network may make of it.
    ecn: Ecn = tcb.ecn
    if not tcb.engine.sysctls.ecn_fallback or is_plausible(ecn.syn_ect_sent, handshake_ecn(ace)):
        return True
    ecn.fail |= FAIL_ACE_RECEIVE
    return False


# The receiver.


def on_segment(tcb: Tcb, seg: Segment) -> None:
    """An acceptable segment came: count its ECN field, and see whether that asks for an ACK."""
    ecn: Ecn = tcb.ecn
    segs: cython.uint = 1
    edge: cython.bint
    if seg.gso_size > 0 and seg.length > seg.gso_size:
        segs = (seg.length + seg.gso_size - 1) // seg.gso_size
    edge = ecn.count(seg.ecn, segs, seg.length)
    if ecn.mode != ECN_ACCURATE:
        return
    if seg.length > 0:
        if edge or ecn.pending_ce >= CE_WITH_TEXT:
            tcb.ack_pending |= ACK_SCHED | ACK_NOW
    elif ecn.pending_ce >= CE_WITH_TEXT and (
        tcb.ack_pending or (ecn.pending_ce >= CE_WITHOUT_TEXT and (tcb.sack_ok or tcb.ts_ok))
    ):
        # An ACK of ACKs, where its lack of SACK blocks or its timestamp tells it from a duplicate ACK.
        tcb.ack_pending |= ACK_SCHED | ACK_NOW


def on_text(tcb: Tcb, seg: Segment) -> cython.bint:
    """Segment text: the echo of classic ECN. True: a delayed ACK must go first, then mark_echoed().

    That is RFC 8257 3.2, for a control that needs ECN: ECE is the mark of the text acknowledged, never of both kinds.
    """
    ecn: Ecn = tcb.ecn
    if ecn.mode == ECN_CLASSIC and seg.flags & CWR:
        ecn.must_echo = False
        # The sender has slowed down, perhaps to a segment at a time (Linux).
        tcb.ack_pending |= ACK_SCHED | ACK_NOW
    if seq_le(seg.end_seq, tcb.rcv_nxt):
        # RFC 3168 6.1.5: no mark on what lies outside the window is taken for congestion.
        return False
    if seg.ecn == NOT_ECT:
        # Of a sender that is ECN-capable this is a retransmission: it waits for ACKs (Linux).
        if ecn.seen:
            _quick(tcb)
        return False
    ecn.seen = True
    if ecn.mode != ECN_CLASSIC:
        return False
    if tcb.cc.needs_ecn:
        if (seg.ecn == CE) != ecn.ce_state:
            ecn.must_echo = ecn.ce_state
            ecn.ce_state = seg.ecn == CE
            tcb.ack_pending |= ACK_SCHED | ACK_NOW
            if tcb.ack_timer.is_armed():
                return True
        ecn.must_echo = ecn.ce_state
    elif seg.ecn == CE and not ecn.must_echo:
        _quick(tcb)
        ecn.must_echo = True
    return False


def mark_echoed(tcb: Tcb) -> None:
    """The ACK that on_text() asked for is out: the next one tells of the text that came."""
    tcb.ecn.must_echo = tcb.ecn.ce_state
    tcb.ack_pending |= ACK_SCHED | ACK_NOW


def _quick(tcb: Tcb) -> None:
    if tcb.quick < QUICK_AFTER_CE:
        tcb.quick = QUICK_AFTER_CE
    tcb.pingpong = 0
    tcb.ato = ATO_MIN


def on_repeated_text(tcb: Tcb, start: cython.uint) -> None:
    """Old text came that begins at ``start``; its D-SACK is not noted yet.

    The same again, though an ACK with its D-SACK and an AccECN option went out: perhaps what carries the option is
    dropped (RFC 9768 3.2.3.2.2).
    """
    if tcb.ecn.option_with_dsack and start == tcb.dsack_left:
        tcb.ecn.fail |= FAIL_OPTION_SEND


# The sender.


def on_ack(tcb: Tcb, seg: Segment, did: cython.int, octets: cython.uint, now: cython.longlong) -> cython.int:
    """An ACK was digested, up to the congestion response: returns ``did``, with A_ECE where it told of marks.

    ``octets`` were newly acknowledged or SACKed. The sample, the rate and a control that needs ECN learn of the marks.
    """
    ecn: Ecn = tcb.ecn
    sample: AckSample = tcb.engine.ack_sample
    marked: cython.uint = 0
    if ecn.mode == ECN_ACCURATE:
        marked = _read_ace(tcb, seg, did, octets)
    elif ecn.mode == ECN_CLASSIC and seg.flags & ECE:
        marked = sample.delivered
        did |= A_ECE
    if marked > 0:
        did |= A_ECE
        sample.ce += marked
        tcb.rate.delivered_ce += marked
        tcb.engine.ext.TCPDeliveredCE += marked
    sample.ece = (did & A_ECE) != 0
    if tcb.cc.needs_ecn:
        tcb.cc.on_ce(sample, now)
    return did


def _read_ace(tcb: Tcb, seg: Segment, did: cython.int, octets: cython.uint) -> cython.uint:
    ecn: Ecn = tcb.ecn
    ace: cython.uint = ace_of(seg.flags)
    segs: cython.uint = tcb.engine.ack_sample.delivered
    before: cython.uint = ecn.delivered_bytes[CE - 1]
    later: cython.bint = tcb.ts_recent != ecn.ts_recent
    known: cython.bint
    ecn.ts_recent = tcb.ts_recent
    if ecn.deaf:
        return 0
    # Without progress only a newer timestamp tells that the ACK is not an old one (RFC 9768 A.1).
    if not did & (A_DATA_ACKED | A_DATA_SACKED) and (not later or _is_third_ack(tcb, seg, ace)):
        return 0
    known = ecn.take_option(seg, octets, tcb.bytes_sent)
    ecn.note_acked(segs)
    return ecn.marked(
        (ace - FIRST_CEP - tcb.rate.delivered_ce) & ACE_MASK,
        segs,
        octets,
        known,
        (ecn.delivered_bytes[CE - 1] - before) & MASK32,
        tcb.mss,
        tcb.sack_ok or tcb.ca_state == CA_OPEN or tcb.ca_state == CA_CWR,
    )


def _is_third_ack(tcb: Tcb, seg: Segment, ace: cython.uint) -> cython.bint:
    # The client's answer to a SYN,ACK sent again is in handshake encoding too; RFC 9768 3.2.2.2 lets us tell it.
    return (
        ace == tcb.ecn.peer_ace
        and seg.length == 0
        and seg.seq == seq_add(tcb.irs, 1)
        and seg.ack == seq_add(tcb.iss, 1)
    )


def reduced(tcb: Tcb) -> None:
    """cwnd came down: with classic ECN the next new text says so (RFC 3168 6.1.2)."""
    if tcb.ecn.mode == ECN_CLASSIC:
        tcb.ecn.must_cwr = True


def undone(tcb: Tcb) -> None:
    """The reduction was taken back before CWR told of it."""
    tcb.ecn.must_cwr = False


# Outgoing segments.


def lay_out(tcb: Tcb, room: cython.int, sacks: cython.int, now: cython.longlong) -> None:
    """Before a segment is sized: whether it has an AccECN option, in ``room`` octets beside so many SACK blocks."""
    ecn: Ecn = tcb.ecn
    wanted: cython.int = tcb.engine.sysctls.ecn_option
    ecn.fields = -1
    ecn.octets = 0
    ecn.sacks = sacks
    # The peer must have shown one: an option that no path lets through is no use (RFC 9768 3.2.3.2.3, as Linux).
    if ecn.mode != ECN_ACCURATE or wanted == 0 or ecn.option_seen == OPTION_NONE:
        return
    if ecn.fail & FAIL_OPTION_SEND and wanted < PERSISTENT:
        return
    if wanted >= ALWAYS or ecn.option_demand > 0 or _beacon_is_due(tcb, now):
        ecn.fit(room, sacks)


def _beacon_is_due(tcb: Tcb, now: cython.longlong) -> cython.bint:
    # net.ipv4.tcp_ecn_option_beacon: so many options a round trip at least.
    per_rtt: cython.longlong = tcb.engine.sysctls.ecn_option_beacon
    # A quotient, for ``now`` may be NEVER.
    return per_rtt > 0 and now - tcb.ecn.option_at >= tcb.rtt.srtt // per_rtt


def on_transmit(tcb: Tcb, seq: cython.uint, n: cython.uint, flags: cython.uint) -> cython.uint:
    """The flags of a segment with n octets of text, and in ``ecn.codepoint`` what its IP header carries."""
    ecn: Ecn = tcb.ecn
    ecn.codepoint = NOT_ECT
    if ecn.mode == ECN_ACCURATE:
        if tcb.is_orphan and tcb.state == FIN_WAIT_2:
            # Like an ACK in TIME-WAIT: both streams are at their end, and there is nothing more to tell of (Linux).
            ecn.codepoint = tcb.cc.ect
            return flags
        if not ecn.fail & (FAIL_ACE_SEND | FAIL_ACE_RECEIVE):
            ecn.codepoint = tcb.cc.ect
        if ecn.reflects:
            ecn.reflects = False
            if n == 0 and ecn.sacks == 0:
                return flags | handshake_flags(ecn.syn_ect_received)
        return flags | ecn.ace()
    if ecn.mode == ECN_CLASSIC:
        if n > 0 and not seq_lt(seq, tcb.snd_nxt):
            # RFC 3168 6.1.5: text sent for the first time, and it carries CWR; not what is sent again, nor a pure ACK.
            # 6.1.1: none, once either end sent a SYN or SYN,ACK that did not ask.
            if not ecn.fail:
                ecn.codepoint = ECT_0
            if ecn.must_cwr:
                ecn.must_cwr = False
                flags |= CWR
        elif tcb.cc.needs_ecn:
            ecn.codepoint = ECT_0
        if ecn.must_echo:
            flags |= ECE
    return flags
