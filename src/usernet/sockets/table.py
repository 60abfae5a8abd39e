"""Descriptor table: small integers for open files, from FD_BASE up, the lowest free one first."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EBADF, EMFILE
from heapq import heappop, heappush

from .const import FD_BASE
from .errors import os_error
from .file import File, in_midst

# Linux's hard limit of open files per process (fs.nr_open).
DEFAULT_LIMIT = 1 << 20


class FdTable:
    """The descriptors of a host. Calls take the host's lock themselves; ``get`` needs none."""

    __slots__ = ("_files", "_free", "_next", "abandoned", "limit")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._files: dict[int, File] = {}
        self._free: list[int] = []
        self._next = FD_BASE
        # Files, and their descriptors (-1: none), that finalizers gave up and nobody has closed yet.
        self.abandoned: list[tuple[int, File]] = []

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[tuple[int, File]]:
        yield from sorted(self._files.items())

    def open(self, file: File) -> int:
        """A descriptor for a file. Raises OSError(EMFILE) at the limit."""
        with file.host.lock:
            self.reap()
            return self._insert(file)

    def get(self, fd: int) -> File:
        """The file of a descriptor. Raises OSError(EBADF)."""
        try:
            return self._files[fd]
        except KeyError:
            raise os_error(EBADF) from None

    def close(self, fd: int) -> None:
        """Give a descriptor back; the file closes with its last one. Raises OSError(EBADF)."""
        file = self.get(fd)
        if in_midst(file.host):
            self.abandoned.append((fd, file))
            return
        with file.host.lock:
            self._remove(fd, file)

    def dup(self, fd: int) -> int:
        """A second descriptor of the same file. Raises OSError: EBADF, EMFILE."""
        file = self.get(fd)
        with file.host.lock:
            if self._files.get(fd) is not file:
                raise os_error(EBADF)
            return self._insert(file)

    def abandon(self, fd: int) -> None:
        """Close a descriptor from a finalizer, which may run in the middle of anything and must not wait for the lock.

        Done at once when the lock is free, else by who drives next or the next open().
        """
        file = self._files.get(fd)
        if file is None:
            return
        self.abandoned.append((fd, file))
        if not in_midst(file.host) and file.host.lock.try_acquire():
            try:
                self.reap()
            finally:
                file.host.lock.release()

    def reap(self) -> None:
        """Close what finalizers gave up, waiting for nothing. The lock is held."""
        while self.abandoned:
            fd, file = self.abandoned.pop()
            file.hurried = file.refs <= 1
            if fd < 0:
                file.close_locked()
            elif self._files.get(fd) is file:
                self._remove(fd, file)

    def _insert(self, file: File) -> int:
        if len(self._files) >= self.limit:
            raise os_error(EMFILE)
        if self._free:
            fd = heappop(self._free)
        else:
            fd = self._next
            self._next += 1
        self._files[fd] = file
        file.refs += 1
        return fd

    def _remove(self, fd: int, file: File) -> None:
        if self._files.get(fd) is not file:
            raise os_error(EBADF)
        del self._files[fd]
        heappush(self._free, fd)
        file.refs -= 1
        if file.refs == 0:
            file.close_locked()
