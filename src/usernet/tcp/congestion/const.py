"""Numbers that modules of this folder share. Never compiled: a hot module declares the C type of what it imports."""

from __future__ import annotations

from typing import Final

from ...core.const import MS, SECOND

# draft-ietf-ccwg-bbr-04: BBR.LossThresh, BBR.Beta, BBR.MinPipeCwnd, 1 - BBR.PacingMarginPercent, and "Infinity" for a
# volume and a round trip.
LOSS_THRESHOLD: Final = 0.02
BETA: Final = 0.7
NO_BOUND: Final = 0x7FFFFFFF
MIN_PIPE_CWND: Final = 4
PACING_MARGIN: Final = 0.99
NO_RTT: Final = 1 << 62
# Of every version of BBR: the pipe is full after three rounds that brought less than a quarter more; the round trip is
# probed for 200 ms at least, and remembered for ten seconds; aggregation is made good for with 0.1 s of the bandwidth
# at most (Linux).
FULL_BW_GROWTH: Final = 1.25
FULL_BW_ROUNDS: Final = 3
PROBE_RTT_DURATION: Final = 200 * MS
MIN_RTT_WINDOW: Final = 10 * SECOND
EXTRA_ACKED_MAX: Final = 0.1
# No more segments are ever in flight: a window has 2^30 octets at most (RFC 7323 2.3).
MOST_SEGMENTS: Final = 1 << 30
