"""Descriptors of ours, as programs see them: ints from FD_BASE up that know the table they stand in."""

from __future__ import annotations

from typing import Any

from ..host import current_stack
from ..sockets.const import FD_BASE
from ..sockets.file import File
from ..sockets.table import FdTable

__all__ = ["FD_BASE", "Descriptor", "file_of", "is_ours", "open_descriptor", "table_of"]


class Descriptor(int):
    """A number from a host's table. A plain int is looked up on the host of the current stack instead."""

    table: FdTable
    inheritable = False  # what os.set_inheritable said; a child has no use for it


def open_descriptor(file: File) -> Descriptor:
    """A new descriptor for a file. Raises OSError(EMFILE)."""
    host: Any = file.host
    return descriptor(host.fds, host.fds.open(file))


def descriptor(table: FdTable, number: int) -> Descriptor:
    """The number of an open file of this table."""
    fd = Descriptor(number)
    fd.table = table
    return fd


def table_of(fd: int) -> FdTable:
    """The table a number of ours stands in."""
    if isinstance(fd, Descriptor):
        return fd.table
    host: Any = current_stack().host
    return host.fds  # type: ignore[no-any-return]


def file_of(fd: int) -> File:
    """The file of a descriptor of ours. Raises OSError(EBADF)."""
    return table_of(fd).get(fd)


def is_ours(fd: object) -> bool:
    """True for a number in our range, open or not."""
    return isinstance(fd, int) and FD_BASE <= fd <= 0x7FFFFFFF
