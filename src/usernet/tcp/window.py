"""The window offered, and the receive buffer behind it (RFC 9293 3.8.6; buffer tuning as Linux has it).

The window follows from the buffer: what the segments held cost is charged against it, ``ratio`` 256ths of what is free
can carry text, and ``ssthresh`` lets the offer grow no faster than the peer shows that it sends segments worth their
cost. Dynamic Right-Sizing doubles the buffer each round trip as long as the reader keeps up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.seq import seq_add, seq_lt
from .const import ACK_NOMEM, SYN_RECEIVED
from .space import ReceiveSpace, packet_cost
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython

# Linux: a clamp is never below half of the least buffer.
LEAST_CLAMP = 1152
INIT_SEGMENTS = 10
# Linux joins segments that wait until a buffer has its 17 fragments, and measures after each buffer that it copies.
READ_PIECE = 17


def begin(tcb: Tcb, now: cython.longlong) -> None:
    """The handshake is done: clamp the window to the buffer, start measuring (Linux's tcp_init_buffer_space)."""
    space: ReceiveSpace = tcb.space
    full: cython.longlong = space.window_of(tcb.rcv_buf)
    most: cython.longlong = 0xFFFF << tcb.rcv_wscale
    if tcb.rcv_wnd > most:
        # What the SYN,ACK's field could not tell was not promised. Linux counts it as if it were, and goes on telling
        # 65535 of a buffer that was made smaller since, to drop what comes.
        tcb.rcv_wnd = most
    if 0 < tcb.settings.window_clamp < most:
        most = tcb.settings.window_clamp
    space.clamp = most if most < full else full
    if space.clamp > 2 * tcb.advmss and space.clamp + tcb.advmss > full:
        # One segment is kept back.
        space.clamp = full - tcb.advmss if full > 3 * tcb.advmss else 2 * tcb.advmss
    space.ssthresh = tcb.rcv_wnd if tcb.rcv_wnd < space.clamp else space.clamp
    space.target = INIT_SEGMENTS * tcb.advmss
    if space.target > space.ssthresh:
        space.target = space.ssthresh
    if space.target > tcb.rcv_wnd:
        space.target = tcb.rcv_wnd
    space.max_edge = seq_add(tcb.rcv_wup, tcb.rcv_wnd)
    space.copied_at = now


# The offer.


def window_offer(tcb: Tcb) -> cython.longlong:
    """How much the peer may send, by the room there is (RFC 9293 3.8.6.2.2, Linux's __tcp_select_window).

    Below half of the buffer it ends quick ACKs too: a sender that fills it needs no haste.
    """
    space: ReceiveSpace = tcb.space
    allowed: cython.longlong = space.window_of(tcb.rcv_buf)
    full: cython.longlong = space.clamp if space.clamp < allowed else allowed
    free: cython.longlong = space.window_of(tcb.rcv_buf - space.held - tcb.ofo.memory)
    mss: cython.longlong = tcb.rcv_mss
    unit: cython.longlong = 1
    shrinks: cython.bint = tcb.engine.sysctls.shrink_window and tcb.rcv_wscale > 0
    unit <<= tcb.rcv_wscale
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    if shrinks:
        free &= -unit
    if free < full >> 1:
        tcb.quick = 0
        if tcb.engine.pool.under_pressure():
            spare(tcb)
        # What may become the window must not be rounded up by its scale.
        free &= -unit
        if free < allowed >> 4 or free < mss or (shrinks and free < unit):
            return 0
    if free > space.ssthresh:
        free = space.ssthresh
    elif shrinks:
        return free
    if tcb.rcv_wscale > 0:
        return (free + unit - 1) & -unit
    if mss > space.ssthresh > 0:
        # Held so low (TCP_WINDOW_CLAMP) that no segment ever fits: a window of 0 would never open.
        mss = space.ssthresh
    if tcb.rcv_wnd > free or tcb.rcv_wnd <= free - mss:
        return free - free % mss
    if mss == full and free > tcb.rcv_wnd + (full >> 1):
        return free
    return tcb.rcv_wnd


def select_window(tcb: Tcb) -> cython.uint:
    """The window field of a segment about to leave.

    What was promised is never taken back (RFC 9293 3.8.6), unless net.ipv4.tcp_shrink_window says so, or text that had
    to be dropped for want of memory says that nothing can be taken.
    """
    unit: cython.longlong = 1
    old: cython.longlong = tcb.rcv_wnd
    current: cython.longlong = tcb.receive_window()
    offer: cython.longlong
    edge: cython.uint
    unit <<= tcb.rcv_wscale
    if tcb.ack_pending & ACK_NOMEM:
        offer = 0
    else:
        offer = window_offer(tcb)
        if offer < current and not (tcb.engine.sysctls.shrink_window and tcb.rcv_wscale > 0):
            if offer == 0:
                tcb.engine.ext.TCPWantZeroWindowAdv += 1
            offer = (current + unit - 1) & -unit
        if offer > 0xFFFF << tcb.rcv_wscale:
            offer = 0xFFFF << tcb.rcv_wscale
    tcb.rcv_wnd = offer
    tcb.rcv_wup = tcb.rcv_nxt
    edge = (tcb.rcv_nxt + offer) & MASK32
    if seq_lt(tcb.space.max_edge, edge):
        tcb.space.max_edge = edge
    if offer == 0:
        if old > 0:
            tcb.engine.ext.TCPToZeroWindowAdv += 1
    elif old == 0:
        tcb.engine.ext.TCPFromZeroWindowAdv += 1
    return offer >> tcb.rcv_wscale


def widest_window(tcb: Tcb) -> cython.uint:
    """How far beyond RCV.NXT the peer may ever have been allowed to send."""
    edge: cython.uint = tcb.space.max_edge
    if tcb.state == SYN_RECEIVED:
        return tcb.receive_window()
    return (edge - tcb.rcv_nxt) & MASK32 if seq_lt(tcb.rcv_nxt, edge) else 0


def spare(tcb: Tcb) -> None:
    """Memory is short: offer four segments at most (Linux's tcp_adjust_rcv_ssthresh)."""
    if tcb.space.ssthresh > 4 * tcb.advmss:
        tcb.space.ssthresh = 4 * tcb.advmss


def set_clamp(tcb: Tcb, clamp: cython.longlong) -> None:
    """Bound the window anew: the offer follows at once when it becomes less (Linux's tcp_set_window_clamp)."""
    space: ReceiveSpace = tcb.space
    before: cython.longlong = space.clamp
    offered: cython.longlong = tcb.rcv_wnd
    if clamp < LEAST_CLAMP:
        clamp = LEAST_CLAMP
    space.clamp = clamp
    if clamp < before:
        if space.ssthresh > clamp:
            space.ssthresh = clamp
    elif clamp > before:
        if offered > clamp:
            offered = clamp
        if space.ssthresh < offered:
            space.ssthresh = offered


# What a segment teaches.


def measure_mss(
    tcb: Tcb, size: cython.uint, n: cython.uint, header: cython.uint, pushed: cython.bint, flagged: cython.bint
) -> cython.bint:
    """Estimate the peer's segment size, and how much of a packet is text (Linux's tcp_measure_rcv_mss).

    ``size`` is that of one wire segment, ``n`` the octets that came in one packet, ``flagged`` whether any bit beyond
    ACK and PSH is set. True for a segment that looks like the end of a write.
    """
    space: ReceiveSpace = tcb.space
    last: cython.uint = space.last_seg_size
    wide: cython.uint
    space.last_seg_size = 0
    if size >= tcb.rcv_mss:
        if size != tcb.rcv_mss:
            _measure_ratio(tcb, n, header)
        tcb.rcv_mss = size if size < tcb.advmss else tcb.advmss
        return pushed
    wide = size + header
    if wide >= 536 + 20 or (wide >= 88 + 20 and not pushed and not flagged):
        # Options come and go; without them the size may repeat, and is then believed.
        wide -= 32 if tcb.ts_ok else 20
        space.last_seg_size = wide
        if wide == last:
            if wide < tcb.rcv_mss:
                tcb.rcv_mss = wide
            return False
    return True


def _measure_ratio(tcb: Tcb, n: cython.uint, header: cython.uint) -> None:
    space: ReceiveSpace = tcb.space
    before: cython.uint = space.ratio
    ratio: cython.longlong = n
    ratio = (ratio << 8) // packet_cost(n + header + tcb.path.header_len)
    space.ratio = ratio if ratio > 0 else 1
    if space.ratio != before:
        set_clamp(tcb, _largest(tcb))
        if space.target > space.clamp:
            space.target = space.clamp


def _largest(tcb: Tcb) -> cython.longlong:
    # What the buffer can carry, or less where TCP_WINDOW_CLAMP says so.
    largest: cython.longlong = tcb.space.window_of(tcb.rcv_buf)
    return tcb.window_clamp if 0 < tcb.window_clamp < largest else largest


def grow_window(tcb: Tcb, n: cython.longlong, cost: cython.longlong) -> None:
    """Offer more, by as much as a segment that carried n octets was worth its cost (Linux's tcp_grow_window)."""
    space: ReceiveSpace = tcb.space
    room: cython.longlong = space.window_of(tcb.rcv_buf - space.held - tcb.ofo.memory)
    more: cython.longlong
    if room > space.clamp:
        room = space.clamp
    room -= space.ssthresh
    if room <= 0:
        return
    if tcb.engine.pool.under_pressure():
        spare(tcb)
        return
    if space.window_of(cost) <= n:
        more = 2 * tcb.advmss
    else:
        more = _growth_of_small(tcb, n, cost)
    if more > 0:
        if more < 2 * n:
            more = 2 * n
        space.ssthresh += more if more < room else room
        tcb.quick |= 1


def _growth_of_small(tcb: Tcb, n: cython.longlong, cost: cython.longlong) -> cython.longlong:
    # The smaller the window still is, the more overhead a segment may have and count.
    space: ReceiveSpace = tcb.space
    window: cython.longlong = space.window_of(tcb.engine.sysctls.rmem_max) >> 1
    cost = space.window_of(cost) >> 1
    while space.ssthresh <= window:
        if cost <= n:
            return 2 * tcb.rcv_mss
        cost >>= 1
        window >>= 1
    return 0


def measure_rtt(tcb: Tcb, now: cython.longlong) -> None:
    """The receiver's view of the round trip, by how long a window takes."""
    space: ReceiveSpace = tcb.space
    rtt: cython.longlong
    if space.rtt_at == 0 or not seq_lt(tcb.rcv_nxt, space.rtt_seq):
        if space.rtt_at != 0:
            rtt = now - space.rtt_at
            # Only the least counts: a sender may take longer than it must.
            if rtt > 0 and (space.rtt == 0 or rtt < space.rtt):
                space.rtt = rtt
        space.rtt_seq = seq_add(tcb.rcv_nxt, tcb.rcv_wnd)
        space.rtt_at = now


# The buffer grows.


def text_copied(tcb: Tcb, n: cython.Py_ssize_t, now: cython.longlong) -> None:
    """The reader took n octets of the queue."""
    space: ReceiveSpace = tcb.space
    piece: cython.longlong = READ_PIECE * tcb.rcv_mss
    copied: cython.longlong
    left: cython.longlong = tcb.rcv_queue.length
    # What packets cost is given back with their octets, in proportion. Linux gives a packet's back when all of it is
    # read; here the count would be kept for each packet, to delay the offer by one at most: the first of the queue is
    # the only one partly read.
    space.held = space.held * left // (left + n) if left > 0 else 0
    if piece > n:
        piece = n
    if space.rtt > 0 and now - space.copied_at >= space.rtt:
        # As Linux does behind the first piece of a read: the rest still waits, and counts against this round trip and
        # for the next. Else what a gap held back, and one read takes, would widen the window beyond the path.
        copied = space.copied + piece - (left + n - piece)
        if copied > space.target:
            grow_buffer(tcb, copied)
        space.copied = -piece
        space.copied_at = now
    space.copied += n


def grow_buffer(tcb: Tcb, target: cython.longlong) -> None:
    """Dynamic Right-Sizing: room for twice what a round trip brought, more while that grows, and for what has a gap
    before it (Linux's tcp_rcvbuf_grow).
    """
    space: ReceiveSpace = tcb.space
    engine: Engine = tcb.engine
    before: cython.longlong = space.target
    window: cython.longlong = target << 1
    low: cython.longlong = engine.sysctls.rcvbuf_low_rtt_ns
    space.target = target
    if tcb.rcv_buf_locked or not engine.sysctls.moderate_rcvbuf or before <= 0:
        return
    if space.rtt < low:
        # A short path needs little more: a large buffer only spoils caches.
        window += window * space.rtt // low
    else:
        # DRS is a round trip late: a sender in slow start has doubled meanwhile.
        window += 2 * window * (target - before) // before
    if tcb.ofo.held:
        window += (tcb.ofo.end() - tcb.rcv_nxt) & MASK32
    window = space.buffer_for(window)
    if window > engine.sysctls.rmem_max:
        window = engine.sysctls.rmem_max
    if window > tcb.rcv_buf and not engine.pool.under_pressure():
        tcb.rcv_buf = window
        space.clamp = _largest(tcb)


def set_low_water(tcb: Tcb, octets: cython.longlong) -> None:
    """SO_RCVLOWAT: a reader that waits for so much needs a buffer that holds it (Linux's tcp_set_rcvlowat)."""
    space: ReceiveSpace = tcb.space
    wanted: cython.longlong = space.buffer_for(octets)
    if tcb.rcv_buf_locked or wanted <= tcb.rcv_buf:
        return
    tcb.rcv_buf = wanted
    if space.clamp < octets and tcb.window_clamp == 0:
        space.clamp = octets
