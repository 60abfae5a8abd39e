"""Socket: what every kind has in common, below CPython's argument parsing.

Calls take the host's lock, try without blocking, and wait in ``Scheduler.wait`` as long as ``timeout_ns`` and the
SO_*TIMEO options allow. Errors are OSErrors with Linux's errno.
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import EAGAIN, EBADF, EINTR, EOPNOTSUPP
from typing import TYPE_CHECKING, Any

from ..core.const import NEVER
from ..core.ready import Pollable
from ..core.scheduler import Scheduler
from .address import Address
from .const import AF_INET, MSG_DONTWAIT
from .errors import os_error
from .file import File
from .options import get_option, set_option

if TYPE_CHECKING:
    import cython

    from ..stack import NetStack

# What recvmsg returns as ancillary data: (level, type, octets).
Ancillary = list[tuple[int, int, bytes]]


class Socket(File):
    """Base of the socket kinds.

    ``family``, ``type`` and ``protocol`` are Linux's numbers; ``stack`` the namespace it lives in. ``timeout_ns`` is
    Python's settimeout: -1 blocks, 0 never blocks, else calls raise TimeoutError after it. Addresses are tuples
    of a literal and a port. Every call raises OSError(EBADF) once the socket is closed, also while it waits.
    """

    __slots__ = (
        "broadcast", "cookie", "device_name", "family", "freebind", "ip_family", "keepalive", "kept", "linger_on",
        "linger_s", "mark", "oobinline", "priority", "protocol", "rcvbuf", "rcvlowat", "rcvtimeo_ns", "sharing",
        "sndbuf", "sndtimeo_ns", "stack", "timeout_ns", "timestamp", "transparent", "type",
    )  # fmt: skip

    def __init__(self, stack: NetStack, host: Scheduler, family: int, type: int, protocol: int) -> None:
        super().__init__(host)
        self.stack: Any = stack
        self.family = family
        self.ip_family = 4 if family == AF_INET else 6
        self.type = type
        self.protocol = protocol
        self.timeout_ns = -1
        self.sharing = 0
        self.keepalive = self.broadcast = self.oobinline = self.freebind = self.transparent = False
        self.linger_on = False
        self.linger_s = 0
        self.rcvtimeo_ns = self.sndtimeo_ns = 0
        self.rcvlowat = 1
        self.rcvbuf = self.sndbuf = 0
        self.mark = self.priority = 0
        self.timestamp = 0
        self.device_name = ""
        self.cookie = 0
        # Options that do nothing but come back when they are asked for.
        self.kept: dict[int, int] | None = None

    # Waiting.

    def deadline(self, option_ns: cython.longlong, flags: cython.uint) -> cython.longlong:
        """When a call that may block gives up: 0 for at once, NEVER for never."""
        if self.timeout_ns == 0 or flags & MSG_DONTWAIT:
            return 0
        if self.timeout_ns > 0:
            return self.host.now() + self.timeout_ns
        if option_ns > 0:
            return self.host.now() + option_ns
        return NEVER

    def block(self, events: cython.uint, deadline: cython.longlong) -> None:
        """Wait for an event, or raise what ends the call. The lock is held."""
        self.wait_for(self.awaited(), events, deadline)

    def wait_for(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> None:
        """As block, where the socket itself is not what is waited for."""
        if deadline == 0:
            raise os_error(EAGAIN)
        if not self.host.wait(source, events, deadline):
            if self.timeout_ns > 0:
                raise TimeoutError("timed out")
            raise os_error(EAGAIN)
        if self.closed:
            raise os_error(EBADF)

    def awaited(self) -> Pollable:
        """What a call that blocks waits for: the socket, or a view of it that leaves out what ends no call's wait."""
        return self

    def check_open(self) -> None:
        """Raises OSError(EBADF) once closed."""
        if self.closed:
            raise os_error(EBADF)

    # Options.

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        """Set an option, given as the int or the octets Linux takes. Raises OSError: ENOPROTOOPT, EINVAL, ..."""
        with self.host.lock:
            self.check_open()
            set_option(self, level, name, value)

    def getsockopt(self, level: int, name: int, buflen: int = 0) -> int | bytes:
        """An option: an int when buflen is 0, else at most buflen octets of what Linux gives."""
        with self.host.lock:
            self.check_open()
            return get_option(self, level, name, buflen)

    def take_error(self) -> cython.int:
        """The pending error, which is then gone (SO_ERROR). The lock is held."""
        return 0

    # What the kinds implement.

    def bind(self, address: Address) -> None:
        """Take a local address: bind(2)."""
        raise os_error(EOPNOTSUPP)

    def listen(self, backlog: int = 128) -> None:
        """Accept connections from now on: listen(2)."""
        raise os_error(EOPNOTSUPP)

    def accept(self) -> tuple[Socket, Address]:
        """The next connection and its peer: accept(2)."""
        raise os_error(EOPNOTSUPP)

    def connect(self, address: Address) -> None:
        """Connect to a peer: connect(2)."""
        raise os_error(EOPNOTSUPP)

    def connect_ex(self, address: Address) -> int:
        """As connect, but returns the errno; EAGAIN when the timeout passed, as CPython has it."""
        try:
            self.connect(address)
        except TimeoutError as error:
            return error.errno or EAGAIN
        except OSError as error:
            return error.errno or EINTR
        return 0

    def getsockname(self) -> Address:
        """The local address: getsockname(2)."""
        raise os_error(EOPNOTSUPP)

    def getpeername(self) -> Address:
        """The peer's address: getpeername(2)."""
        raise os_error(EOPNOTSUPP)

    def shutdown(self, how: int) -> None:
        """Shut one half or both: shutdown(2)."""
        raise os_error(EOPNOTSUPP)

    def send(self, data: Any, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """Send octets, by reference when they are ``bytes``; returns how many: send(2)."""
        raise os_error(EOPNOTSUPP)

    def sendall(self, data: Any, flags: cython.uint = 0) -> None:
        """Send all octets; the timeout counts for the whole call."""
        self.send(data, flags)

    def sendto(self, data: Any, flags: cython.uint, address: Address | None) -> cython.Py_ssize_t:
        """Send to an address: sendto(2)."""
        raise os_error(EOPNOTSUPP)

    def sendmsg(
        self, buffers: Sequence[Any], ancillary: Sequence[Any] = (), flags: int = 0, address: Address | None = None
    ) -> int:
        """Send buffers as one message: sendmsg(2)."""
        raise os_error(EOPNOTSUPP)

    def recv(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> bytes:
        """Receive up to n octets: recv(2)."""
        raise os_error(EOPNOTSUPP)

    def recv_into(self, buffer: Any, n: cython.Py_ssize_t = 0, flags: cython.uint = 0) -> cython.Py_ssize_t:
        """Receive into a writable buffer, up to n octets of it when n is not 0; returns how many."""
        raise os_error(EOPNOTSUPP)

    def recvfrom(self, n: cython.Py_ssize_t, flags: cython.uint = 0) -> tuple[bytes, Address | None]:
        """Receive octets and whom they came from: recvfrom(2)."""
        raise os_error(EOPNOTSUPP)

    def recvfrom_into(self, buffer: Any, n: int = 0, flags: int = 0) -> tuple[int, Address | None]:
        """As recvfrom, into a writable buffer."""
        raise os_error(EOPNOTSUPP)

    def recvmsg(self, n: int, ancillary_size: int = 0, flags: int = 0) -> tuple[bytes, Ancillary, int, Address | None]:
        """Receive octets, ancillary data, flags and whom they came from: recvmsg(2)."""
        raise os_error(EOPNOTSUPP)


def octets_of(data: Any) -> bytes:
    """Data as bytes: the object itself when it is bytes already, else one copy.

    Raises TypeError for what has no buffer.
    """
    if type(data) is bytes:
        return data
    return memoryview(data).tobytes()


def join(buffers: Sequence[Any]) -> bytes:
    """All buffers of a sendmsg as one bytes object."""
    if len(buffers) == 1:
        return octets_of(buffers[0])
    return b"".join(memoryview(buffer).cast("B") for buffer in buffers)


def byte_view(buffer: Any, n: cython.Py_ssize_t) -> memoryview:
    """The first n octets (0: all) of a writable buffer. Raises TypeError, ValueError when it is shorter."""
    view = memoryview(buffer)
    if view.readonly:
        raise TypeError("a read-write bytes-like object is required")
    if view.format != "B" or view.ndim != 1:
        view = view.cast("B")
    if n < 0:
        raise ValueError("negative buffersize in recv_into")
    if n == 0 or n == len(view):
        return view
    if n > len(view):
        raise ValueError("buffer too small for requested bytes")
    return view[:n]
