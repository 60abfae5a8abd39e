"""Descriptors of ours, as programs see them: ints from FD_BASE up that know the table they stand in."""

from __future__ import annotations

from typing import Any

from ..host import current_stack
from ..sockets.const import FD_BASE
from ..sockets.file import File
from ..sockets.table import FdTable

__all__ = [
    "FD_BASE", "Descriptor", "as_descriptor", "dup_descriptor", "file_of", "host_of", "is_ours", "open_descriptor",
    "table_of",
]  # fmt: skip


class Descriptor(int):
    """A number from a host's table. A plain int is looked up on the host of the current stack instead."""

    host: Any
    table: FdTable
    inheritable = False  # what os.set_inheritable said; a child has no use for it


def open_descriptor(file: File) -> Descriptor:
    """A new descriptor for a file. Raises OSError(EMFILE)."""
    host: Any = file.host
    return _descriptor(host, host.fds.open(file))


def dup_descriptor(fd: int) -> Descriptor:
    """Another descriptor of the same file. Raises OSError: EBADF, EMFILE."""
    host = host_of(fd)
    return _descriptor(host, host.fds.dup(fd))


def as_descriptor(fd: int) -> Descriptor:
    """A number of ours with its table."""
    return fd if isinstance(fd, Descriptor) else _descriptor(host_of(fd), fd)


def _descriptor(host: Any, number: int) -> Descriptor:
    fd = Descriptor(number)
    fd.host = host
    fd.table = host.fds
    return fd


def host_of(fd: int) -> Any:
    """The host a descriptor belongs to; one of the kernel, to the current stack's."""
    return fd.host if isinstance(fd, Descriptor) else current_stack().host


def table_of(fd: int) -> FdTable:
    """The table a number of ours stands in."""
    table: FdTable = host_of(fd).fds
    return table


def file_of(fd: int) -> File:
    """The file of a descriptor of ours. Raises OSError(EBADF)."""
    return table_of(fd).get(fd)


def is_ours(fd: object) -> bool:
    """True for a number in our range, open or not."""
    return isinstance(fd, int) and FD_BASE <= fd <= 0x7FFFFFFF
