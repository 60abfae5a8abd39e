"""After fork(2): the child has no part in its parent's network.

Both would speak on the same wire with the same sequence numbers. So in the child our sockets are closed (EBADF), and
a fresh default host takes the next ones; what is held of the kernel's stays open, as always.
"""

from __future__ import annotations

import gc

from ._socket import socket
from .select import epoll


def forget_after_fork() -> None:
    """Cut every socket and epoll object of ours off its host; called in the child."""
    # The collector knows them all; a register of our own would cost every socket something.
    for item in gc.get_objects():
        kind = type(item)
        if issubclass(kind, (socket, epoll)):
            item._forget()
