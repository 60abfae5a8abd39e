"""The receiver: segment text to the reader, SACK blocks, what memory allows.

RFC 9293 3.10.7.4 (seventh check), RFC 2018 4, RFC 2883; when to acknowledge is delayed_ack.py's, how much window to
offer window.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLIN
from ..core.packet import Packet
from ..core.seq import seq_add, seq_le, seq_lt
from ..wire.tcp import Segment
from .arrivals import Arrivals
from .const import (
    ACK_NOMEM,
    ACK_NOW,
    ACK_PUSHED,
    ACK_PUSHED2,
    ACK_SCHED,
    FIN,
    HELD_OVERHEAD,
    PSH,
    RST,
    SYN,
    URG,
)  # fmt: skip
from .delayed_ack import note_gap, quick_acks, send_compressed, text_left_queue
from .ecn import on_repeated_text
from .reassembly import Held, Reassembly
from .space import ReceiveSpace, packet_cost
from .tcb import Engine, Tcb
from .transmit import timestamp
from .window import grow_buffer, grow_window, measure_mss, measure_rtt, spare, text_copied

if TYPE_CHECKING:
    import cython

# A shorter segment says nothing about how large a window is worth (Linux).
TELLING = 128
# Shorter text is joined with what waits before it, and costs what it holds.
JOINED = 512
# So many SACK blocks fit beside any other option (Linux's TCP_SACK_BLOCKS_EXPECTED).
BLOCKS_EXPECTED = 2
# Flags that a segment in the middle of a stream does not have.
REMNANT = FIN | SYN | RST | URG


def take_text(tcb: Tcb, packet: Packet, seg: Segment, start: cython.uint, now: cython.longlong) -> None:
    """Segment text whose first octet is number ``start``: queue it, hold it, or drop what is old or outside.

    Text in order is taken whole, though it pass the window's edge: the first check lets that be only where nothing
    waits for the reader (Linux).
    """
    n: cython.Py_ssize_t = seg.length
    end: cython.uint = (start + n) & MASK32
    window: cython.uint = tcb.receive_window()
    skip: cython.uint = 0
    if start != tcb.rcv_nxt:
        if seq_le(end, tcb.rcv_nxt):
            repeated(tcb, start, end)
            return
        if not seq_lt(start, seq_add(tcb.rcv_nxt, window)):
            tcb.engine.ext.BeyondWindow += 1
            _refuse(tcb)
            return
        if seq_lt(tcb.rcv_nxt, start):
            _hold(tcb, packet, seg, start, end, now)
            return
        skip = (tcb.rcv_nxt - start) & MASK32
        n -= skip
        note_dsack(tcb, start, tcb.rcv_nxt)
    if window == 0:
        if tcb.ofo.held and tcb.rcv_queue.length == 0:
            # It is what has this very gap before it that keeps the window shut.
            _prune(tcb, start)
        tcb.engine.ext.TCPZeroWindowDrop += 1
        _refuse(tcb)
        return
    if not _may_take(tcb, start, n):
        return
    _queue(tcb, packet, seg, skip, n, now)
    if tcb.ofo.held:
        _close_gap(tcb, now)
    if tcb.owner is not None and tcb.is_readable():
        tcb.owner.wake(POLLIN)


def repeated(tcb: Tcb, start: cython.uint, end: cython.uint) -> None:
    """All of a segment came before: our ACK was lost, or the network duplicates. It is answered at once."""
    tcb.engine.ext.DelayedACKLost += 1
    if tcb.ecn is not None:
        on_repeated_text(tcb, start)
    note_dsack(tcb, start, end if seq_le(end, tcb.rcv_nxt) else tcb.rcv_nxt)
    _refuse(tcb)


def fin_beyond_gap(tcb: Tcb, at: cython.uint, known: cython.bint) -> None:
    """A FIN came alone, before what precedes it: like any such segment it counts, and twice is reported."""
    tcb.rcv_ooopack += 1
    tcb.engine.ext.TCPOFOQueue += 1
    if known and at == tcb.peer_fin_seq:
        note_dsack(tcb, at, seq_add(at, 1))


def wire_segments(packet: Packet, n: cython.Py_ssize_t) -> cython.uint:
    """How many segments of the wire a packet with n octets of text was before it was coalesced."""
    if packet.gso_size == 0 or n <= packet.gso_size:
        return 1
    return (n + packet.gso_size - 1) // packet.gso_size


def _refuse(tcb: Tcb) -> None:
    # Out of the window: the sender is told where it stands.
    quick_acks(tcb)
    tcb.ack_pending |= ACK_SCHED


def _may_take(tcb: Tcb, start: cython.uint, n: cython.Py_ssize_t) -> cython.bint:
    """Room for n octets in order, made if need be; else they are dropped and the window closes."""
    engine: Engine = tcb.engine
    roomy: cython.bint = _fits(tcb) or _make_room(tcb, start)
    if roomy and (engine.pool.charge(n) or (_prune(tcb, start) and engine.pool.charge(n))):
        if n > tcb.rcv_buf:
            # It alone overdraws the buffer: the sender hears at once that the window is shut (Linux until 6.18).
            tcb.ack_pending |= ACK_NOW | ACK_SCHED
        return True
    tcb.ack_pending |= ACK_NOMEM | ACK_NOW | ACK_SCHED
    if tcb.rcv_queue.length == 0 and engine.pool.overdraw(n):
        # Nothing waits for the reader, so that only this brings the connection forward: where all memory is senders',
        # two peers would wait for each other for ever (Linux forces it in, too).
        return True
    engine.ext.TCPRcvQDrop += 1
    tcb.wake(POLLIN)
    return False


def _make_room(tcb: Tcb, start: cython.uint) -> cython.bint:
    """The buffer is full: let it grow to what it holds, pack what is held, drop what has a gap before it, for text that
    begins at ``start`` (Linux).
    """
    engine: Engine = tcb.engine
    space: ReceiveSpace = tcb.space
    held: cython.longlong = space.held + tcb.ofo.memory
    most: cython.longlong = engine.sysctls.rmem_max
    engine.ext.PruneCalled += 1
    tcb.quick = 0
    if engine.pool.under_pressure():
        spare(tcb)
    elif not tcb.rcv_buf_locked and tcb.rcv_buf < most:
        tcb.rcv_buf = held if held < most else most
    if held <= tcb.rcv_buf:
        return True
    if space.ssthresh > 2 * tcb.advmss:
        space.ssthresh = 2 * tcb.advmss
    if space.held > tcb.rcv_queue.length:
        # Joined, octets cost no more than themselves.
        engine.ext.TCPRcvCollapsed += 1
        space.held = tcb.rcv_queue.length
    if _fits(tcb) or (_prune(tcb, start) and _fits(tcb)):
        return True
    engine.ext.RcvPruned += 1
    return False


def _fits(tcb: Tcb) -> cython.bint:
    return tcb.space.held + tcb.ofo.memory <= tcb.rcv_buf


def _prune(tcb: Tcb, start: cython.uint) -> cython.bint:
    """Drop text that has a gap before it, what begins last first, until memory is enough or the rest begins before
    ``start``: the peer will send it again, and what stands nearer comes first (Linux's tcp_prune_ofo_queue).

    An eighth of the buffer at a time, so that the next segment finds room, too.
    """
    ofo: Reassembly = tcb.ofo
    engine: Engine = tcb.engine
    last: Held
    cost: cython.longlong
    before: cython.longlong = ofo.memory
    left: cython.longlong = tcb.rcv_buf >> 3
    while ofo.held:
        last = ofo.held[len(ofo.held) - 1]
        if seq_lt(last.start, start):
            break
        cost = ofo.drop_last()
        engine.pool.uncharge(cost)
        left -= cost
        if left <= 0:
            if _fits(tcb) and not engine.pool.under_pressure():
                break
            left = tcb.rcv_buf >> 3
    if ofo.memory == before:
        return False
    engine.ext.OfoPruned += 1
    _tell_no_more(tcb, ofo.end() if ofo.held else tcb.rcv_nxt)
    return True


def _tell_no_more(tcb: Tcb, edge: cython.uint) -> None:
    # RFC 2018 8: what begins at the edge was dropped, and is not reported any more.
    i: cython.int = 0
    kept: cython.int = 0
    while i < tcb.sack_count:
        if seq_lt(tcb.sack_left[i], edge):
            tcb.sack_left[kept] = tcb.sack_left[i]
            tcb.sack_right[kept] = edge if seq_lt(edge, tcb.sack_right[i]) else tcb.sack_right[i]
            kept += 1
        i += 1
    tcb.sack_count = kept
    if tcb.dsack_count > 0 and seq_lt(edge, tcb.dsack_right):
        tcb.dsack_count = 0


def _queue(
    tcb: Tcb, packet: Packet, seg: Segment, skip: cython.uint, n: cython.Py_ssize_t, now: cython.longlong
) -> None:
    # In order: to the reader's queue, and what the segment tells about its sender.
    space: ReceiveSpace = tcb.space
    header: cython.uint = seg.data - packet.l4
    cost: cython.longlong = packet_cost(seg.length + header + tcb.path.header_len)
    if n <= JOINED and tcb.rcv_queue.length > 0:
        tcb.engine.ext.TCPRcvCoalesce += 1
        space.held += n
    else:
        space.held += cost
    tcb.rcv_queue.append_slice(packet, seg.data, skip, n)
    tcb.rcv_nxt = (tcb.rcv_nxt + n) & MASK32
    tcb.bytes_received += n
    if tcb.arrivals is not None:
        _stamp(tcb, n, now)
    tcb.ack_pending |= ACK_SCHED
    _measure_mss(tcb, packet, seg, header)
    measure_rtt(tcb, now)
    note_gap(tcb, now)
    if seg.length >= TELLING:
        grow_window(tcb, seg.length, cost)


def measure_echo(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """The receiver's view of the round trip by the timestamp a full segment echoes: only its first echo tells it.

    It is asked of every segment of an established connection, before its text is queued (Linux).
    """
    space: ReceiveSpace = tcb.space
    ticks: cython.uint
    rtt: cython.longlong
    if seg.tsecr == space.last_tsecr or seg.tsecr == 0:
        return
    space.last_tsecr = seg.tsecr
    if seg.length < tcb.rcv_mss:
        return
    ticks = (timestamp(tcb, now) - seg.tsecr) & MASK32
    if ticks > 1 << 20:
        return
    rtt = ticks if ticks > 0 else 1
    rtt *= MS
    if space.rtt == 0 or rtt < space.rtt:
        space.rtt = rtt
    elif tcb.rcv_queue.length == 0:
        # Not while text waits for its reader, whose slowness it would measure.
        space.rtt += (rtt - space.rtt) >> 3


def _measure_mss(tcb: Tcb, packet: Packet, seg: Segment, header: cython.uint) -> None:
    size: cython.uint = packet.gso_size if packet.gso_size else seg.length
    if size == tcb.rcv_mss and not seg.flags & PSH:
        tcb.space.last_seg_size = 0
        return
    if measure_mss(tcb, size, seg.length, header, (seg.flags & PSH) != 0, (seg.flags & REMNANT) != 0):
        if size < tcb.rcv_mss and tcb.ack_pending & ACK_PUSHED:
            tcb.ack_pending |= ACK_PUSHED2
        tcb.ack_pending |= ACK_PUSHED


def note_dsack(tcb: Tcb, start: cython.uint, end: cython.uint) -> None:
    """RFC 2883 4: the next ACK reports the duplicate, once."""
    if not tcb.sack_ok or not tcb.engine.sysctls.dsack:
        return
    if seq_lt(start, tcb.rcv_nxt):
        tcb.engine.ext.TCPDSACKOldSent += 1
    else:
        tcb.engine.ext.TCPDSACKOfoSent += 1
    tcb.dsack_left = start
    tcb.dsack_right = end
    tcb.dsack_count = 1


def _hold(tcb: Tcb, packet: Packet, seg: Segment, start: cython.uint, end: cython.uint, now: cython.longlong) -> None:
    # A gap lies before it. Duplicate ACKs tell the sender (RFC 5681 4.2).
    engine: Engine = tcb.engine
    ofo: Reassembly = tcb.ofo
    before: cython.longlong
    cost: cython.longlong = ((end - start) & MASK32) + HELD_OVERHEAD
    header: cython.uint = seg.data - packet.l4
    fin_again: cython.uint = 1 if seg.flags & FIN and tcb.seen_fin and end == tcb.peer_fin_seq else 0
    if (not _fits(tcb) and not _make_room(tcb, start)) or not (
        engine.pool.charge(cost) or (_prune(tcb, start) and engine.pool.charge(cost))
    ):
        engine.ext.TCPOFODrop += 1
        tcb.wake(POLLIN)
        return
    before = ofo.memory
    _measure_mss(tcb, packet, seg, header)
    tcb.ack_pending |= ACK_SCHED
    tcb.rcv_ooopack += wire_segments(packet, seg.length)
    engine.ext.TCPOFOQueue += 1
    if ofo.insert(packet, seg.data, start, end) is None:
        engine.ext.TCPOFOMerge += 1
        note_dsack(tcb, start, seq_add(end, fin_again))
    elif ofo.twice_left != ofo.twice_right:
        note_dsack(tcb, ofo.twice_left, seq_add(ofo.twice_right, fin_again if ofo.twice_right == end else 0))
    elif fin_again:
        note_dsack(tcb, end, seq_add(end, 1))
    engine.pool.uncharge(cost - (ofo.memory - before))
    if tcb.sack_ok:
        # Without SACK a window that grows would hide that these are duplicate ACKs.
        grow_window(tcb, seg.length, packet_cost(seg.length + header + tcb.path.header_len))
        if tcb.sack_count >= BLOCKS_EXPECTED and not _extends_newest(tcb, start, end):
            # Blocks move down for this one, and the last of them out: what an ACK held back was to tell of them goes
            # first. Else the sender learns of many segments at once, later, and takes that for a faster path.
            send_compressed(tcb, now)
            # This one it did not tell of.
            tcb.ack_pending |= ACK_SCHED
        note_sack(tcb, start, end)
    if tcb.owner is not None:
        grow_buffer(tcb, tcb.space.target)


def _extends_newest(tcb: Tcb, left: cython.uint, right: cython.uint) -> cython.bint:
    # Whether one of the first blocks takes it in.
    i: cython.int = 0
    while i < BLOCKS_EXPECTED:
        if seq_le(tcb.sack_left[i], right) and seq_le(left, tcb.sack_right[i]):
            return True
        i += 1
    return False


def note_sack(tcb: Tcb, left: cython.uint, right: cython.uint) -> None:
    """RFC 2018 4: the block with the newest segment comes first; blocks that touch become one."""
    i: cython.int = 0
    kept: cython.int = 0
    count: cython.int = tcb.sack_count
    lefts: list[int] = []
    rights: list[int] = []
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


def _stamp(tcb: Tcb, n: cython.longlong, now: cython.longlong) -> None:
    # The last n octets of the queue came now, or what they had waited for did.
    arrivals: Arrivals = tcb.arrivals  # type: ignore[assignment]  # the caller has looked
    end: cython.longlong = tcb.bytes_received
    arrivals.came(end - tcb.rcv_queue.length, end - n, end, now)


def _close_gap(tcb: Tcb, now: cython.longlong) -> None:
    # Held segments that are in order now join the queue; their blocks need no reporting any more.
    ofo: Reassembly = tcb.ofo
    before: cython.longlong = ofo.memory
    n: cython.uint = ofo.drain(tcb.rcv_nxt, tcb.rcv_queue)
    i: cython.int = 0
    kept: cython.int = 0
    if ofo.twice_left != ofo.twice_right and tcb.dsack_count == 0:
        # Else the segment began with text that came before, and that is told.
        note_dsack(tcb, ofo.twice_left, ofo.twice_right)
    tcb.rcv_nxt = (tcb.rcv_nxt + n) & MASK32
    tcb.bytes_received += n
    if tcb.arrivals is not None and n > 0:
        _stamp(tcb, n, now)
    tcb.engine.pool.uncharge(before - ofo.memory - n)
    tcb.space.held += before - ofo.memory
    while i < tcb.sack_count:
        if seq_lt(tcb.rcv_nxt, tcb.sack_left[i]):
            tcb.sack_left[kept] = tcb.sack_left[i]
            tcb.sack_right[kept] = tcb.sack_right[i]
            kept += 1
        i += 1
    tcb.sack_count = kept
    if not ofo.held:
        # The sender is in recovery: tell it at once that the hole is filled (RFC 5681 4.2).
        tcb.ack_pending |= ACK_SCHED | ACK_NOW


def text_was_read(tcb: Tcb, n: cython.Py_ssize_t, now: cython.longlong) -> None:
    """The reader took n octets: give them back, let the buffer grow, open the window when that is worth a segment."""
    tcb.engine.pool.uncharge(n)
    text_copied(tcb, n, now)
    text_left_queue(tcb, n, now)
