"""What a connection has found out about the path MTU by itself (RFC 4821 7, RFC 8899 4; plpmtud.py drives it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class MtuProbe:
    """The search for the largest MTU that gets through, between ``search_low``, which does, and ``search_high``.

    All are sizes of IP packets. While a probe is under way ``probe_size`` is its size, else 0, and its octets are
    [probe_start, probe_end). ``is_on`` is what plain connections test.
    """

    __slots__ = ("is_on", "probe_at", "probe_end", "probe_size", "probe_start", "search_high", "search_low")

    def __init__(self) -> None:
        self.is_on = False
        self.search_low = self.search_high = 0
        self.probe_size = 0
        self.probe_start = self.probe_end = 0
        self.probe_at: cython.longlong = 0
