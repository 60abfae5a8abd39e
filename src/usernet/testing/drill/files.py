"""What a script's descriptors are beside sockets: pipes and files of zeros."""

from __future__ import annotations

from errno import EAGAIN, EPIPE

from ...core.const import POLLIN, POLLOUT
from ...core.scheduler import Scheduler
from ...sockets.errors import os_error
from ...sockets.file import File

# Linux's pipe: 16 pages.
PIPE_SIZE = 65536
# What /dev/zero holds.
ENDLESS = 1 << 40


class PipeBuffer:
    """The octets between the two ends of a pipe."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.writers = 1


class PipeEnd(File):
    """One end of a pipe."""

    __slots__ = ("buffer", "writes")

    def __init__(self, host: Scheduler, buffer: PipeBuffer, writes: bool) -> None:
        super().__init__(host)
        self.buffer = buffer
        self.writes = writes

    def poll(self) -> int:
        """Octets to read, or room to write."""
        if self.writes:
            return POLLOUT if self.room() else 0
        return POLLIN if self.buffer.data else 0

    def room(self) -> int:
        """Octets that may be written."""
        return PIPE_SIZE - len(self.buffer.data)

    def read(self, n: int) -> bytes:
        """Up to n octets. Raises OSError(EAGAIN) when there are none."""
        if not self.buffer.data and self.buffer.writers:
            raise os_error(EAGAIN)
        octets = bytes(self.buffer.data[:n])
        del self.buffer.data[:n]
        return octets

    def write(self, octets: bytes) -> int:
        """As many as there is room for. Raises OSError(EAGAIN, EPIPE)."""
        if not self.writes:
            raise os_error(EPIPE)
        if not self.room():
            raise os_error(EAGAIN)
        taken = octets[: self.room()]
        self.buffer.data += taken
        return len(taken)

    def release(self) -> None:
        """A writer less."""
        if self.writes:
            self.buffer.writers -= 1


class ZeroFile(File):
    """A file of zeros, as scripts make them: packets carry nothing else. ``at`` is where the next read begins."""

    __slots__ = ("at", "size")

    def __init__(self, host: Scheduler, size: int) -> None:
        super().__init__(host)
        self.size = size
        self.at = 0

    def poll(self) -> int:
        """Always ready."""
        return POLLIN | POLLOUT

    def read(self, n: int) -> bytes:
        """Up to n zeros, b"" at the end."""
        octets = bytes(max(min(n, self.size - self.at), 0))
        self.at += len(octets)
        return octets
