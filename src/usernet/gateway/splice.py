"""Splice: a guest's TCP connection and a kernel's, joined, as if the segments went straight through.

Backpressure is end to end: what one side does not take is not read from the other, so its window closes. At most one
refused piece per direction waits here. A FIN becomes the other side's FIN, a RST its RST.
"""

from __future__ import annotations

from errno import EAGAIN, ENOBUFS, ENOTCONN
from typing import TYPE_CHECKING, Any

from ..core.const import POLLERR, POLLHUP, POLLIN, POLLOUT
from ..core.scheduler import Scheduler
from ..tcp.const import CLOSE_WAIT, CLOSED, CLOSING, LAST_ACK, SYN_RECEIVED, SYN_SENT
from .kernel import MSG_NOSIGNAL, SHUT_WR, Socket, pending_error, reset
from .runner import GuestEnd, KernelEnd, Relay, Runner

if TYPE_CHECKING:
    import cython

    from ..tcp.tcb import Tcb
    from .nat import Nat

# Octets one turn may move in one direction.
TURN = 256 * 1024
# Octets read from the kernel at once: they become one bytes object that the Tcb keeps by reference.
CHUNK = 64 * 1024
UNWATCHED = 0xFFFFFFFF


class Splice(Relay):
    """Both ends, what each has ended, and what waits between them."""

    __slots__ = (
        "closed", "fd", "guest_end", "host", "interest", "kernel", "kernel_end", "nat", "parked", "reading_done",
        "runner", "tcb", "to_guest", "to_kernel", "writing_done",
    )  # fmt: skip

    def __init__(self, nat: Nat, kernel: Socket) -> None:
        super().__init__()
        self.nat = nat
        self.host: Scheduler = nat.host
        self.runner: Runner = nat.runner
        self.kernel = kernel
        self.fd = kernel.fileno()
        self.tcb: Tcb | None = None
        self.guest_end = GuestEnd(self.runner, self)
        self.kernel_end = KernelEnd(self.runner, self)
        self.interest = UNWATCHED
        self.to_guest = b""
        self.to_kernel = b""
        self.writing_done = False  # the guest's FIN has become a shutdown of the kernel's side
        self.reading_done = False  # the kernel's FIN has become one to the guest
        self.parked = False  # the kernel's side has ended and would say so at every poll
        self.closed = False
        nat.relays[self] = None

    def begin(self, tcb: Tcb) -> None:
        """Both ends are known: relay from now on."""
        self.tcb = tcb
        self.runner.soon(self)

    def turn(self, now: cython.longlong) -> cython.bint:
        """Move what can be moved, a bounded amount; True when there is more."""
        events: cython.uint = self.events
        more: cython.bint
        tcb: Tcb | None = self.tcb
        self.events = 0
        if self.closed or tcb is None:
            return False
        if tcb.state in (SYN_SENT, SYN_RECEIVED):
            # The kernel's side says nothing before the guest's handshake is done.
            return False
        if tcb.err or (tcb.state == CLOSED and not self.reading_done):
            # Its last octets came before its RST, and go before it.
            while self._from_guest(tcb, now):
                pass
            self._guest_broke(now)
            return False
        if events & (POLLERR | POLLHUP) and not self.interest & POLLIN and not self._kernel_alive(now):
            return False
        more = self._from_guest(tcb, now)
        if not self.closed and self._from_kernel(tcb, now):
            more = True
        if self.closed:
            return False
        if self.reading_done and self.writing_done:
            self._end(now, False)
            return False
        self._set_interest()
        return more

    def _kernel_alive(self, now: cython.longlong) -> cython.bint:
        # The guest takes nothing at the moment, so nothing is read: only an error is worth hearing of, and the
        # end of both directions (POLLHUP, which poll reports again and again) is not.
        if pending_error(self.kernel):
            self.abort(now)
            return False
        self.parked = True
        return True

    def _from_guest(self, tcb: Tcb, now: cython.longlong) -> cython.bint:
        budget: cython.Py_ssize_t = TURN
        size: cython.Py_ssize_t
        sent: cython.Py_ssize_t
        piece: Any
        buffer: memoryview = self.nat.buffer
        while not self.writing_done:
            if budget <= 0:
                return True
            if self.to_kernel:
                piece = self.to_kernel
                size = len(piece)
            else:
                size = tcb.recv_into(buffer, False, now)
                if size <= 0:
                    self._guest_gave_none(size, now)
                    return False
                piece = buffer[:size]
            try:
                sent = self.kernel.send(piece, MSG_NOSIGNAL)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._kernel_broke(tcb, now)
                return False
            self.nat.stats.bytes_out += sent
            budget -= sent
            if sent < size:
                self.to_kernel = bytes(piece[sent:])
                return False
            self.to_kernel = b""
        return False

    def _guest_gave_none(self, result: cython.Py_ssize_t, now: cython.longlong) -> None:
        if result < 0:
            return  # nothing yet; an error is seen at the next turn
        self.writing_done = True
        try:
            self.kernel.shutdown(SHUT_WR)
        except OSError as error:
            if error.errno != ENOTCONN:
                raise
            # It was reset meanwhile; reading it will say so.

    def _from_kernel(self, tcb: Tcb, now: cython.longlong) -> cython.bint:
        budget: cython.Py_ssize_t = TURN
        taken: cython.Py_ssize_t
        octets: bytes
        while not self.reading_done:
            if budget <= 0:
                return True
            octets = self.to_guest
            if not octets:
                if not tcb.poll() & POLLOUT:
                    return False
                try:
                    octets = self.kernel.recv(CHUNK)
                except BlockingIOError:
                    return False
                except OSError:
                    self.abort(now)
                    return False
                if not octets:
                    self.reading_done = True
                    tcb.shutdown_send(now)
                    return False
            taken = tcb.send(octets, now)
            if taken < 0:
                if taken in (-ENOBUFS, -EAGAIN):
                    self.to_guest = octets
                    self.runner.later(self, now)
                else:
                    self._guest_broke(now)
                return False
            self.nat.stats.bytes_in += taken
            budget -= taken
            if taken < len(octets):
                self.to_guest = octets[taken:]
                return False
            self.to_guest = b""
        return False

    def _kernel_broke(self, tcb: Tcb, now: cython.longlong) -> None:
        # A peer that closes while it is written to resets, often behind a last answer: that answer goes first.
        self.to_kernel = b""
        self.writing_done = True
        self._from_kernel(tcb, now)
        if not self.closed:
            self.abort(now)

    def _guest_broke(self, now: cython.longlong) -> None:
        if not self.closed:
            self.nat.stats.tcp_resets += 1
            self._end(now, True)

    def abort(self, now: cython.longlong) -> None:
        """The kernel's side was reset: so is the guest's."""
        if self.closed:
            return
        self.nat.stats.tcp_resets += 1
        if self.tcb is not None:
            self.tcb.abort(now)
        self._end(now, True)

    def has_unsent(self) -> bool:
        """True while octets of the guest's wait here, or its FIN has not been carried over."""
        tcb = self.tcb
        if tcb is None or self.writing_done:
            return False
        return bool(self.to_kernel) or tcb.available() > 0 or tcb.state in (CLOSE_WAIT, CLOSING, LAST_ACK)

    def finish(self, now: cython.longlong) -> None:
        """The network goes down: what the guest sent still goes out, and a connection it had ended ends well."""
        tcb = self.tcb
        if tcb is not None and tcb.state not in (SYN_SENT, SYN_RECEIVED):
            while self._from_guest(tcb, now):
                pass
        if self.writing_done:
            self._end(now, False)
        else:
            self.abort(now)

    def _end(self, now: cython.longlong, by_reset: cython.bint) -> None:
        if self.closed:
            return
        self.closed = True
        self._watch(UNWATCHED)
        self.nat.relays.pop(self, None)
        self.to_guest = self.to_kernel = b""
        tcb: Tcb | None = self.tcb
        self.tcb = None
        if tcb is not None:
            tcb.close(now)
        if by_reset:
            reset(self.kernel)
        else:
            self.kernel.close()

    def _set_interest(self) -> None:
        events: cython.uint = 0
        tcb: Tcb | None = self.tcb
        if not self.reading_done and not self.to_guest and tcb is not None and tcb.poll() & POLLOUT:
            events |= POLLIN
        if self.to_kernel:
            events |= POLLOUT
        self._watch(UNWATCHED if self.parked and not events else events)

    def _watch(self, events: cython.uint) -> None:
        if events == self.interest:
            return
        if events == UNWATCHED:
            self.host.unwatch_fd(self.fd, self.kernel_end)
        else:
            self.host.watch_fd(self.fd, events, self.kernel_end)
        self.interest = events
