"""``select``: select(2), poll(2) and epoll(7) over our descriptors and the kernel's, mixed.

All three wait in ``Host.wait``. Where nothing but kernel descriptors is asked for and the clock is the machine's,
select and poll are the kernel's own.
"""

from __future__ import annotations

import operator
import select as kernel
from collections.abc import Iterable
from errno import EBADF, EINVAL, ENOENT
from os import strerror
from typing import Any, NoReturn

from ..core.ready import Nothing
from ..host import current_stack
from ..sockets.epoll import Epoll
from .descriptors import Descriptor, as_descriptor, is_ours, open_descriptor, table_of
from .timeout import parse_span
from .waiting import wait_for_any

POLLIN, POLLPRI, POLLOUT = kernel.POLLIN, kernel.POLLPRI, kernel.POLLOUT
POLLERR, POLLHUP, POLLNVAL = kernel.POLLERR, kernel.POLLHUP, kernel.POLLNVAL
POLLRDNORM, POLLRDBAND = kernel.POLLRDNORM, kernel.POLLRDBAND
POLLWRNORM, POLLWRBAND = kernel.POLLWRNORM, kernel.POLLWRBAND
# What counts as readable, writable and exceptional for select (fs/select.c).
READABLE = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR
WRITABLE = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR
EXCEPTIONAL = POLLPRI
FD_SETSIZE = 1024


def exports() -> dict[str, Any]:
    """The names of the module that are ours; constants stay the kernel's."""
    return {"select": select, "poll": poll, "epoll": epoll}


def descriptor_of(fileobj: Any) -> int:
    """The descriptor of an int or of an object with fileno(), as PyObject_AsFileDescriptor."""
    if isinstance(fileobj, int):
        fd = fileobj
    else:
        method = getattr(fileobj, "fileno", None)
        if method is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        fd = method()
        if not isinstance(fd, int):
            raise TypeError("fileno() returned a non-integer")
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    if fd > 0x7FFFFFFF:
        raise OverflowError("Python int too large to convert to C int")
    return fd


def _host_of(fds: Iterable[int]) -> Any:
    """The host to wait on: that of the first descriptor of ours, else the current stack's."""
    for fd in fds:
        if isinstance(fd, Descriptor):
            return fd.host
    return current_stack().host


def _error(err: int) -> NoReturn:
    raise OSError(err, strerror(err))


class _Select:
    """``select.select``: an object and not a function, which SelectSelector would bind as a method."""

    __name__ = __qualname__ = "select"
    __module__ = "select"

    def __call__(
        self, rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """select(rlist, wlist, xlist[, timeout]) -> (rlist, wlist, xlist)"""
        span = parse_span(timeout, "timeout must be a float or None")
        if timeout is not None and span < 0:
            raise ValueError("timeout must be non-negative")
        asked = [_listed(items) for items in (rlist, wlist, xlist)]
        wanted: dict[int, int] = {}
        for pairs, events in zip(asked, (POLLIN, POLLOUT, POLLPRI), strict=True):
            for _, fd in pairs:
                if fd >= FD_SETSIZE and not is_ours(fd):
                    raise ValueError("filedescriptor out of range in select()")
                wanted[fd] = wanted.get(fd, 0) | events
        if not any(map(is_ours, wanted)) and _real_clock():
            ready = _kernel_select(asked, timeout)
        else:
            ready = dict(wait_for_any(_host_of(wanted), wanted, span))
        if any(events & POLLNVAL for events in ready.values()):
            _error(EBADF)
        return tuple(  # type: ignore[return-value]
            [item for item, fd in pairs if ready.get(fd, 0) & mask]
            for pairs, mask in zip(asked, (READABLE, WRITABLE, EXCEPTIONAL), strict=True)
        )

    def __repr__(self) -> str:
        return "<built-in function select>"


select = _Select()


def _listed(items: Any) -> list[tuple[Any, int]]:
    try:
        iterator = iter(items)
    except TypeError:
        raise TypeError("arguments 1-3 must be sequences") from None
    found: list[tuple[Any, int]] = []
    for item in iterator:
        found.append((item, descriptor_of(item)))
        if len(found) > FD_SETSIZE:
            raise ValueError("too many file descriptors in select()")
    return found


def _kernel_select(asked: list[list[tuple[Any, int]]], timeout: float | None) -> dict[int, int]:
    ready: dict[int, int] = {}
    found = kernel.select(*[[fd for _, fd in pairs] for pairs in asked], timeout)  # type: ignore[call-arg,arg-type]
    for fds, events in zip(found, (POLLIN, POLLOUT, POLLPRI), strict=True):
        for fd in fds:
            ready[fd] = ready.get(fd, 0) | events
    return ready


def _real_clock() -> bool:
    return getattr(current_stack().host, "mode", "live") != "sim"


class poll_class:
    """What ``select.poll()`` returns."""

    __module__ = "select"
    __slots__ = ("_polling", "_wanted")

    _wanted: dict[int, int]
    _polling: bool

    def __new__(cls) -> poll_class:
        """Only poll() makes them, as in the real module."""
        raise TypeError(f"cannot create '{cls.__module__}.{cls.__name__}' instances")

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT, /) -> None:
        """Register a file descriptor, or change what is wanted of it."""
        number = descriptor_of(fd)
        self._wanted[number] = _mask(eventmask, 0xFFFF)

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """Change a registration. Raises OSError(ENOENT) for a descriptor that has none."""
        number = descriptor_of(fd)
        mask = _mask(eventmask, 0xFFFF)
        if number not in self._wanted:
            _error(ENOENT)
        self._wanted[number] = mask

    def unregister(self, fd: Any, /) -> None:
        """Remove a registration. Raises KeyError for a descriptor that has none."""
        del self._wanted[descriptor_of(fd)]

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Descriptors and their events, after at most timeout milliseconds (None or negative: no limit)."""
        span = parse_span(timeout, "timeout must be an integer or None", 1_000_000)
        if self._polling:
            raise RuntimeError("concurrent poll() invocation")
        self._polling = True
        try:
            if not any(map(is_ours, self._wanted)) and _real_clock():
                return self._poll_kernel(timeout)
            return wait_for_any(_host_of(self._wanted), self._wanted, span)
        finally:
            self._polling = False

    def _poll_kernel(self, timeout: float | None) -> list[tuple[int, int]]:
        real = kernel.poll()
        for fd, events in self._wanted.items():
            real.register(fd, events)
        return real.poll(timeout)


poll_class.__name__ = poll_class.__qualname__ = "poll"


class _Poll:
    """``select.poll``: an object for the same reason as select (``PollSelector._selector_cls``)."""

    __name__ = __qualname__ = "poll"
    __module__ = "select"

    def __call__(self) -> poll_class:
        """A polling object."""
        made = object.__new__(poll_class)
        made._wanted = {}
        made._polling = False
        return made

    def __repr__(self) -> str:
        return "<built-in function poll>"


poll = _Poll()


def _mask(eventmask: Any, most: int) -> int:
    mask: int = operator.index(eventmask)
    if mask < 0:
        raise ValueError("value must be positive")
    if mask > most:
        raise OverflowError("Python int too large to convert to C unsigned short")
    return mask


class epoll:
    """``select.epoll``: an epoll instance of ours."""

    __slots__ = ("_engine", "_fd", "closed")

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        if sizehint == 0 or sizehint < -1:
            raise ValueError("negative sizehint")
        if flags & ~kernel.EPOLL_CLOEXEC:
            _error(EINVAL)
        self._engine: Epoll | None = None
        self._fd: Descriptor | None = None
        self.closed = False

    @classmethod
    def fromfd(cls, fd: int, /) -> epoll:
        """An epoll object on a descriptor of one."""
        number = descriptor_of(fd)
        file = table_of(number).get(number) if is_ours(number) else None
        if not isinstance(file, Epoll):
            _error(EINVAL)
        self = cls()
        self._engine = file
        self._fd = as_descriptor(number)
        return self

    def _open(self, fds: Iterable[int] = ()) -> Epoll:
        if self.closed:
            raise ValueError("I/O operation on closed epoll object")
        # The host is known by the first descriptor: a selector may be made before its stack is entered.
        if self._engine is None:
            self._engine = Epoll(_host_of(fds))
            self._fd = open_descriptor(self._engine)
        for fd in fds:
            if isinstance(fd, Descriptor) and fd.host is not self._engine.host:
                _error(EINVAL)
        return self._engine

    def fileno(self) -> int:
        """The descriptor of this epoll instance."""
        self._open()
        return -1 if self._fd is None else self._fd

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Register a descriptor. Raises FileExistsError when it is registered."""
        number = descriptor_of(fd)
        self._open((number,)).register(number, _mask(eventmask, 0xFFFFFFFF))

    def modify(self, fd: Any, eventmask: int) -> None:
        """Change a registration. Raises FileNotFoundError when there is none."""
        number = descriptor_of(fd)
        self._open((number,)).modify(number, _mask(eventmask, 0xFFFFFFFF))

    def unregister(self, fd: Any) -> None:
        """Remove a registration. Raises FileNotFoundError when there is none."""
        number = descriptor_of(fd)
        self._open((number,)).unregister(number)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Descriptors and their events, after at most timeout seconds (None or negative: no limit)."""
        engine = self._open()
        span = parse_span(timeout, "timeout must be an integer or None")
        if maxevents == -1:
            maxevents = FD_SETSIZE - 1
        elif maxevents < 1:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        host: Any = engine.host
        with host.lock:
            if engine.poll():
                # What is ready already must not keep the driver from bringing more.
                host.wait(Nothing(), 0, host.now())
        return engine.wait(span, maxevents)

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self.closed = True
        fd = self._fd
        self._engine = self._fd = None
        if fd is not None:
            fd.table.close(fd)

    def _forget(self) -> None:
        """Start anew, without a word to the host."""
        self._engine = self._fd = None

    def __enter__(self) -> epoll:
        self._open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A finalizer may run in the middle of anything: it must not wait for the host's lock.
        fd = getattr(self, "_fd", None)
        if fd is not None:
            fd.table.abandon(fd)
