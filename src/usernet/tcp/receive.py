"""The receiver: segment text to the reader, SACK blocks, when to acknowledge, how large a buffer.

RFC 9293 3.10.7.4 (seventh check) and 3.8.6.3, RFC 2018 4, RFC 2883, RFC 5681 4.2; delayed ACKs and buffer tuning as
Linux has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLIN
from ..core.packet import Packet
from ..core.seq import seq_add, seq_le, seq_lt
from ..wire.tcp import Segment
from .const import ACK_NOW, ACK_SCHED, ATO_MIN, DELACK_MAX, HELD_OVERHEAD, QUICK_ACKS
from .reassembly import Reassembly
from .tcb import Engine, Tcb
from .transmit import send_ack, timestamp, window_offer

if TYPE_CHECKING:
    import cython


def take_text(tcb: Tcb, packet: Packet, seg: Segment, start: cython.uint, now: cython.longlong) -> None:
    """Segment text whose first octet is number ``start``: queue it, hold it, or drop what is old or outside."""
    n: cython.Py_ssize_t = seg.length
    end: cython.uint = (start + n) & MASK32
    window: cython.uint = tcb.receive_window()
    skip: cython.uint = 0
    tcb.data_segs_in += 1
    if start != tcb.rcv_nxt:
        if seq_le(end, tcb.rcv_nxt):
            _old_text(tcb, start, end)
            return
        if seq_lt(tcb.rcv_nxt, start):
            _hold(tcb, packet, seg, start, end, window, now)
            return
        skip = (tcb.rcv_nxt - start) & MASK32
        n -= skip
        _note_dsack(tcb, start, tcb.rcv_nxt)
    if n > window:
        tcb.ack_pending |= ACK_SCHED | ACK_NOW
        if window == 0:
            tcb.engine.ext.TCPZeroWindowDrop += 1
            return
        n = window
    if not tcb.engine.pool.charge(n):
        tcb.engine.ext.TCPRcvQDrop += 1
        tcb.ack_pending |= ACK_SCHED | ACK_NOW
        return
    tcb.rcv_queue.append_slice(packet, seg.data, skip, n)
    tcb.rcv_nxt = (tcb.rcv_nxt + n) & MASK32
    tcb.bytes_received += n
    _text_came(tcb, packet, seg, n, now)
    if tcb.ofo.held:
        _close_gap(tcb)
    if tcb.owner is not None:
        tcb.owner.wake(POLLIN)


def _old_text(tcb: Tcb, start: cython.uint, end: cython.uint) -> None:
    # All of it came before: our ACK was lost, or the network duplicates. Answer at once.
    tcb.engine.ext.DelayedACKLost += 1
    _note_dsack(tcb, start, end)
    _quick(tcb)
    tcb.ack_pending |= ACK_SCHED | ACK_NOW


def _note_dsack(tcb: Tcb, start: cython.uint, end: cython.uint) -> None:
    # RFC 2883 4: the next ACK reports the duplicate, once.
    if not tcb.sack_ok or not tcb.engine.sysctls.dsack:
        return
    if seq_lt(start, tcb.rcv_nxt):
        tcb.engine.ext.TCPDSACKOldSent += 1
    else:
        tcb.engine.ext.TCPDSACKOfoSent += 1
    tcb.dsack_left = start
    tcb.dsack_right = end
    tcb.dsack_count = 1


def _hold(
    tcb: Tcb,
    packet: Packet,
    seg: Segment,
    start: cython.uint,
    end: cython.uint,
    window: cython.uint,
    now: cython.longlong,
) -> None:
    # A gap lies before it. Duplicate ACKs go out at once (RFC 5681 4.2).
    engine: Engine = tcb.engine
    ofo: Reassembly = tcb.ofo
    edge: cython.uint = seq_add(tcb.rcv_nxt, window)
    before: cython.longlong = ofo.memory
    cost: cython.longlong
    tcb.ack_pending |= ACK_SCHED | ACK_NOW
    if not seq_lt(start, edge):
        return
    if seq_lt(edge, end):
        end = edge
    cost = ((end - start) & MASK32) + HELD_OVERHEAD
    if before + cost > tcb.rcv_buf or not engine.pool.charge(cost):
        engine.ext.TCPOFODrop += 1
        return
    engine.ext.TCPOFOQueue += 1
    if ofo.insert(packet, seg.data, start, end) is None:
        engine.ext.TCPOFOMerge += 1
        _note_dsack(tcb, start, end)
    engine.pool.uncharge(cost - (ofo.memory - before))
    _measure_mss(tcb, packet, seg)
    if tcb.sack_ok:
        note_sack(tcb, start, end)
    if tcb.rcv_mss == 0:
        tcb.lrcv_at = now


def note_sack(tcb: Tcb, left: cython.uint, right: cython.uint) -> None:
    """RFC 2018 4: the block with the newest segment comes first; blocks that touch become one."""
    i: cython.int = 0
    kept: cython.int = 0
    count: cython.int = tcb.sack_count
    lefts: list[int]
    rights: list[int]
    if (
        count > 0
        and seq_le(tcb.sack_left[0], left)
        and seq_le(left, tcb.sack_right[0])
        and seq_lt(tcb.sack_right[0], right)
    ):
        # The newest block grows at its end, the common case; it may reach the next one.
        left = tcb.sack_left[0]
    lefts = []
    rights = []
    while i < count:
        if seq_le(tcb.sack_left[i], right) and seq_le(left, tcb.sack_right[i]):
            if seq_lt(tcb.sack_left[i], left):
                left = tcb.sack_left[i]
            if seq_lt(right, tcb.sack_right[i]):
                right = tcb.sack_right[i]
        else:
            lefts.append(tcb.sack_left[i])
            rights.append(tcb.sack_right[i])
        i += 1
    tcb.sack_left[0] = left
    tcb.sack_right[0] = right
    kept = len(lefts)
    if kept > 3:
        kept = 3
    i = 0
    while i < kept:
        tcb.sack_left[i + 1] = lefts[i]
        tcb.sack_right[i + 1] = rights[i]
        i += 1
    tcb.sack_count = kept + 1


def _close_gap(tcb: Tcb) -> None:
    # Held segments that are in order now join the queue; their blocks need no reporting any more.
    ofo: Reassembly = tcb.ofo
    before: cython.longlong = ofo.memory
    n: cython.uint = ofo.drain(tcb.rcv_nxt, tcb.rcv_queue)
    i: cython.int = 0
    kept: cython.int = 0
    tcb.rcv_nxt = (tcb.rcv_nxt + n) & MASK32
    tcb.bytes_received += n
    tcb.engine.pool.uncharge(before - ofo.memory - n)
    while i < tcb.sack_count:
        if seq_lt(tcb.rcv_nxt, tcb.sack_left[i]):
            tcb.sack_left[kept] = tcb.sack_left[i]
            tcb.sack_right[kept] = tcb.sack_right[i]
            kept += 1
        i += 1
    tcb.sack_count = kept
    # The sender is in recovery: tell it at once that the hole is filled (RFC 5681 4.2).
    tcb.ack_pending |= ACK_SCHED | ACK_NOW


# When to acknowledge.


def _quick(tcb: Tcb) -> None:
    # Linux's quick-ack mode: a sender that is starting or in trouble needs every ACK.
    segs: cython.longlong = tcb.rcv_wnd
    if tcb.rcv_mss > 0:
        segs //= 2 * tcb.rcv_mss
    if segs < 2:
        segs = 2
    tcb.quick = segs if segs < QUICK_ACKS else QUICK_ACKS
    tcb.pingpong = 0
    tcb.ato = ATO_MIN


def _measure_mss(tcb: Tcb, packet: Packet, seg: Segment) -> None:
    size: cython.uint = packet.gso_size if packet.gso_size else seg.length
    if size >= tcb.rcv_mss:
        tcb.rcv_mss = size if size < tcb.advmss else tcb.advmss


def _text_came(tcb: Tcb, packet: Packet, seg: Segment, n: cython.Py_ssize_t, now: cython.longlong) -> None:
    # Adapts the delayed-ACK time to how often text comes (Linux's tcp_event_data_recv), and owes an ACK.
    gap: cython.longlong
    tcb.ack_pending |= ACK_SCHED
    _measure_mss(tcb, packet, seg)
    _measure_rtt(tcb, seg, now)
    if tcb.ato == 0:
        _quick(tcb)
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
            _quick(tcb)
    tcb.lrcv_at = now


def acknowledge_text(tcb: Tcb, now: cython.longlong) -> None:
    """An ACK is owed: send it now, or wait a little for more text or for data to carry it (RFC 9293 3.8.6.3)."""
    if (
        tcb.ack_pending & ACK_NOW
        or (tcb.rcv_nxt - tcb.rcv_wup) & MASK32 > tcb.rcv_mss
        or (tcb.quick > 0 and tcb.pingpong == 0)
        or tcb.ofo.held
    ):
        send_ack(tcb, now)
    elif not tcb.ack_timer.is_armed():
        _delay_ack(tcb, now)


def _delay_ack(tcb: Tcb, now: cython.longlong) -> None:
    # Linux's tcp_send_delayed_ack: between 40 and 200 ms, never longer than a round trip takes.
    ato: cython.longlong = tcb.ato
    most: cython.longlong = 500 * MS
    if ato > ATO_MIN:
        if tcb.pingpong:
            most = DELACK_MAX
        if tcb.rtt.srtt > 0:
            most = tcb.rtt.srtt if tcb.rtt.srtt > ATO_MIN else ATO_MIN
        if ato > most:
            ato = most
    if ato > DELACK_MAX:
        ato = DELACK_MAX
    tcb.ack_timer.arm(now + ato)


def text_was_read(tcb: Tcb, n: cython.Py_ssize_t, now: cython.longlong) -> None:
    """The reader took n octets: give them back, let the buffer grow, open the window when that is worth a segment."""
    window: cython.longlong
    offer: cython.longlong
    tcb.engine.pool.uncharge(n)
    tcb.drs_copied += n
    _grow_receive_buffer(tcb, now)
    if tcb.ack_pending and (tcb.rcv_nxt - tcb.rcv_wup) & MASK32 > tcb.rcv_mss:
        send_ack(tcb, now)
        return
    # RFC 9293 3.8.6.2.2: only an update that at least doubles what the peer has left.
    window = tcb.receive_window()
    if 2 * window <= tcb.rcv_buf >> 1 and not tcb.rcv_fin:
        offer = window_offer(tcb)
        if offer > 0 and offer >= 2 * window:
            send_ack(tcb, now)


# Receive-buffer autotuning: Dynamic Right-Sizing, as Linux's tcp_rcv_space_adjust.


def _measure_rtt(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    # The receiver's view of the round trip: by the echoed timestamp, else by how long a window takes.
    ticks: cython.uint
    rtt: cython.longlong
    if tcb.ts_ok:
        if seg.tsecr == 0 or seg.length < tcb.rcv_mss:
            return
        ticks = (timestamp(tcb, now) - seg.tsecr) & MASK32
        if ticks > 1 << 20:
            return
        rtt = ticks if ticks > 0 else 1
        rtt *= MS
    else:
        if tcb.drs_rtt_at != 0 and seq_lt(tcb.rcv_nxt, tcb.drs_rtt_seq):
            return
        rtt = now - tcb.drs_rtt_at if tcb.drs_rtt_at != 0 else 0
        tcb.drs_rtt_seq = seq_add(tcb.rcv_nxt, tcb.rcv_wnd)
        tcb.drs_rtt_at = now
        if rtt <= 0:
            return
    if tcb.drs_rtt == 0 or rtt < tcb.drs_rtt:
        tcb.drs_rtt = rtt
    else:
        tcb.drs_rtt += (rtt - tcb.drs_rtt) >> 3


def _grow_receive_buffer(tcb: Tcb, now: cython.longlong) -> None:
    wanted: cython.longlong
    engine: Engine = tcb.engine
    if tcb.drs_rtt == 0 or now - tcb.drs_copied_at < tcb.drs_rtt:
        return
    if tcb.drs_copied > tcb.drs_space:
        if engine.sysctls.moderate_rcvbuf and not tcb.rcv_buf_locked and not engine.pool.under_pressure():
            wanted = 2 * tcb.drs_copied + 16 * tcb.advmss
            if tcb.drs_space > 0:
                wanted += 2 * (wanted * (tcb.drs_copied - tcb.drs_space) // tcb.drs_space)
            wanted *= 2
            if wanted > engine.sysctls.rmem_max:
                wanted = engine.sysctls.rmem_max
            if wanted > tcb.rcv_buf:
                tcb.rcv_buf = wanted
        tcb.drs_space = tcb.drs_copied
    tcb.drs_copied = 0
    tcb.drs_copied_at = now
