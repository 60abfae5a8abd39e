"""Path MTU discovery: what ICMP told us about destinations (RFC 1191), kept as exceptions to the routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..core.context import Context
from ..core.timers import Timer, TimerOwner
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

# Destinations remembered at most; the one learnt longest ago makes room.
MAX_EXCEPTIONS = 2048

# RFC 1191 7.1: MTUs networks are likely to have, for routers that do not say.
PLATEAUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)


def plateau_below(total_length: int) -> int:
    """The largest likely MTU below the length of a packet that was too long."""
    for plateau in PLATEAUS:
        if plateau < total_length:
            return plateau
    return PLATEAUS[-1]


class PathMtus(TimerOwner):
    """Path MTUs learnt, by destination. ``changed`` is called with a destination whose MTU changed."""

    def __init__(self, context: Context, settings: IpSettings, changed: Callable[[bytes], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._counters = context.counters
        # dst -> (MTU, whether it is below min_pmtu in truth, expiry); in the order of expiry
        self.table: dict[bytes, tuple[int, bool, int]] = {}
        self._timer = Timer(context.timers, self, 0)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[tuple[bytes, int, int]]:
        """(destination, MTU, when it expires) of each exception."""
        return iter([(dst, mtu, expires_at) for dst, (mtu, _, expires_at) in self.table.items()])

    def get(self, dst: bytes) -> tuple[int, bool]:
        """(MTU, locked) of a destination, (0, False) when nothing was learnt. Locked: leave DF off (as Linux)."""
        mtu, locked, _ = self.table.get(dst, (0, False, 0))
        return mtu, locked

    def update(self, dst: bytes, mtu: int, current: int, now: int) -> None:
        """A router reported mtu; ``current`` is what the path has. Only a smaller one is believed (RFC 1191 6.3)."""
        locked = mtu < self._settings.min_pmtu
        if locked:
            mtu = min(current, self._settings.min_pmtu)
        if mtu > current or (mtu == current and not locked):
            return
        self.table.pop(dst, None)
        while len(self.table) >= MAX_EXCEPTIONS:
            oldest = next(iter(self.table))
            del self.table[oldest]
            self._counters.drop("pmtu_table_full")
            self._changed(oldest)
        self.table[dst] = (mtu, locked, now + self._settings.mtu_expires_ns)
        self._arm()
        self._changed(dst)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Forget what is too old, so that a larger MTU gets its chance (RFC 1191 6.3)."""
        for dst, (_, _, expires_at) in list(self.table.items()):
            if expires_at > now:
                break
            del self.table[dst]
            self._changed(dst)
        self._arm()

    def _arm(self) -> None:
        for _, _, expires_at in self.table.values():
            self._timer.arm(expires_at)
            break
