"""epoll: readiness of many files at the cost of those that are ready (epoll(7), Linux's fs/eventpoll.c)."""

from __future__ import annotations

from errno import EBADF, EEXIST, EINVAL, ENOENT
from typing import TYPE_CHECKING

from ..core.const import NEVER, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT
from ..core.ready import Pollable, Watcher
from ..core.scheduler import Lock, Scheduler
from .const import (
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLONESHOT,
    EPOLLWAKEUP,
    FD_BASE,
    POLLRDNORM,
    POLLWRNORM,
)
from .errors import os_error
from .file import CLOSED_EVENTS, File
from .kernelfd import KernelFile

if TYPE_CHECKING:
    import cython

# Bits of an event mask that are not events.
PRIVATE = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
# What may stand beside EPOLLEXCLUSIVE.
EXCLUSIVE_OK = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE


class EpollItem(Watcher):
    """One registration, and a node of the ready list while ``queued``."""

    __slots__ = ("epoll", "events", "fd", "file", "next", "previous", "queued")

    def __init__(self, epoll: Epoll, file: File, fd: cython.int, events: cython.uint) -> None:
        self.epoll: Epoll | None = epoll
        self.file: File = file
        self.fd = fd
        self.events = events
        self.queued = False
        self.next: EpollItem | None = None
        self.previous: EpollItem | None = None

    def notify(self, source: Pollable, events: cython.uint) -> None:
        """The file has had these events: stand in line, unless they are not wanted. A closed file leaves."""
        epoll: Epoll | None = self.epoll
        if epoll is None:
            return
        if events & POLLNVAL:
            epoll.drop(self)
        elif not self.queued and wide(events) & (self.events | POLLERR | POLLHUP) and self.events & ~PRIVATE:
            epoll.enqueue(self)
            epoll.wake(POLLIN)

    def level(self) -> cython.uint:
        """What epoll_wait would report now."""
        wanted: cython.uint = self.events & ~PRIVATE
        if not wanted:
            return 0  # spent by EPOLLONESHOT
        return wide(self.file.poll()) & (wanted | POLLERR | POLLHUP)


class Epoll(File):
    """An epoll instance over the descriptors of a host, ours and the kernel's below FD_BASE.

    Registrations belong to a file and a descriptor: they go silently when the file's last descriptor goes, and
    stay, still reporting the old number, while another refers to it. An epoll in an epoll is refused. EPOLLET on
    a kernel descriptor is served as level-triggered.
    """

    __slots__ = ("_first", "_items", "_last")

    def __init__(self, host: Scheduler) -> None:
        super().__init__(host)
        # By descriptor; more than one only while a number was closed, its file kept alive by a dup, and used anew.
        self._items: dict[int, list[EpollItem]] = {}
        self._first: EpollItem | None = None
        self._last: EpollItem | None = None

    def __len__(self) -> int:
        return sum(len(items) for items in self._items.values())

    # epoll_ctl.

    def register(self, fd: int, events: int) -> None:
        """EPOLL_CTL_ADD. Raises OSError: EBADF, EEXIST, EPERM for a regular file, EINVAL for an epoll."""
        with self.host.lock:
            self._check_open()
            if events & EPOLLEXCLUSIVE and events & ~EXCLUSIVE_OK:
                raise os_error(EINVAL)
            file = self._file_to_add(fd, events)
            item = EpollItem(self, file, fd, events)
            file.watch(item)
            self._items.setdefault(fd, []).append(item)
            self._look(item)

    def _file_to_add(self, fd: int, events: int) -> File:
        if fd < FD_BASE:
            if self._kernel_item(fd) is not None:
                raise os_error(EEXIST)
            return KernelFile(self.host, fd, events & ~PRIVATE)
        file = self._file(fd)
        if isinstance(file, Epoll):
            raise os_error(EINVAL)
        if self._find(fd, file) is not None:
            raise os_error(EEXIST)
        return file

    def modify(self, fd: int, events: int) -> None:
        """EPOLL_CTL_MOD, which also re-arms. Raises OSError: EBADF, ENOENT, EINVAL for EPOLLEXCLUSIVE."""
        with self.host.lock:
            item = self._item(fd)
            if (events | item.events) & EPOLLEXCLUSIVE:
                raise os_error(EINVAL)
            item.events = events
            if isinstance(item.file, KernelFile):
                item.file.want(events & ~PRIVATE)
            self._look(item)

    def unregister(self, fd: int) -> None:
        """EPOLL_CTL_DEL. Raises OSError: EBADF, ENOENT."""
        with self.host.lock:
            self.drop(self._item(fd))

    def _item(self, fd: int) -> EpollItem:
        self._check_open()
        item = self._kernel_item(fd) if fd < FD_BASE else self._find(fd, self._file(fd))
        if item is None:
            raise os_error(ENOENT)
        return item

    def _kernel_item(self, fd: int) -> EpollItem | None:
        """The registration of a kernel descriptor; one closed meanwhile goes as silently as Linux lets it go."""
        for item in self._items.get(fd, ()):
            file = item.file
            if isinstance(file, KernelFile) and not file.is_forgotten():
                return item
            self.drop(item)
            break
        return None

    def _file(self, fd: int) -> File:
        file: File = self.host.fds.get(fd)
        return file

    def _find(self, fd: int, file: File) -> EpollItem | None:
        for item in self._items.get(fd, ()):
            if item.file is file:
                return item
        return None

    def _check_open(self) -> None:
        if self.closed:
            raise os_error(EBADF)

    def _look(self, item: EpollItem) -> None:
        """A new or changed registration reports what holds already."""
        if not item.queued and item.level():
            self.enqueue(item)
            self.wake(POLLIN)

    def drop(self, item: EpollItem) -> None:
        """Forget a registration."""
        items = self._items[item.fd]
        items.remove(item)
        if not items:
            del self._items[item.fd]
        if item.queued:
            self.dequeue(item)
        item.epoll = None
        item.file.unwatch(item)

    # The ready list.

    def enqueue(self, item: EpollItem) -> None:
        """Put an item at the end of the ready list."""
        last: EpollItem | None = self._last
        item.queued = True
        item.previous = last
        if last is None:
            self._first = item
        else:
            last.next = item
        self._last = item

    def dequeue(self, item: EpollItem) -> None:
        """Take an item out of the ready list."""
        before: EpollItem | None = item.previous
        after: EpollItem | None = item.next
        if before is None:
            self._first = after
        else:
            before.next = after
        if after is None:
            self._last = before
        else:
            after.previous = before
        item.previous = item.next = None
        item.queued = False

    def poll(self) -> cython.uint:
        """POLLIN while at least one registration is ready; those that no longer are leave the list."""
        item: EpollItem | None = self._first
        following: EpollItem | None
        if self.closed:
            return CLOSED_EVENTS
        while item is not None:
            following = item.next
            if item.level():
                return POLLIN
            self.dequeue(item)
            item = following
        return 0

    # epoll_wait.

    def wait(self, timeout_ns: cython.longlong, maxevents: cython.Py_ssize_t) -> list[tuple[int, int]]:
        """Up to maxevents (descriptor, events), waiting for the first one; timeout_ns -1 without limit.

        Raises OSError: EBADF once closed, EINVAL for maxevents below 1.
        """
        found: list[tuple[int, int]]
        deadline: cython.longlong
        lock: Lock = self.host.lock
        if maxevents < 1:
            raise os_error(EINVAL)
        lock.acquire()
        try:
            if self.closed:
                raise os_error(EBADF)
            found = self._collect(maxevents)
            if found:
                return found
            deadline = NEVER if timeout_ns < 0 else self.host.now() + timeout_ns
            while not found and self.host.wait(self, POLLIN, deadline):
                if self.closed:
                    raise os_error(EBADF)
                found = self._collect(maxevents)
            return found
        finally:
            lock.release()

    def _collect(self, maxevents: cython.Py_ssize_t) -> list[tuple[int, int]]:
        """ep_send_events: report what stands in line; level-triggered items go to its end."""
        found: list[tuple[int, int]] = []
        item: EpollItem | None = self._first
        last: EpollItem | None = self._last
        current: EpollItem
        events: cython.uint
        while item is not None and maxevents > 0:
            current = item
            item = None if current is last else current.next
            events = current.level()
            self.dequeue(current)
            if not events:
                continue
            found.append((current.fd, events))
            maxevents -= 1
            if current.events & EPOLLONESHOT:
                current.events &= PRIVATE
            elif not current.events & EPOLLET or current.fd < FD_BASE:
                self.enqueue(current)
        return found

    def release(self) -> None:
        """Forget every registration."""
        for items in list(self._items.values()):
            for item in list(items):
                self.drop(item)


def wide(events: cython.uint) -> cython.uint:
    """The events with the second names POLLIN and POLLOUT have on sockets."""
    if events & POLLIN:
        events |= POLLRDNORM
    if events & POLLOUT:
        events |= POLLWRNORM
    return events
