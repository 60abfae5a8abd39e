"""Fast Open, the client's half: text in a SYN that goes (RFC 7413 4.1.3, 4.2.1).

What the network eats is sent again without: the SYN by its timer, the text when the SYN,ACK did not acknowledge it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import NEVER
from ..core.seq import seq_add
from ..wire.tcp import Segment, fastopen_option
from .acknowledge import acknowledge
from .const import (
    R_PUSHED,
    RTX_RETRANSMIT,
    SYN,
    TFO_CLIENT_NO_COOKIE,
    TFO_COOKIE_UNAVAILABLE,
    TFO_DATA_NOT_ACKED,
    TFO_SYN_RETRANSMITTED,
    WAIT_BUSY,
)  # fmt: skip
from .fastopen import FastOpen
from .metrics import peer_key
from .peers import Peer
from .record import SentRecord, make_record
from .reduction import lost_without_congestion
from .retransmit import retransmit_lost
from .rtx_timer import arm_rtx
from .tcb import Engine, Tcb
from .transmit import send_syn, sync_mss

if TYPE_CHECKING:
    import cython

# Options may take this much of a SYN, ours and those that middleboxes add (Linux's MAX_TCP_OPTION_SPACE).
ROOM_FOR_OPTIONS = 40


def may_open_fast(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """True when a SYN to this peer may carry text: its cookie is known, or none is needed."""
    engine: Engine = tcb.engine
    known: Peer | None
    if _is_paused(tcb, now) or tcb.auth is not None:
        # A signature leaves no room for a cookie.
        return False
    if _needs_no_cookie(tcb):
        return True
    known = engine.peers.recall(peer_key(tcb), now)
    return known is not None and known.cookie != b""


def _is_paused(tcb: Tcb, now: cython.longlong) -> cython.bint:
    engine: Engine = tcb.engine
    return engine.fast_opens.is_paused(engine.sysctls.fastopen_blackhole_ns, now)


def _needs_no_cookie(tcb: Tcb) -> cython.bint:
    return tcb.settings.fastopen_no_cookie or (tcb.engine.sysctls.fastopen & TFO_CLIENT_NO_COOKIE) != 0


def open_fast(tcb: Tcb, octets: bytes, now: cython.longlong) -> cython.longlong:
    """Send the SYN, with as much of octets as it may carry, or asking for a cookie. Returns the octets taken."""
    engine: Engine = tcb.engine
    fast: FastOpen | None = tcb.fastopen
    known: Peer | None = engine.peers.recall(peer_key(tcb), now)
    n: cython.longlong = 0
    if fast is None:
        return 0
    fast.is_deferred = False
    tcb.syn_sent_at = now
    if may_open_fast(tcb, now):
        if not _needs_no_cookie(tcb) and known is not None:
            fast.option = fastopen_option(known.cookie, known.is_experimental)
            fast.asked = True
            fast.is_experimental = known.is_experimental
        n = _room(tcb, known)
        if n > len(octets):
            n = len(octets)
        if n > 0 and engine.pool.charge(n):
            tcb.queue.append(octets[:n])
            fast.text = n
            fast.carries = True
            tcb.chrono.start(WAIT_BUSY, now)
            tcb.snd_nxt = seq_add(tcb.iss, 1 + fast.text)
        else:
            n = 0
    elif not _is_paused(tcb, now):
        fast.is_experimental = known is not None and known.attempts == 1
        fast.option = fastopen_option(b"", fast.is_experimental)
        fast.asked = True
        fast.client_fail = TFO_COOKIE_UNAVAILABLE
    fast.watches = engine.fast_opens.has_met_blackhole()
    send_syn(tcb, SYN, now)
    arm_rtx(tcb, RTX_RETRANSMIT, now)
    return n


def _room(tcb: Tcb, known: Peer | None) -> cython.longlong:
    # RFC 7413 4.1.3: the MSS the server offered last time, or our own.
    mss: cython.uint = known.mss if known is not None and known.mss > 0 else tcb.advmss
    room: cython.longlong = tcb.path.mtu - tcb.path.header_len - 20
    if 0 < tcb.settings.maxseg < mss:
        mss = tcb.settings.maxseg
    tcb.mss_clamp = mss
    sync_mss(tcb)
    if mss < room:
        room = mss
    return room - ROOM_FOR_OPTIONS if room > ROOM_FOR_OPTIONS else 0


def syn_ack_arrived(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """Our SYN was acknowledged: what of its text, and which cookie for next time?"""
    engine: Engine = tcb.engine
    fast: FastOpen | None = tcb.fastopen
    record: SentRecord
    delivered: cython.ulonglong = tcb.rate.delivered
    if fast is None:
        return
    if seg.flags & SYN:
        # Of SYNs that crossed a plain ACK may be the answer: it has no options, and ``seg`` still those of another SYN.
        _remember(engine.peers.remember(peer_key(tcb), now), fast, seg, tcb.total_retrans, now)
    if fast.text == 0:
        return
    record = make_record(seq_add(tcb.iss, 1), seq_add(tcb.iss, 1 + fast.text), 1, fast.text, tcb.syn_sent_at)
    record.flags = R_PUSHED
    tcb.board.add(record)
    if seg.ack != tcb.snd_una:
        acknowledge(tcb, seg, now)
    if tcb.snd_una == tcb.snd_nxt:
        fast.syn_data_acked = True
        engine.ext.TCPFastOpenActive += 1
        # SYN and text were one packet.
        tcb.rate.delivered = delivered
        return
    engine.ext.TCPFastOpenActiveFail += 1
    fast.client_fail = TFO_SYN_RETRANSMITTED if tcb.total_retrans > 0 else TFO_DATA_NOT_ACKED
    _send_again(tcb, now)


def _remember(known: Peer, fast: FastOpen, seg: Segment, resent: cython.int, now: cython.longlong) -> None:
    # RFC 7413 4.1.3 and, where no cookie came, which form of the option to try next (Linux).
    lost: cython.bint = fast.asked and resent > 0 and seg.fastopen is None and fast.text > 0
    if seg.mss > 0:
        known.mss = seg.mss
    if lost:
        known.syn_dropped_at = now
    known.syn_drops = known.syn_drops + 1 if lost else 0
    if not fast.asked:
        # A cookie nobody asked for.
        return
    if seg.fastopen:
        known.cookie = seg.fastopen
        known.is_experimental = seg.fastopen_exp
    elif resent == 0 and seg.fastopen is None and fast.text == 0 and not known.cookie and not known.is_experimental:
        known.attempts = max(known.attempts, 2 if fast.is_experimental else 1)


def text_was_too_big(tcb: Tcb, now: cython.longlong) -> None:
    """The SYN with its text does not fit the path: a plain one goes at once (Linux)."""
    engine: Engine = tcb.engine
    # The answer is to fit as well, which the MSS of the link would not make it do (Linux).
    if tcb.path.mtu < tcb.advmss + tcb.path.header_len + 20:
        tcb.advmss = tcb.path.mtu - tcb.path.header_len - 20
    tcb.retransmits += 1
    tcb.total_retrans += 1
    engine.ext.TCPSynRetrans += 1
    engine.mib.RetransSegs += 1
    send_syn(tcb, SYN, now)
    arm_rtx(tcb, RTX_RETRANSMIT, now)


def _send_again(tcb: Tcb, now: cython.longlong) -> None:
    # Not taken by the server, or eaten on the way: no sign of congestion.
    tcb.board.mark_late(NEVER, False, now)
    lost_without_congestion(tcb, now)
    retransmit_lost(tcb, now)


def met_blackhole(tcb: Tcb, now: cython.longlong) -> None:
    """What was opened fast is stuck or cut off: some box in the way does not know Fast Open (RFC 7413 4.1.3.1)."""
    engine: Engine = tcb.engine
    if engine.sysctls.fastopen_blackhole_ns > 0:
        engine.fast_opens.blackholed(now)
        engine.ext.TCPFastOpenBlackhole += 1
