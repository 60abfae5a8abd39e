"""Context: what every floor of one stack is handed, and nothing else is global."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .counters import Counters
from .entropy import Entropy
from .pool import MemoryPool
from .sysctl import SysctlRegistry
from .timers import Timers

if TYPE_CHECKING:
    import cython


class Context:
    """The timers, entropy, counters, settings and memory of one stack.

    Timers belong to the host, so that one wait serves all its stacks; the rest belongs to the stack alone.
    """

    __slots__ = ("counters", "entropy", "pool", "sysctl", "timers")

    def __init__(self, timers: Timers, entropy: Entropy, pool_limit: cython.longlong) -> None:
        self.timers = timers
        self.entropy = entropy
        self.counters = Counters()
        self.sysctl = SysctlRegistry()
        self.pool = MemoryPool(pool_limit, self.counters.tcp_ext)
