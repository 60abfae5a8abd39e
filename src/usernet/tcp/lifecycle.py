"""A connection's births and deaths: moving between states, and leaving nothing behind at the end."""

from __future__ import annotations

from errno import ECONNREFUSED, ECONNRESET, EPIPE
from typing import TYPE_CHECKING

from ..core.const import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from .const import (
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    FIN_WAIT_2,
    RCV_SHUTDOWN,
    RTX_NONE,
    SEND_SHUTDOWN,
    SYN_RECEIVED,
    SYN_SENT,
    T_KEEP,
    WAIT_BUSY,
)  # fmt: skip
from .fastopen import FastOpen
from .metrics import save_metrics
from .state import ABORT, RCV_RST, TIMEOUT, after
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython


def move(tcb: Tcb, event: cython.int) -> None:
    """Enter the state an event leads to, and keep the CurrEstab gauge true."""
    before: cython.bint = tcb.state == ESTABLISHED or tcb.state == CLOSE_WAIT
    is_open: cython.bint
    tcb.state = after(tcb.state, event)
    is_open = tcb.state == ESTABLISHED or tcb.state == CLOSE_WAIT
    if is_open and not before:
        tcb.engine.mib.CurrEstab += 1
    elif before and not is_open:
        tcb.engine.mib.CurrEstab -= 1


def finish(tcb: Tcb, event: cython.int, err: cython.int) -> None:
    """Enter CLOSED: stop timers, give memory and the port back, tell the owner. What came stays readable."""
    engine: Engine = tcb.engine
    if tcb.state == CLOSED:
        return
    if (tcb.state == SYN_SENT or tcb.state == SYN_RECEIVED) and event != ABORT:
        engine.mib.AttemptFails += 1
    elif tcb.state == ESTABLISHED or tcb.state == CLOSE_WAIT:
        # Whatever ends it there (RFC 4022's tcpEstabResets): a RST of either end, or patience.
        engine.mib.EstabResets += 1
    if err:
        tcb.err = err
    move(tcb, event)
    retire(tcb)


def retire(tcb: Tcb) -> None:
    """The rest of entering CLOSED, once the state is left."""
    engine: Engine = tcb.engine
    tcb.state = CLOSED
    tcb.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN
    tcb.rtx_kind = RTX_NONE
    tcb.rtx_timer.destroy()
    tcb.ack_timer.destroy()
    if tcb.compression is not None:
        tcb.compression.timer.destroy()
        tcb.compression = None
    tcb.keep_timer.destroy()
    tcb.pacer.close()
    if tcb.fastopen is not None:
        _fast_open_ends(tcb, tcb.fastopen)
    engine.pool.uncharge(tcb.outq())
    tcb.queue.clear()
    tcb.queue.base = tcb.queue.end
    if tcb.marks is not None and tcb.marks.ended():
        tcb.wake(POLLERR)
    drop_held(tcb)
    tcb.board.clear()
    tcb.dsack_count = tcb.ack_pending = 0
    engine.forget(tcb)
    if tcb.is_orphan:
        tcb.is_orphan = False
        engine.orphans -= 1
        drop_received(tcb)
    tcb.wake(POLLIN | POLLOUT | POLLRDHUP | POLLHUP | (POLLERR if tcb.err else 0))


def _fast_open_ends(tcb: Tcb, fast: FastOpen) -> None:
    engine: Engine = tcb.engine
    fast.leave(False, tcb.rcv_at)
    if not fast.asked:
        return
    if tcb.data_segs_in == 0:
        if tcb.seen_fin and not tcb.rcv_fin and engine.sysctls.fastopen_blackhole_ns > 0:
            # The peer's FIN came, what it had sent before did not (RFC 7413 4.1.3.1).
            engine.fast_opens.blackholed(tcb.rcv_at)
            engine.ext.TCPFastOpenBlackhole += 1
    elif fast.watches and not tcb.path.local:
        engine.fast_opens.forgive()


def drop_held(tcb: Tcb) -> None:
    """Text beyond a gap that will never close: the peer's FIN, or the end of the connection, stands before it."""
    tcb.engine.pool.uncharge(tcb.ofo.memory)
    tcb.ofo.clear()
    tcb.sack_count = tcb.dsack_count = 0


def drop_received(tcb: Tcb) -> None:
    """Nobody will read what came."""
    tcb.engine.pool.uncharge(tcb.rcv_queue.length)
    tcb.rcv_queue.clear()
    tcb.space.held = 0


def peer_reset(tcb: Tcb, now: cython.longlong) -> None:
    """A RST we believe (RFC 9293 3.10.7.4, second check), with Linux's errno for each state."""
    err: cython.int = ECONNRESET
    if tcb.state == SYN_SENT:
        err = ECONNREFUSED
    elif tcb.state == CLOSE_WAIT:
        err = EPIPE
    if tcb.fastopen is not None:
        tcb.fastopen.leave(True, now)
    tcb.chrono.stop(WAIT_BUSY, False, now)
    finish(tcb, RCV_RST, err)


def time_wait(tcb: Tcb, now: cython.longlong) -> None:
    """Both FINs are acknowledged: a small entry stands in for the connection for 2 MSL."""
    if not (tcb.is_orphan and tcb.state == FIN_WAIT_2):
        # Else orphan_waits() did it.
        save_metrics(tcb, now)
    tcb.engine.enter_time_wait(tcb, now)
    retire(tcb)


def timed_out(tcb: Tcb, err: cython.int) -> None:
    """Retransmissions, probes or patience are used up; a soft error met meanwhile tells more (RFC 1122 4.2.3.5)."""
    tcb.engine.ext.TCPAbortOnTimeout += 1
    finish(tcb, TIMEOUT, tcb.soft_err if tcb.soft_err else err)


def orphan_waits(tcb: Tcb, now: cython.longlong) -> None:
    """FIN_WAIT_2 without an owner does not last for ever (RFC 9293 3.10.4 leaves it open; Linux's tcp_fin_timeout)."""
    span: cython.longlong = tcb.settings.linger2_ns
    # The peer's FIN alone is missing, which tells nothing of the path.
    save_metrics(tcb, now)
    if span == 0:
        span = tcb.engine.sysctls.fin_timeout_ns
    tcb.keep_timer.kind = T_KEEP
    tcb.keep_timer.arm(now + span)
