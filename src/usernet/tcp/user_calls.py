"""What the user of a connection calls (RFC 9293 3.10.1-3.10.6; errno and poll bits as Linux gives them)."""

from __future__ import annotations

from errno import EAGAIN, ECONNABORTED, ECONNRESET
from typing import TYPE_CHECKING

from ..core.const import NEVER, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from .arrivals import Arrivals
from .congestion.base import CongestionControl
from .const import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SYN_RECEIVED,
    SYN_SENT,
    URG_VALID,
    WAIT_BUSY,
)  # fmt: skip
from .delayed_ack import is_interactive, set_quickack
from .establish import set_buffers, set_tx_delay
from .fastopen_client import may_open_fast, open_fast
from .info import cc_info, tcp_info
from .keys import attach
from .lifecycle import drop_received, finish, move, orphan_waits
from .output import output, push
from .receive import text_was_read
from .send_buffer import is_writeable
from .sending import send
from .settings import Settings, keepidle
from .state import ABORT, CLOSE
from .tcb import Engine, Tcb
from .timeouts import timer_expired
from .transmit import send_reset, sync_mss
from .urgent import read_urgent, readable_now, was_read
from .window import set_clamp, set_low_water

if TYPE_CHECKING:
    import cython


class Connection(Tcb):
    """A connection as its user holds it; contracts are those of :class:`Tcb`."""

    __slots__ = ()

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """See timeouts.py."""
        timer_expired(self, kind, now)

    def open_fast(self, octets: bytes, now: cython.longlong) -> cython.longlong:
        """See fastopen_client.py."""
        return open_fast(self, octets, now)

    def may_open_fast(self, now: cython.longlong) -> cython.bint:
        """See fastopen_client.py."""
        return may_open_fast(self, now)

    def send(
        self, octets: bytes, now: cython.longlong, flags: cython.uint = 0, done: cython.Py_ssize_t = 0
    ) -> cython.longlong:
        """See sending.py."""
        return send(self, octets, flags, done, now)

    def recv(self, n: cython.Py_ssize_t, peek: cython.bint, now: cython.longlong) -> bytes | None:
        """3.10.3 RECEIVE."""
        octets: bytes
        if self.rcv_queue.length > 0:
            if self.urgent is not None:
                return self._recv_around_mark(n, peek, now)
            octets = self.rcv_queue.read(n, peek)
            if not peek:
                text_was_read(self, len(octets), now)
            return octets
        return b"" if self._at_end() else None

    def recv_into(self, into: memoryview, peek: cython.bint, now: cython.longlong) -> cython.Py_ssize_t:
        """3.10.3 RECEIVE."""
        n: cython.Py_ssize_t
        if self.rcv_queue.length > 0:
            if self.urgent is not None:
                return self._recv_into_around_mark(into, peek, now)
            n = self.rcv_queue.read_into(into, peek)
            if not peek:
                text_was_read(self, n, now)
            return n
        return 0 if self._at_end() else -EAGAIN

    def _recv_around_mark(self, n: cython.Py_ssize_t, peek: cython.bint, now: cython.longlong) -> bytes | None:
        # Reading stops before urgent data, and leaves its octet out unless it is wanted in line.
        octets: bytes
        skipped: cython.Py_ssize_t = 0
        n = readable_now(self, n, peek)
        if n < 0:
            n = -n
            skipped = 1
        octets = self.rcv_queue.read(n + skipped, peek)[skipped:]
        if not peek:
            text_was_read(self, len(octets) + skipped, now)
            was_read(self)
        if skipped and not octets:
            return b"" if self._at_end() else None
        return octets

    def _recv_into_around_mark(self, into: memoryview, peek: cython.bint, now: cython.longlong) -> cython.Py_ssize_t:
        octets: bytes | None = self._recv_around_mark(len(into), peek, now)
        if octets is None:
            return -EAGAIN
        into[: len(octets)] = octets
        return len(octets)

    def push(self, now: cython.longlong) -> None:
        """TCP_NODELAY was set."""
        if self.state != CLOSED and self.state != SYN_SENT and self.state != SYN_RECEIVED:
            push(self, now)

    def recv_urgent(self, peek: cython.bint) -> cython.int:
        """recv(MSG_OOB)."""
        return read_urgent(self, peek)

    def _at_end(self) -> cython.bint:
        return self.err == 0 and (self.shutdown & RCV_SHUTDOWN) != 0

    def poll(self) -> cython.uint:
        """As Linux's tcp_poll."""
        bits: cython.uint = 0
        if self.err or (self.errors is not None and self.errors.count > 0):
            bits |= POLLERR
        if self.urgent is not None and self.urgent.state == URG_VALID:
            bits |= POLLPRI
        if self.state == CLOSED or self.shutdown == RCV_SHUTDOWN | SEND_SHUTDOWN:
            bits |= POLLHUP
        if self.shutdown & RCV_SHUTDOWN:
            bits |= POLLIN | POLLRDHUP
        if (self.state == SYN_SENT or self.state == SYN_RECEIVED) and not self.is_open_fast():
            if self.fastopen is not None and self.fastopen.is_deferred:
                # The first text makes the SYN.
                bits |= POLLOUT
            return bits
        if self.is_readable():
            bits |= POLLIN
        if self.shutdown & SEND_SHUTDOWN or is_writeable(self):
            bits |= POLLOUT
        else:
            self.nospace = True
        return bits

    def take_error(self) -> cython.int:
        """SO_ERROR: the pending error, else a soft one; reading clears it."""
        err: cython.int = self.err
        if err:
            self.err = 0
        else:
            err = self.soft_err
            self.soft_err = 0
        return err

    def shutdown_send(self, now: cython.longlong) -> None:
        """3.10.4 CLOSE, our half."""
        if self.state == SYN_SENT:
            # Who waits in connect() hears of it (Linux).
            finish(self, CLOSE, ECONNRESET)
            return
        if self.state == CLOSED:
            return
        self.shutdown |= SEND_SHUTDOWN
        self._queue_fin(now)
        if self.shutdown == RCV_SHUTDOWN | SEND_SHUTDOWN:
            self.wake(POLLHUP)

    def shutdown_recv(self, now: cython.longlong) -> None:
        """What still comes is acknowledged, and read by nobody unless it is read (Linux)."""
        self.shutdown |= RCV_SHUTDOWN
        self.wake(POLLIN | POLLRDHUP)

    def _queue_fin(self, now: cython.longlong) -> None:
        if self.fin_queued:
            return
        self.fin_queued = True
        self.more = False
        self.chrono.start(WAIT_BUSY, now)
        if self.state == ESTABLISHED or self.state == CLOSE_WAIT or self.is_open_fast():
            move(self, CLOSE)
            output(self, now)
        # Otherwise in SYN_RECEIVED it waits for ESTABLISHED (segment_arrives.py).

    def is_open_fast(self) -> cython.bint:
        """SYN_RECEIVED after a SYN with a Fast Open cookie: text and FIN go before the peer has proved itself."""
        return self.is_unproved() and self.state == SYN_RECEIVED

    def close(self, now: cython.longlong) -> None:
        """3.10.4 CLOSE, both halves, and the user is gone."""
        engine: Engine = self.engine
        unread: cython.bint = self.rcv_queue.length > 0
        self.owner = None
        drop_received(self)
        if self.errors is not None:
            self.errors.close()
        if self.state == CLOSED:
            return
        self.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN
        if self.state == SYN_SENT:
            finish(self, CLOSE, 0)
            return
        if unread:
            # RFC 2525 2.17: the peer must learn that its data was lost.
            engine.ext.TCPAbortOnClose += 1
            if self.state == CLOSING or self.state == LAST_ACK:
                # An ABORT sends none there (3.10.5), but text was lost all the same.
                send_reset(self, now)
            self.abort(now)
            return
        self._queue_fin(now)
        if self.state == CLOSED:
            return
        self.is_orphan = True
        engine.orphans += 1
        if engine.orphans > engine.sysctls.max_orphans:
            engine.ext.TCPAbortOnMemory += 1
            self.abort(now)
        elif self.state == FIN_WAIT_2:
            if self.settings.linger2_ns < 0:
                engine.ext.TCPAbortOnLinger += 1
                self.abort(now)
            else:
                orphan_waits(self, now)

    def abort(self, now: cython.longlong) -> None:
        """3.10.5 ABORT."""
        if (
            self.state == SYN_RECEIVED
            or self.state == ESTABLISHED
            or self.state == FIN_WAIT_1
            or self.state == FIN_WAIT_2
            or self.state == CLOSE_WAIT
        ):
            send_reset(self, now)
        finish(self, ABORT, ECONNABORTED)
        drop_received(self)

    def settings_changed(self, now: cython.longlong) -> None:
        """Make changed socket options take effect."""
        settings: Settings = self.settings
        cc: CongestionControl
        set_buffers(self)
        if settings.stamps_arrivals != (self.arrivals is not None):
            self.arrivals = Arrivals() if settings.stamps_arrivals else None
        if settings.tx_delay_ns != (self.tx_delay.span if self.tx_delay is not None else 0):
            set_tx_delay(self, now)
        if settings.rto_max_ns > 0:
            self.rtt.rto_max = settings.rto_max_ns
        if settings.rto_min_ns > 0:
            self.rtt.rto_min = settings.rto_min_ns
        if settings.window_clamp != self.window_clamp:
            self.window_clamp = settings.window_clamp
            if self.window_clamp > 0 and self.state != SYN_SENT:
                set_clamp(self, self.window_clamp)
        if settings.congestion and settings.congestion != self.cc.name:
            cc = self.engine.controls.make(settings.congestion)
            cc.adopt(self.cc)
            self.cc = cc
            self.board.control = cc if cc.wants_losses else None
            if self.state != CLOSED and self.state != SYN_SENT and self.state != SYN_RECEIVED:
                cc.start(now)
        if self.state == CLOSED:
            return
        if settings.keys is not None:
            attach(self)
        if settings.keepalive:
            if self.keep_timer.expires_at == NEVER and self.state != SYN_SENT:
                self.keep_timer.arm(now + keepidle(settings, self.engine.sysctls))
        elif not self.is_orphan:
            self.keep_timer.cancel()
        if self.state == SYN_SENT or self.state == SYN_RECEIVED:
            return
        sync_mss(self)
        self.pacer.setup(self.cc, settings.max_pacing_rate, self.engine.timers, self)
        output(self, now)

    def set_quickack(self, value: cython.int, now: cython.longlong) -> None:
        """TCP_QUICKACK."""
        if self.state != CLOSED:
            set_quickack(self, value, now)

    def quickack(self) -> cython.bint:
        """TCP_QUICKACK as getsockopt gives it."""
        return not is_interactive(self)

    def set_keepidle(self, span_ns: cython.longlong, now: cython.longlong) -> None:
        """TCP_KEEPIDLE."""
        heard: cython.longlong = self.lrcv_at if self.lrcv_at > self.rcv_at else self.rcv_at
        self.settings.keepidle_ns = span_ns
        if self.settings.keepalive and self.state != CLOSED and self.state != SYN_SENT:
            # What it has been idle already counts (Linux).
            self.keep_timer.arm(heard + span_ns if heard + span_ns > now else now)

    def set_low_water(self, octets: cython.longlong) -> None:
        """SO_RCVLOWAT."""
        most: cython.longlong = self.rcv_buf if self.rcv_buf_locked else self.engine.sysctls.rmem_max
        if octets > most >> 1:
            octets = most >> 1
        self.settings.rcvlowat = octets if octets > 0 else 1
        set_low_water(self, octets)
        if self.is_readable():
            self.wake(POLLIN)

    def info(self, now: cython.longlong = 0) -> dict[str, int | str]:
        """3.10.6 STATUS."""
        return tcp_info(self, now)

    def cc_info(self) -> dict[str, int]:
        """What the congestion control tells of itself (TCP_CC_INFO)."""
        return cc_info(self)
