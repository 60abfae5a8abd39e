"""What is remembered of each peer between connections: how its path was, and how it opens fast (RFC 9040, RFC 7413).

Linux's tcp_metrics, which is RFC 9040's temporal sharing. Beside it: metrics.py, when it is saved and what for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.counters import Counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    import cython

# Pairs of addresses remembered; the one that learned something longest ago goes first.
REMEMBERED = 8192
# What is older says nothing of the path any more (Linux).
FORGOTTEN_AFTER = 3600 * SECOND


class Peer:
    """One pair of addresses. What is 0 was never learned; spans are in nanoseconds, windows in segments.

    Of its path, by the connections that ended: ``rtt``, ``rttvar``, ``ssthresh``, ``cwnd``, ``reordering``. Of a server
    asked for Fast Open (RFC 7413 4.1.3): ``cookie``, ``mss``, and how often running a SYN with text was lost.
    """

    __slots__ = (
        "attempts",
        "cookie",
        "cwnd",
        "is_experimental",
        "mss",
        "reordering",
        "rtt",
        "rttvar",
        "saved_at",
        "ssthresh",
        "syn_dropped_at",
        "syn_drops",
    )

    def __init__(self, now: cython.longlong) -> None:
        self.cookie: bytes = b""
        self.mss = 0
        self.is_experimental = False
        # Which form of the option was asked for in vain: 1 the standard one, 2 the experimental one as well.
        self.attempts = 0
        self.syn_drops = 0
        self.syn_dropped_at = 0
        self.begin(now)

    def begin(self, now: cython.longlong) -> None:
        """Nothing is known of the path."""
        self.saved_at = now
        self.rtt = self.rttvar = 0
        self.ssthresh = self.cwnd = self.reordering = 0

    def learn_rtt(self, srtt: cython.longlong, mdev: cython.longlong) -> None:
        """A connection ended with these. Too long does less harm than too short: up at once, down by an eighth."""
        behind: cython.longlong = self.rtt - srtt
        if behind <= 0:
            self.rtt = srtt
            behind = -behind
        else:
            self.rtt -= behind >> 3
        if behind < mdev:
            behind = mdev
        if behind >= self.rttvar:
            self.rttvar = behind
        else:
            self.rttvar -= (self.rttvar - behind) >> 2


class Peers:
    """The peers of one stack, by their address and ours as both lie in their packets."""

    __slots__ = ("_counters", "_known")

    def __init__(self, counters: Counters) -> None:
        self._counters: Counters = counters
        self._known: dict[bytes, Peer] = {}

    def recall(self, key: bytes, now: cython.longlong) -> Peer | None:
        """What is known of a peer."""
        peer: Peer | None = self._known.get(key)
        if peer is not None and now - peer.saved_at > FORGOTTEN_AFTER:
            peer.begin(now)
        return peer

    def remember(self, key: bytes, now: cython.longlong) -> Peer:
        """The entry of a peer of which something is learned, made if need be."""
        peer: Peer | None = self.recall(key, now)
        if peer is not None:
            del self._known[key]
        else:
            peer = Peer(now)
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
                self._counters.drop("tcp_metrics_full")
        self._known[key] = peer
        return peer

    def is_proven(self, key: bytes, now: cython.longlong) -> cython.bint:
        """True of a peer that was here before, and measured: its address is no spoofed one."""
        peer: Peer | None = self.recall(key, now)
        return peer is not None and peer.rtt > 0

    def items(self) -> Iterator[tuple[bytes, bytes, Peer]]:
        """Everything: the peer's address, ours, what is known."""
        for key, peer in list(self._known.items()):
            half = len(key) >> 1
            yield key[:half], key[half:], peer

    def forget(self, remote: bytes, local: bytes) -> None:
        """``ip tcp_metrics delete``."""
        self._known.pop(remote + local, None)

    def clear(self) -> None:
        """``ip tcp_metrics flush all``."""
        self._known.clear()
