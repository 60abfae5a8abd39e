"""The send buffer: how large it grows, and when a writer that waits is told of room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import POLLOUT
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def wake_sender(tcb: Tcb) -> None:
    """Acknowledged octets made room: tell a writer that waits, once a third of the buffer is free (Linux)."""
    if tcb.nospace and tcb.outq() * 3 <= tcb.snd_buf * 2:
        tcb.nospace = False
        tcb.wake(POLLOUT)


def grow_send_buffer(tcb: Tcb) -> None:
    """Send-buffer autotuning: twice what the window holds, as Linux's tcp_sndbuf_expand."""
    segs: cython.longlong = tcb.cc.cwnd
    wanted: cython.longlong
    if tcb.snd_buf_locked or tcb.engine.pool.under_pressure():
        return
    if segs < tcb.reordering + 1:
        segs = tcb.reordering + 1
    if segs < 10:
        segs = 10
    wanted = 2 * segs * (tcb.mss + 844)
    if wanted > tcb.engine.sysctls.wmem_max:
        wanted = tcb.engine.sysctls.wmem_max
    if wanted > tcb.snd_buf:
        tcb.snd_buf = wanted
