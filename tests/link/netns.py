"""A network namespace of our own, and a foot in its door."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = itertools.count(1)


class Namespace:
    def __init__(self) -> None:
        self.name = f"unlink-{os.getpid()}-{next(_NUMBERS)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True, capture_output=True)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command: str) -> str:
        result = subprocess.run(
            ["ip", "netns", "exec", self.name, *command], check=True, capture_output=True, text=True, timeout=300
        )
        return result.stdout

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread lives in the namespace; what it opens there stays there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(there)
            yield
        finally:
            _setns(home)
            os.close(home)
            os.close(there)

    def delete(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def _setns(fd: int) -> None:
    if _LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
