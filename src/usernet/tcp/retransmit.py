"""Sending again: what is marked lost (RFC 6675 NextSeg, RFC 5681 3.1), or the tail, to see what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.chunk import Chunk
from ..core.const import MASK32
from ..core.seq import seq_add, seq_lt
from .const import (
    ACK,
    CA_CWR,
    CA_LOSS,
    CA_RECOVERY,
    FIN,
    PSH,
    R_EVER_RETRANS,
    R_FIN,
    R_LOST,
    R_PUSHED,
    R_RETRANS,
    R_SACKED,
    RTX_REORDER,
    RTX_RETRANSMIT,
)
from .loss_detection import uses_rack
from .record import SentRecord
from .rtx_timer import arm_rtx
from .scoreboard import Scoreboard
from .tcb import Tcb
from .transmit import max_payload, send_mss, transmit, usable_path

if TYPE_CHECKING:
    import cython


def retransmit_lost(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 6675 NextSeg rule 1: send again what is marked lost, as far as the window goes."""
    board: Scoreboard = tcb.board
    i: cython.Py_ssize_t
    sent: cython.int
    quota: cython.int
    is_head: cython.bint
    was_head: cython.bint = False
    while True:
        i = board.next_lost()
        if i < 0:
            break
        quota = tcb.cc.cwnd - board.in_flight()
        if quota <= 0:
            break
        if tcb.pacer.is_on and not tcb.pacer.may_leave(now):
            break
        is_head = board.at(i).start == tcb.snd_una
        sent = retransmit(tcb, i, quota, now)
        if sent == 0:
            break
        was_head = was_head or is_head
        if tcb.ca_state == CA_LOSS:
            tcb.engine.ext.TCPSlowStartRetrans += sent
        else:
            tcb.engine.ext.TCPFastRetrans += sent
        if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
            tcb.prr.out += sent
    if was_head and tcb.rtx_kind != RTX_REORDER:
        arm_rtx(tcb, RTX_RETRANSMIT, now)


def retransmit(tcb: Tcb, i: cython.Py_ssize_t, max_segs: cython.uint, now: cython.longlong) -> cython.int:
    """Send record i of the scoreboard again, at most max_segs of it. Returns the segments sent, 0 for none."""
    board: Scoreboard = tcb.board
    record: SentRecord = board.at(i)
    answer: cython.int = _send_again(tcb, i, max_segs, now)
    if answer < 0:
        return 0
    if tcb.retrans_at < 0:
        # RFC 3522 3.2's RetransmitTS, and the start of the patience of RFC 9293 3.8.3.
        tcb.retrans_at = now
    tcb.undo.sent_again(record.segs)
    if answer == 0:
        # It did not leave; but Karn's rule holds from now on, for nobody knows how far it came.
        record.flags |= R_EVER_RETRANS
        return 0
    if tcb.cwv is not None and not record.flags & R_EVER_RETRANS:
        tcb.cwv.repaired += record.segs
    board.retransmitted(record, now)
    return record.segs


def rescue(tcb: Tcb, now: cython.longlong) -> None:
    """RFC 6675 NextSeg rule 4: once a recovery, where nothing else may be sent, the end of what is out goes again.

    What is lost there has too little above it to count; RACK needs no such help.
    """
    board: Scoreboard = tcb.board
    i: cython.Py_ssize_t
    if not tcb.sack_ok or board.packets_out == 0 or not seq_lt(tcb.probe.rescue_after, tcb.snd_una) or uses_rack(tcb):
        return
    if board.to_send > 0 or tcb.cc.cwnd <= board.in_flight() or tcb.has_new():
        return
    i = board.last()
    if board.at(i).flags & R_SACKED and board.count() > 1:
        # Neighbours that are SACKed are one record.
        i -= 1
    # One that went again in this recovery is in flight for all that is known.
    if board.at(i).flags & (R_SACKED | R_LOST | R_RETRANS) == 0 and _retransmit_end(tcb, i, now):
        tcb.probe.rescue_after = tcb.high_seq
        tcb.undo.sent_again(1)
        tcb.prr.out += 1
        tcb.engine.ext.TCPFastRetrans += 1


def retransmit_tail(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """RFC 8985 7.3: the last segment once more, as a probe. False when it could not be sent."""
    return _retransmit_end(tcb, tcb.board.last(), now)


def _retransmit_end(tcb: Tcb, i: cython.Py_ssize_t, now: cython.longlong) -> cython.bint:
    # The last segment of record i.
    board: Scoreboard = tcb.board
    record: SentRecord = board.at(i)
    ahead: cython.uint = (record.segs - 1) * record.mss
    # Of a record that was made one of short ones, as their SACKs came, no edge inside is known (Linux).
    if 0 < ahead < (record.end - record.start) & MASK32:
        board.split(i, seq_add(record.start, ahead))
        i += 1
        record = board.at(i)
    if _send_again(tcb, i, 1, now) <= 0:
        return False
    board.probed(record, now)
    return True


def _send_again(tcb: Tcb, i: cython.Py_ssize_t, max_segs: cython.uint, now: cython.longlong) -> cython.int:
    # Record i leaves once more, cut to what the window and the path take: 1. The window forbids it: -1. The floor below
    # refuses it: 0.
    board: Scoreboard = tcb.board
    record: SentRecord = board.at(i)
    mss: cython.uint
    limit: cython.uint
    n: cython.uint
    flags: cython.uint = ACK
    cursor: Chunk | None
    answer: cython.int
    if not tcb.path.alive:
        usable_path(tcb)
    # An MTU probe that something else is lost with shows nothing.
    tcb.mtu.probe_size = 0
    mss = send_mss(tcb)
    limit = _limit(tcb, record.start, max_segs, mss)
    if limit == 0:
        return -1
    _cut(board, i, limit, mss)
    n = (record.end - record.start) & MASK32
    if record.flags & R_FIN:
        n -= 1
        flags |= FIN
    if n > mss or record.flags & R_PUSHED:
        flags |= PSH
    # New data goes on where it stopped.
    cursor = tcb.queue.look_at(record.chunk)
    answer = transmit(tcb, record.start, n, flags, mss, now)
    tcb.queue.look_at(cursor)
    tcb.total_retrans += record.segs
    tcb.bytes_retrans += n
    tcb.engine.mib.RetransSegs += record.segs
    if answer < 0:
        tcb.engine.ext.TCPRetransFail += record.segs
        return 0
    tcb.rate.sent(record, board.in_flight(), board.packets_out, now)
    if tcb.pacer.is_on:
        tcb.pacer.sent(n, now)
    return 1


def _limit(tcb: Tcb, start: cython.uint, max_segs: cython.uint, mss: cython.uint) -> cython.uint:
    # Octets from start on that may go in one super-segment; 0 for none.
    biggest: cython.uint = max_payload(tcb, mss)
    limit: cython.uint = max_segs * mss
    room: cython.longlong = tcb.snd_wnd
    room -= (start - tcb.snd_una) & MASK32
    if limit > biggest or max_segs > 1024:
        limit = biggest
    if room <= 0:
        # The window shrank. One segment at snd_una is always tried, as a probe.
        if start != tcb.snd_una:
            return 0
        room = mss
    if room < limit:
        return room - room % mss if room > mss else room
    return limit


def _cut(board: Scoreboard, i: cython.Py_ssize_t, limit: cython.uint, mss: cython.uint) -> None:
    # To segments of today's size, and what is beyond the limit into a record of its own; a FIN needs no room.
    record: SentRecord = board.at(i)
    n: cython.uint = (record.end - record.start) & MASK32
    if record.mss != mss:
        board.resegment(record, mss)
    if n > limit + (1 if record.flags & R_FIN else 0):
        board.split(i, seq_add(record.start, limit))
