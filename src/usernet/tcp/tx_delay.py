"""TCP_TX_DELAY: what a connection sends is on the wire later, for a longer round trip than the path has (Linux).

Like what waits in Linux's fq, packets have left the connection: it counts them as sent, and they go although it ends.
They hold on to their text, which the send queue lets go of when it is acknowledged or given up: the pool is charged.
"""

from __future__ import annotations

from collections import deque
from errno import ENOBUFS
from typing import TYPE_CHECKING

from ..core.counters import Counters
from ..core.packet import Packet
from ..core.pool import MemoryPool
from ..core.sender import Path, Sender
from ..core.timers import Timer, TimerOwner, Timers
from .const import T_TX_DELAY

if TYPE_CHECKING:
    import cython

# Packets of a connection or a listener that wait; super-segments count as one.
MOST_HELD = 1000


class TxDelay(TimerOwner):
    """Packets on their way to the wire, in the order in which they were sent; ``span`` is for those still to come."""

    __slots__ = ("_held", "counters", "pool", "sender", "span", "timer")

    def __init__(self, timers: Timers, sender: Sender, counters: Counters, pool: MemoryPool) -> None:
        self.sender: Sender = sender
        self.counters: Counters = counters
        self.pool: MemoryPool = pool
        self.timer: Timer = Timer(timers, self, T_TX_DELAY)
        self.span = 0
        self._held: deque[tuple[int, Path, Packet]] = deque()

    def send(self, path: Path, packet: Packet, now: cython.longlong) -> cython.int:
        """As Sender.send; -ENOBUFS when too many wait, or too much."""
        due: int = now + self.span
        if not self._held and self.span == 0:
            return self.sender.send(path, packet, now)
        if len(self._held) >= MOST_HELD:
            self.counters.drop("tcp_tx_delay_full")
            return -ENOBUFS
        if not self.pool.charge(packet.length()):
            self.counters.drop("tcp_tx_delay_memory")
            return -ENOBUFS
        if self._held:
            # Never before what was sent earlier, though the delay became shorter.
            due = max(due, self._held[-1][0])
        else:
            self.timer.arm(due)
        self._held.append((due, path, packet))
        return 0

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The first of them is due."""
        while self._held and self._held[0][0] <= now:
            _, path, packet = self._held.popleft()
            self.pool.uncharge(packet.length())
            self.sender.send(path, packet, now)
        if self._held:
            self.timer.arm(self._held[0][0])
