"""The send buffer: what it takes of a write, how large it grows, and when a writer that waits is told of room.

As in Linux a write is cut into pieces of at most a super-segment, each with a cost of its own; a new piece is begun
while the cost of all is below SO_SNDBUF and what was not sent yet below TCP_NOTSENT_LOWAT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import POLLOUT
from .const import WAIT_SNDBUF
from .tcb import Tcb
from .transmit import max_payload, send_mss

if TYPE_CHECKING:
    import cython

# What a piece costs beside its octets, and a segment of it when the buffer is made as large as the window needs.
PIECE_OVERHEAD = 960
SEGMENT_ROOM = 640
SEGMENT_OVERHEAD = 256
LEAST_SEGMENTS = 10


def piece_size(tcb: Tcb) -> cython.longlong:
    """Octets of the largest piece: whole segments, no more than half of the largest window the peer offered."""
    mss: cython.uint = send_mss(tcb)
    size: cython.longlong = max_payload(tcb, mss)
    half: cython.longlong = tcb.max_window
    if half > 536:
        half >>= 1
    if 0 < half < size:
        size = half - half % mss
    return size if size > mss else mss


def cost(tcb: Tcb, unsent: cython.longlong, piece: cython.longlong) -> cython.longlong:
    """What everything unacknowledged costs the buffer, with ``unsent`` octets that wait in pieces of this size."""
    pieces: cython.longlong = tcb.board.count()
    if unsent > 0:
        pieces += (unsent + piece - 1) // piece
    return tcb.queue.end - tcb.queue.base + pieces * PIECE_OVERHEAD


def notsent_lowat(tcb: Tcb) -> cython.longlong:
    """TCP_NOTSENT_LOWAT, or the sysctl's."""
    if tcb.settings.notsent_lowat > 0:
        return tcb.settings.notsent_lowat
    return tcb.engine.sysctls.notsent_lowat


def has_room(tcb: Tcb, unsent: cython.longlong, piece: cython.longlong) -> cython.bint:
    """True when another piece may be begun."""
    return cost(tcb, unsent, piece) < tcb.snd_buf and unsent < notsent_lowat(tcb)


def is_writeable(tcb: Tcb) -> cython.bint:
    """True when a writer is to be told of room: a third of the buffer is free, half of what may wait is sent."""
    unsent: cython.longlong = tcb.unsent()
    piece: cython.longlong = piece_size(tcb) if unsent > 0 else 0
    return 3 * cost(tcb, unsent, piece) <= 2 * tcb.snd_buf and 2 * unsent < notsent_lowat(tcb)


def wake_sender(tcb: Tcb, now: cython.longlong) -> None:
    """Octets left or were acknowledged: a buffer that was full tells its writer of room."""
    if tcb.nospace and is_writeable(tcb):
        tcb.nospace = False
        tcb.chrono.stop(WAIT_SNDBUF, tcb.queue.end != tcb.queue.base, now)
        tcb.wake(POLLOUT)


def grow_send_buffer(tcb: Tcb) -> None:
    """Send-buffer autotuning: twice what the window holds, thrice for a model, which grows in recovery (Linux)."""
    segs: cython.longlong = tcb.cc.cwnd
    wanted: cython.longlong = tcb.mss_clamp if tcb.mss_clamp > tcb.mss else tcb.mss
    segment: cython.longlong = 1024
    if tcb.snd_buf_locked or tcb.engine.pool.under_pressure():
        return
    if segs < tcb.reordering + 1:
        segs = tcb.reordering + 1
    if segs < LEAST_SEGMENTS:
        segs = LEAST_SEGMENTS
    while segment < wanted + SEGMENT_ROOM:
        segment <<= 1
    wanted = (3 if tcb.cc.is_model_based else 2) * segs * (segment + SEGMENT_OVERHEAD)
    if wanted > tcb.engine.sysctls.wmem_max:
        wanted = tcb.engine.sysctls.wmem_max
    if wanted > tcb.snd_buf:
        tcb.snd_buf = wanted
