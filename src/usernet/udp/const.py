"""Numbers of UDP (RFC 768, and Linux's where it is silent). Never compiled, as core/const.py explains."""

from __future__ import annotations

from typing import Final

# How an address may be shared (socket(7)).
REUSEADDR: Final = 1
REUSEPORT: Final = 2

# IP_MTU_DISCOVER (ip(7)).
PMTUDISC_DONT: Final = 0
PMTUDISC_WANT: Final = 1
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3

# SHUT_RD and SHUT_WR as a bit set.
SHUTDOWN_RECV: Final = 1
SHUTDOWN_SEND: Final = 2
