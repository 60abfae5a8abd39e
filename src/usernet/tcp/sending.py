"""SEND (RFC 9293 3.10.2): what the buffer takes of a write, its marks, and the push behind it."""

from __future__ import annotations

from errno import ENOBUFS, EPIPE
from typing import TYPE_CHECKING

from ..core.const import MASK32, POLLERR
from .const import (
    CLOSED,
    MSG_EOR,
    MSG_MORE,
    MSG_OOB,
    MSG_ZEROCOPY,
    SEND_COPIED,
    SEND_SHUTDOWN,
    SYN_RECEIVED,
    SYN_SENT,
    WAIT_BUSY,
)  # fmt: skip
from .errqueue import ErrorQueue
from .marks import OPT_ID, TX_RECORD, SendMarks
from .output import note_app_limited, output, push_one
from .send_buffer import has_room, piece_size
from .tcb import Tcb
from .urgent import sent_urgent

if TYPE_CHECKING:
    import cython


def marks_of(tcb: Tcb) -> SendMarks:
    """The connection's marks, made when they are first needed."""
    if tcb.marks is None:
        if tcb.errors is None:
            tcb.errors = ErrorQueue(tcb.engine.pool, tcb.engine.counters)
        tcb.marks = SendMarks(tcb.errors)
    return tcb.marks


def send(tcb: Tcb, octets: bytes, flags: cython.uint, done: cython.Py_ssize_t, now: cython.longlong) -> cython.longlong:
    """Queue octets[done:] as far as there is room; how many were taken, 0 for none, or -errno."""
    n: cython.Py_ssize_t = len(octets)
    first: cython.Py_ssize_t = done
    err: cython.int
    if tcb.err or tcb.shutdown & SEND_SHUTDOWN or tcb.state == CLOSED:
        # Not a soft error, which SO_ERROR alone tells.
        err = tcb.err
        tcb.err = 0
        return -err if err else -EPIPE
    if (tcb.state == SYN_SENT or tcb.state == SYN_RECEIVED) and not tcb.is_open_fast():
        tcb.nospace = True
        return 0
    if flags & MSG_ZEROCOPY and marks_of(tcb).zerocopy_is_full(tcb.engine.sysctls.optmem_max):
        return -ENOBUFS
    if n > done:
        note_app_limited(tcb)
        tcb.chrono.start(WAIT_BUSY, now)
    done = _queue(tcb, octets, done, now)
    if done < 0:
        if tcb.queue.end == tcb.queue.base:
            # Nothing was taken, and nothing waits.
            tcb.chrono.stop(WAIT_BUSY, False, now)
        return done
    if done == first:
        return 0
    if flags & (MSG_EOR | MSG_OOB | MSG_ZEROCOPY) or tcb.settings.timestamping & TX_RECORD:
        _mark(tcb, octets, flags if done == n else flags & ~(MSG_EOR | MSG_OOB), now)
    if flags & MSG_MORE and done == n:
        if tcb.queue.end > tcb.pushed_at + (tcb.max_window >> 1):
            # Half of the peer's window was written since the last push: no promise holds that back.
            tcb.pushed_at = tcb.queue.end
        else:
            tcb.more_end = tcb.queue.end
        tcb.more = True
        output(tcb, now)
        tcb.more = False
    else:
        tcb.pushed_at = tcb.queue.end
        output(tcb, now)
    return done - first


def _queue(tcb: Tcb, octets: bytes, done: cython.Py_ssize_t, now: cython.longlong) -> cython.Py_ssize_t:
    # Into the last piece, if it is not full and may grow, and into new ones while there is room for them.
    n: cython.Py_ssize_t = len(octets)
    first: cython.Py_ssize_t = done
    size: cython.longlong = piece_size(tcb)
    room: cython.longlong
    forced: cython.bint
    sent: cython.longlong
    while done < n:
        sent = tcb.position(tcb.snd_nxt)
        if tcb.piece_at < sent:
            tcb.piece_at = sent
        room = size - (tcb.queue.end - tcb.piece_at)
        if sent == tcb.queue.end or room <= 0 or (tcb.marks is not None and tcb.marks.ends_at(tcb.queue.end)):
            if not has_room(tcb, tcb.queue.end - sent, size):
                tcb.nospace = True
                break
            if room <= 0 and size < tcb.path.gso_max >> 1:
                # What the peer's window cut small is not joined again (Linux).
                marks_of(tcb).bound(tcb.queue.end, tcb.pushed_at > tcb.piece_at)
            tcb.piece_at = tcb.queue.end
            room = size
        if room > n - done:
            room = n - done
        if not tcb.engine.pool.charge(room):
            tcb.nospace = True
            return done if done > first else -ENOBUFS
        tcb.queue.append_part(octets, done, room)
        done += room
        forced = tcb.queue.end > tcb.pushed_at + (tcb.max_window >> 1)
        if done < n and (forced or (tcb.piece_at == sent and size > tcb.mss)):
            # A whole piece at the head of what waits need not wait for the rest of the write, nor is it pushed, unless
            # half of the peer's window was written since the last push.
            if forced:
                tcb.pushed_at = tcb.queue.end
                output(tcb, now)
            else:
                tcb.more_end = tcb.queue.end
                push_one(tcb, now)
    return done


def _mark(tcb: Tcb, octets: bytes, flags: cython.uint, now: cython.longlong) -> None:
    end: cython.ulonglong = tcb.queue.end
    marks: SendMarks
    if flags & MSG_OOB:
        sent_urgent(tcb, (tcb.snd_una + end - tcb.queue.base) & MASK32)
    if flags & MSG_EOR:
        marks_of(tcb).bound(end, True)
    if flags & MSG_ZEROCOPY:
        marks_of(tcb).zerocopy(end, flags & SEND_COPIED != 0)
    if tcb.settings.timestamping & TX_RECORD:
        marks = marks_of(tcb)
        key = end - 1 - tcb.stamp_base if tcb.settings.timestamping & OPT_ID else 0
        marks.stamp(end, key, tcb.settings.timestamping, octets)
        if end <= tcb.position(tcb.snd_nxt) and marks.sent(end, now, tcb.report_room()):
            # It left while the write was still being queued.
            tcb.wake(POLLERR)
