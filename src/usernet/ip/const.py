"""Numbers of the IP floor. Never compiled: a hot module declares the C type of what it imports."""

from __future__ import annotations

from typing import Final

# What an address is to us: Linux's route types (rtnetlink(7)).
RTN_UNICAST: Final = 1
RTN_LOCAL: Final = 2
RTN_BROADCAST: Final = 3
RTN_MULTICAST: Final = 5

# Who made a route, and how far its destination is.
RTPROT_KERNEL: Final = 2
RTPROT_STATIC: Final = 4
RT_SCOPE_UNIVERSE: Final = 0
RT_SCOPE_LINK: Final = 253
RT_SCOPE_HOST: Final = 254

# Neighbour states (RFC 4861 7.3.2, RFC 7048), as bits, as Linux has them.
NUD_INCOMPLETE: Final = 0x01
NUD_REACHABLE: Final = 0x02
NUD_STALE: Final = 0x04
NUD_DELAY: Final = 0x08
NUD_PROBE: Final = 0x10
NUD_FAILED: Final = 0x20
NUD_NOARP: Final = 0x40
NUD_PERMANENT: Final = 0x80
NUD_NONE: Final = 0x00
# No question to ask before sending.
NUD_CONNECTED: Final = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE
# There is an address to send to.
NUD_VALID: Final = NUD_CONNECTED | NUD_PROBE | NUD_STALE | NUD_DELAY

NUD_NAMES: Final = {
    NUD_NONE: "NONE",
    NUD_INCOMPLETE: "INCOMPLETE",
    NUD_REACHABLE: "REACHABLE",
    NUD_STALE: "STALE",
    NUD_DELAY: "DELAY",
    NUD_PROBE: "PROBE",
    NUD_FAILED: "FAILED",
    NUD_NOARP: "NOARP",
    NUD_PERMANENT: "PERMANENT",
}

IPV4_ANY: Final = b"\x00\x00\x00\x00"
IPV4_LIMITED_BROADCAST: Final = 0xFFFFFFFF
IPV4_ALL_SYSTEMS: Final = 0xE0000001

# Paths a stack keeps at most; the oldest makes room and falls dead, so that its holders ask again.
MAX_PATHS: Final = 16384
