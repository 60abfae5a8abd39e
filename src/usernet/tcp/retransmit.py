"""Sending again what is marked lost (RFC 6675 NextSeg, RFC 5681 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_add
from .const import ACK, CA_LOSS, FIN, PSH, R_FIN, RTX_RETRANSMIT
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
        if tcb.pacer.is_on and not tcb.pacer.may_leave(now):
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
            tcb.prr.out += sent
        if is_head:
            arm_rtx(tcb, RTX_RETRANSMIT, now)


def retransmit(tcb: Tcb, i: cython.Py_ssize_t, max_segs: cython.uint, now: cython.longlong) -> cython.int:
    """Send record i of the scoreboard again, at most max_segs of it. Returns the segments sent, 0 for none."""
    board: Scoreboard = tcb.board
    record: SentRecord = board.at(i)
    mss: cython.uint
    biggest: cython.uint
    limit: cython.uint
    n: cython.uint
    flags: cython.uint = ACK
    room: cython.longlong = tcb.snd_wnd
    room -= (record.start - tcb.snd_una) & MASK32
    if not tcb.path.alive:
        usable_path(tcb)
    # An MTU probe that something else is lost with shows nothing.
    tcb.mtu.probe_size = 0
    mss = send_mss(tcb)
    biggest = max_payload(tcb, mss)
    limit = max_segs * mss
    if limit > biggest or max_segs > 1024:
        limit = biggest
    if room < limit:
        # The window shrank. One segment at snd_una is always tried, as a probe.
        if room < mss and record.start != tcb.snd_una:
            return 0
        limit = room - room % mss if room > mss else mss
    n = (record.end - record.start) & MASK32
    if n > limit + (1 if record.flags & R_FIN else 0):
        board.split(i, seq_add(record.start, limit), mss)
        n = limit
    elif record.segs != (n + mss - 1) // mss:
        board.resegment(record, mss)
    if record.flags & R_FIN:
        n -= 1
        flags |= FIN
    if n > mss or (n > 0 and tcb.position(record.start) + n == tcb.queue.end):
        flags |= PSH
    if transmit(tcb, record.start, n, flags, mss, now) < 0:
        tcb.engine.ext.TCPRetransFail += 1
    if tcb.retrans_at == 0:
        tcb.retrans_at = record.sent_at
    tcb.rate.sent(record, board.in_flight(), board.packets_out, now)
    board.retransmitted(record, now)
    if tcb.pacer.is_on:
        tcb.pacer.sent(n, now)
    tcb.total_retrans += record.segs
    tcb.bytes_retrans += n
    tcb.engine.mib.RetransSegs += record.segs
    return record.segs
