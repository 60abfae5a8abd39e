"""Stream sockets: Linux's inet_stream_ops over the TCP of the stack."""

from __future__ import annotations

from collections.abc import Sequence
from errno import EAGAIN, EALREADY, EBADF, ECONNABORTED, EINPROGRESS, EINVAL, EISCONN, ENOTCONN, EPIPE
from typing import TYPE_CHECKING, Any

from ..core.const import IPPROTO_TCP, POLLERR, POLLHUP, POLLIN, POLLOUT, SECOND
from ..core.ready import Pollable
from ..core.scheduler import Lock, Scheduler
from ..tcp.const import CLOSED, FREEBIND, SEND_COPIED, SYN_RECEIVED, SYN_SENT
from ..tcp.errqueue import ErrorQueue
from ..tcp.lifecycle import drop_received
from ..tcp.repair import Repair
from ..tcp.settings import Settings
from ..tcp.tcb import Tcb
from ..tcp.trace import Trace
from .address import Address, host_octets, make_address, port_of
from .awaited import Awaited, Unacknowledged, is_over
from .base import Ancillary, Socket, byte_view, join, octets_of
from .const import (
    MSG_ALWAYS,
    MSG_EOR,
    MSG_ERRQUEUE,
    MSG_FASTOPEN,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    MSG_ZEROCOPY,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SOCK_STREAM,
)
from .errors import os_error
from .fastopen import send_fast
from .file import CLOSED_EVENTS
from .messages import ioctl, recv_error, recv_message
from .rarely import recv_rarely, send_rarely
from .repair import end_at_once, shut_repaired

if TYPE_CHECKING:
    import cython

    from ..stack import NetStack
    from ..tcp.listen import Listener
    from ..tcp.tcb import Binding

# How much of a long sendall is cut out at once: enough to fill a send buffer, little enough to cut again.
LEAST_PIECE = 64 << 10
LARGEST_PIECE = 1 << 20
# Pieces that a segment of a zero-copy send refers to (Linux's MAX_SKB_FRAGS).
MAX_FRAGS = 17
# Flags of recv() that few use.
RARE = MSG_OOB | MSG_ERRQUEUE | MSG_WAITALL | MSG_TRUNC


class TcpSocket(Socket):
    """A stream socket: ``listener`` or ``tcb`` says which kind it has become.

    ``connecting`` is true from connect() until a call has reported how it ended, Linux's SS_CONNECTING;
    ``connected`` once one reported success, or from accept() on. ``err`` and ``errors`` are error and reports of a
    connection that is no more. ``rare`` are the flags with which recv() goes its longer way, always with MSG_ALWAYS.
    """

    __slots__ = (
        "binding", "connected", "connecting", "err", "errors", "inq", "listener", "peek_off", "rare", "repair",
        "settings", "tcb", "zerocopy",
    )  # fmt: skip

    def __init__(self, stack: NetStack, host: Scheduler, family: int) -> None:
        super().__init__(stack, host, family, SOCK_STREAM, IPPROTO_TCP)
        self.settings = Settings()
        self.binding: Binding | None = None
        self.listener: Listener | None = None
        self.tcb: Tcb | None = None
        self.errors: ErrorQueue | None = None
        self.err = 0
        self.connecting = self.connected = self.inq = self.zerocopy = False
        self.peek_off = -1
        self.rare = RARE
        self.repair: Repair | None = None

    # Names.

    def bind(self, address: Address) -> None:
        """bind(2). Raises OSError: EINVAL when bound already, EADDRINUSE, EADDRNOTAVAIL, EACCES."""
        octets = host_octets(self.family, address[0])
        port = port_of(address)
        with self.host.lock:
            self.check_open()
            if self.binding is not None or self.tcb is not None or self.listener is not None:
                raise os_error(EINVAL)
            self._bind(octets, port)

    def _bind(self, octets: bytes, port: int) -> None:
        flags = self.sharing | (FREEBIND if self.freebind or self.transparent else 0)
        settings = self.settings
        self.binding = self.stack.tcp.bind(octets, port, self.ip_family, flags, settings.oif, settings.port_range)

    def getsockname(self) -> Address:
        """getsockname(2); the unbound name is all zeros."""
        with self.host.lock:
            self.check_open()
            if self.tcb is not None:
                return make_address(self.family, self.tcb.local, self.tcb.local_port)
            if self.binding is not None:
                return make_address(self.family, self.binding.address, self.binding.port)
            return make_address(self.family, b"", 0)

    def getpeername(self) -> Address:
        """getpeername(2). Raises OSError(ENOTCONN)."""
        with self.host.lock:
            self.check_open()
            tcb: Tcb | None = self.tcb
            if tcb is None or tcb.state in (CLOSED, SYN_SENT):
                raise os_error(ENOTCONN)
            return make_address(self.family, tcb.remote, tcb.remote_port)

    # Opening.

    def listen(self, backlog: int = 128) -> None:
        """listen(2); again, it changes the backlog. Raises OSError: EINVAL when connected, EADDRINUSE."""
        with self.host.lock:
            self.check_open()
            if self.connected or self.connecting:
                # Also when the connection is over, until disconnect() (Linux).
                raise os_error(EINVAL)
            if self.listener is not None:
                self.listener.set_backlog(backlog)
                return
            if self.binding is None:
                self._bind(b"", 0)
            self.listener = self.stack.tcp.listen(self, self.binding, backlog, self.settings)

    def accept(self) -> tuple[TcpSocket, Address]:
        """accept(2). Raises OSError: EINVAL when not listening, EAGAIN, TimeoutError."""
        tcb: Tcb | None
        lock: Lock = self.host.lock
        lock.acquire()
        try:
            deadline: cython.longlong = self.deadline(self.rcvtimeo_ns, 0)
            while True:
                self.check_open()
                if self.listener is None:
                    raise os_error(EINVAL)
                tcb = self.listener.accept(self.host.now())
                if tcb is not None:
                    break
                self.block(POLLIN, deadline)
            return self._adopt(tcb), make_address(self.family, tcb.remote, tcb.remote_port)
        finally:
            lock.release()

    def _adopt(self, tcb: Tcb) -> TcpSocket:
        """A socket for an accepted connection, with the listener's options."""
        child: TcpSocket = TcpSocket(self.stack, self.host, self.family)
        child.tcb = tcb
        child.settings = tcb.settings
        child.connected = True
        child.sharing = self.sharing
        child.keepalive = self.keepalive
        child.inq = self.inq
        child.timestamp = self.timestamp
        child.zerocopy = self.zerocopy
        child.linger_on = self.linger_on
        child.linger_s = self.linger_s
        child.rcvtimeo_ns = self.rcvtimeo_ns
        child.sndtimeo_ns = self.sndtimeo_ns
        child.rcvbuf = self.rcvbuf
        child.sndbuf = self.sndbuf
        child.mark = self.mark
        child.priority = self.priority
        child.device_name = self.device_name
        child.kept = self.kept and dict(self.kept)
        tcb.owner = child
        return child

    def connect(self, address: Address) -> None:
        """connect(2).

        Raises OSError: EINPROGRESS and then EALREADY when it may not wait, EISCONN, and what became of it
        (ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ...); TimeoutError.
        """
        octets = host_octets(self.family, address[0])
        port = port_of(address)
        with self.host.lock:
            self.check_open()
            if self.connected or self.listener is not None or self.is_deferred():
                raise os_error(EISCONN)
            fresh = not self.connecting
            if fresh:
                tcb = self.start_connect(octets, port, self.settings.fastopen_connect)
                if tcb.fastopen is not None:
                    now = self.host.now()
                    if tcb.may_open_fast(now):
                        # The first text makes the SYN, and connect() is done meanwhile (Linux).
                        return
                    tcb.open_fast(b"", now)
            self.finish_connect(fresh)

    def is_deferred(self) -> cython.bint:
        """connect() succeeded under TCP_FASTOPEN_CONNECT, and the SYN waits for text."""
        return self.tcb is not None and self.tcb.fastopen is not None and self.tcb.fastopen.is_deferred

    def disconnect(self) -> None:
        """connect(2) to AF_UNSPEC: a socket with neither a peer nor a listener, its name kept."""
        with self.host.lock:
            self.check_open()
            now = self.host.now()
            if self.listener is not None:
                self._stop_listening(now)
            if self.tcb is not None:
                end_at_once(self, self.tcb, now)
                self._let_go(self.tcb)

    def _let_go(self, tcb: Tcb) -> None:
        # The socket is as it was before it was connected; what it was bound to stays.
        tcb.owner = None
        drop_received(tcb)
        self.errors = tcb.errors
        self.tcb = None
        self.connecting = self.connected = False

    def start_connect(self, remote: bytes, port: int, fast: bool) -> Tcb:
        """The SYN goes, or with ``fast`` waits for what it is to carry (RFC 7413)."""
        now = self.host.now()
        tcb: Tcb = self.stack.tcp.connect(self, self.binding, remote, port, self.settings, now, fast, self.repair)
        tcb.errors = self.errors
        self.tcb = tcb
        self.err = 0
        self.connecting = True
        return tcb

    def finish_connect(self, fresh: bool, deadline: int = -1) -> None:
        """Wait for the answer, and raise what connect(2) does; ``fresh`` when it was asked for by this very call."""
        tcb = self.tcb
        assert tcb is not None
        if deadline < 0:
            deadline = self.deadline(self.sndtimeo_ns, 0)
        while tcb.state in (SYN_SENT, SYN_RECEIVED):
            if deadline == 0:
                raise os_error(EINPROGRESS if fresh else EALREADY)
            if not self.host.wait(self.awaited(), POLLOUT, deadline):
                if self.timeout_ns > 0:
                    raise TimeoutError("timed out")
                raise os_error(EINPROGRESS if fresh else EALREADY)
            self.check_open()
        if tcb.state == CLOSED:
            # It has been told: nothing is left of the attempt.
            self._let_go(tcb)
            raise os_error(tcb.take_error() or ECONNABORTED)
        self.connecting = False
        self.connected = True

    # Sending.

    def send(self, data: Any, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """send(2): at least one octet, or an error. ``bytes`` are queued by reference."""
        octets: bytes = octets_of(data)
        lock: Lock = self.host.lock
        if octets is not data:
            flags |= SEND_COPIED
        lock.acquire()
        try:
            return self.send_octets(octets, flags, self.deadline(self.sndtimeo_ns, flags))
        finally:
            lock.release()

    def send_octets(self, octets: bytes, flags: cython.uint, deadline: cython.longlong) -> cython.longlong:
        """As send, with the lock held."""
        tcb: Tcb | None
        taken: cython.longlong
        done: cython.Py_ssize_t = 0
        if flags & MSG_ZEROCOPY and not self.zerocopy:
            flags &= ~MSG_ZEROCOPY
        if flags & MSG_FASTOPEN or self.rare & MSG_ALWAYS or (self.connecting and self.is_deferred()):
            return send_rarely(self, octets, flags, deadline)
        while True:
            if self.closed:
                raise os_error(EBADF)
            tcb = self.tcb
            if tcb is None:
                raise os_error(self.take_error() or EPIPE)
            taken = tcb.send(octets, self.host.now(), flags, done)
            if taken < 0:
                if done > 0:
                    return done
                raise os_error(taken)
            done += taken
            # A blocking send(2) takes all, one that a timeout makes non-blocking what it can at once.
            if done == len(octets) or (done > 0 and (deadline == 0 or self.timeout_ns >= 0)):
                return done
            try:
                self.block(POLLOUT, deadline)
            except OSError:
                if done > 0:
                    return done
                raise

    def sendall(self, data: Any, flags: cython.uint = 0) -> None:
        """Send everything; how much was sent when it raises is not known, as in CPython."""
        octets: bytes
        taken: cython.Py_ssize_t
        piece: cython.Py_ssize_t
        done: cython.Py_ssize_t = 0
        lock: Lock = self.host.lock
        octets = data if type(data) is bytes else b""
        total: cython.Py_ssize_t = len(octets)
        view: Any = None
        if type(data) is not bytes:
            view = memoryview(data).cast("B")
            total = len(view)
            octets = bytes(view[:LARGEST_PIECE])
        lock.acquire()
        try:
            deadline: cython.longlong = self.deadline(self.sndtimeo_ns, flags)
            taken = self.send_octets(octets, flags, deadline)
            done = taken
            while done < total:
                # What the buffer took last time says how much it may take next: little is cut twice.
                piece = min(max(2 * taken, LEAST_PIECE), LARGEST_PIECE)
                if view is None:
                    view = memoryview(data)
                octets = bytes(view[done : done + piece])
                taken = self.send_octets(octets, flags, deadline)
                done += taken
        finally:
            lock.release()

    def sendto(self, data: Any, flags: cython.uint, address: Address | None) -> cython.Py_ssize_t:
        """sendto(2); a stream has one peer, and the address is ignored as Linux ignores it, but for MSG_FASTOPEN."""
        octets = octets_of(data)
        return self._send_to(octets, flags if octets is data else flags | SEND_COPIED, address)

    def _send_to(self, octets: bytes, flags: int, address: Address | None) -> int:
        with self.host.lock:
            deadline = self.deadline(self.sndtimeo_ns, flags)
            if flags & MSG_FASTOPEN and not self.is_deferred():
                return send_fast(self, octets, flags, address, deadline)
            return self.send_octets(octets, flags, deadline)

    def sendmsg(
        self, buffers: Sequence[Any], ancillary: Sequence[Any] = (), flags: int = 0, address: Address | None = None
    ) -> int:
        """sendmsg(2): the buffers one after the other, as far as they go."""
        done = 0
        if flags & MSG_ZEROCOPY and self.zerocopy:
            # A segment of a zero-copy send refers to so many pieces at most.
            while len(buffers) > MAX_FRAGS:
                piece = join(buffers[:MAX_FRAGS])
                buffers = buffers[MAX_FRAGS:]
                done += self._send_to(piece, flags & ~MSG_ZEROCOPY | MSG_EOR, address)
        octets = join(buffers)
        if not buffers or octets is not buffers[0]:
            flags |= SEND_COPIED
        return done + self._send_to(octets, flags, address)

    # Receiving.

    def recv(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> bytes:
        """recv(2): b"" at the end of the stream."""
        lock: Lock = self.host.lock
        if n < 0:
            raise ValueError("negative buffersize in recv")
        lock.acquire()
        try:
            return self.recv_octets(n, flags)
        finally:
            lock.release()

    def recv_octets(self, n: cython.Py_ssize_t, flags: cython.uint) -> bytes:
        """As recv; the lock is held."""
        tcb: Tcb | None
        data: bytes | None
        if (flags | MSG_ALWAYS) & self.rare:
            return recv_rarely(self, n, flags)
        deadline: cython.longlong = self.deadline(self.rcvtimeo_ns, flags)
        while True:
            tcb = self.readable(n, deadline)
            if tcb is not None:
                data = tcb.recv(n, (flags & MSG_PEEK) != 0, self.host.now())
                if data is not None:
                    if self.peek_off > 0:
                        self.was_read(len(data))
                    return data
                if self.at_end(tcb):
                    return b""
            elif n == 0:
                return b""
            deadline = self.wait_for_text(deadline)

    def readable(self, n: cython.Py_ssize_t, deadline: cython.longlong) -> Tcb | None:
        """The connection to read from, or None when SO_RCVLOWAT says to wait, which who cannot wait is not told."""
        tcb: Tcb | None = self.tcb
        if self.closed:
            raise os_error(EBADF)
        if tcb is None:
            raise os_error(self.take_error() or ENOTCONN)
        if n == 0:
            return None
        if (
            deadline != 0
            and tcb.settings.rcvlowat > 1
            and tcb.available() < n
            and not tcb.is_readable()
            and not is_over(tcb)
        ):
            return None
        return tcb

    def wait_for_text(self, deadline: cython.longlong) -> cython.longlong:
        """Wait until there is something to read; returns the deadline from here on.

        Where SO_RCVTIMEO ends the wait, what came is read although it is less than SO_RCVLOWAT, as at deadline 0.
        """
        try:
            self.block(POLLIN, deadline)
        except OSError as error:
            if error.errno != EAGAIN or deadline == 0 or self.tcb is None or self.tcb.available() == 0:
                raise
            return 0
        return deadline

    def was_read(self, n: cython.longlong) -> None:
        """So many octets are gone from the front: SO_PEEK_OFF counts from there."""
        if self.peek_off > 0:
            self.peek_off = self.peek_off - n if self.peek_off > n else 0

    def at_end(self, tcb: Tcb) -> cython.bint:
        """Nothing to read, but is more to come? True at the end; a pending error is raised once and then is the end."""
        if tcb.err == 0:
            return False
        # Linux's SOCK_DONE: behind a FIN there is only the end, whatever else became of the connection.
        if not tcb.rcv_fin:
            raise os_error(tcb.take_error())
        return True

    def recv_into(self, buffer: Any, n: cython.Py_ssize_t = 0, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """As recv, into a writable buffer."""
        tcb: Tcb | None
        count: cython.Py_ssize_t
        view: memoryview = byte_view(buffer, n)
        lock: Lock = self.host.lock
        lock.acquire()
        try:
            if (flags | MSG_ALWAYS) & self.rare:
                data = recv_rarely(self, len(view), flags)
                if not flags & MSG_TRUNC:
                    view[: len(data)] = data
                return len(data)
            deadline: cython.longlong = self.deadline(self.rcvtimeo_ns, flags)
            while True:
                tcb = self.readable(len(view), deadline)
                if tcb is not None:
                    count = tcb.recv_into(view, (flags & MSG_PEEK) != 0, self.host.now())
                    if count >= 0:
                        if self.peek_off > 0:
                            self.was_read(count)
                        return count
                    if self.at_end(tcb):
                        return 0
                elif len(view) == 0:
                    return 0
                deadline = self.wait_for_text(deadline)
        finally:
            lock.release()

    def recvfrom(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> tuple[bytes, Address | None]:
        """recvfrom(2): a stream names nobody."""
        return self.recv(n, flags), None

    def recvfrom_into(self, buffer: Any, n: int = 0, flags: int = 0) -> tuple[int, Address | None]:
        """As recvfrom, into a writable buffer."""
        return self.recv_into(buffer, n, flags), None

    def recvmsg(self, n: int, ancillary_size: int = 0, flags: int = 0) -> tuple[bytes, Ancillary, int, Address | None]:
        """recvmsg(2), with what MSG_ERRQUEUE, TCP_INQ and SO_TIMESTAMPING tell as ancillary data."""
        if n < 0:
            raise ValueError("negative buffer size in recvmsg")
        with self.host.lock:
            if not flags & MSG_ERRQUEUE:
                return *recv_message(self, n, ancillary_size, flags), None
            self.check_open()
            return *recv_error(self, n, ancillary_size), None

    def start_trace(self, limit: int = 1024) -> Trace:
        """Note the connection's events from now on, the last ``limit`` of them. Raises OSError(ENOTCONN)."""
        with self.host.lock:
            if self.tcb is None:
                raise os_error(ENOTCONN)
            self.tcb.trace = trace = Trace(limit)
            return trace

    def ioctl(self, request: int) -> int:
        """ioctl(2): SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK. Raises OSError: EINVAL, ENOTTY."""
        return ioctl(self, request)

    # Options.

    def settings_changed(self) -> None:
        """An option in ``settings`` was changed: the connection looks at it again."""
        if self.tcb is not None:
            self.tcb.settings_changed(self.host.now())

    def bind_device(self, index: int) -> None:
        """SO_BINDTODEVICE: what comes in elsewhere is not for this socket, and it sends out of there only."""
        self.settings.oif = index
        if self.binding is not None:
            self.binding.oif = index

    # Readiness and ending.

    def poll(self) -> cython.uint:
        """POLL bits, as Linux's tcp_poll."""
        tcb: Tcb | None = self.tcb
        if self.closed:
            return CLOSED_EVENTS
        if tcb is not None:
            return tcb.poll()
        if self.listener is not None:
            return self.listener.poll()
        failed = self.err or (self.errors is not None and self.errors.count > 0)
        return POLLOUT | POLLHUP | (POLLERR if failed else 0)

    def awaited(self) -> Pollable:
        """Reports in the error queue make poll() say POLLERR, and end no other call's wait (Linux's sk_wait_data)."""
        if self.tcb is not None and self.tcb.errors is not None:
            return Awaited(self, 1)
        return self

    def take_error(self) -> cython.int:
        """The pending error, which is then gone (SO_ERROR)."""
        if self.tcb is not None:
            return self.tcb.take_error()
        err, self.err = self.err, 0
        return err

    def shutdown(self, how: int) -> None:
        """shutdown(2). Raises OSError(ENOTCONN) unless connected or listening."""
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(EINVAL)
        with self.host.lock:
            self.check_open()
            now = self.host.now()
            if self.listener is not None:
                if how != SHUT_WR:
                    self._stop_listening(now)
                return
            tcb = self.tcb
            if tcb is None or tcb.state == CLOSED:
                raise os_error(ENOTCONN)
            if tcb.state == SYN_SENT:
                # Either half ends the attempt (Linux).
                self.connecting = False
                tcb.shutdown_send(now)
                return
            if how != SHUT_RD:
                shut_repaired(self, tcb, now)
            if how != SHUT_WR:
                tcb.shutdown_recv(now)

    def _stop_listening(self, now: int) -> None:
        assert self.listener is not None
        self.listener.close(now)
        self.listener = None
        self.wake(POLLIN | POLLHUP)

    def release(self) -> None:
        """close(2): the connection ends by itself; SO_LINGER waits for it, or resets it at once."""
        now = self.host.now()
        binding, self.binding = self.binding, None
        try:
            if self.listener is not None:
                self.listener.close(now)
                self.listener = None
            elif self.tcb is not None:
                self._release_connection(self.tcb, now)
        finally:
            errors = self.errors if self.tcb is None else self.tcb.errors
            if errors is not None:
                errors.close()
            if binding is not None:
                self.stack.tcp.unbind(binding)

    def _release_connection(self, tcb: Tcb, now: int) -> None:
        if self.rare & MSG_ALWAYS or (self.linger_on and self.linger_s == 0):
            end_at_once(self, tcb, now)
            return
        try:
            if self.linger_on and not self.hurried and tcb.available() == 0 and tcb.state != CLOSED:
                tcb.shutdown_send(now)
                tcb.owner = wait = Unacknowledged(tcb)
                self.host.wait(wait, POLLOUT, now + self.linger_s * SECOND)
        finally:
            # Also when a signal ended the wait: nobody is left to close it.
            tcb.owner = None
            tcb.close(self.host.now())
