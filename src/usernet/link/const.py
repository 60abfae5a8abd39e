"""Numbers of the device floor. Never compiled: a hot module declares the C type of what it imports."""

from __future__ import annotations

from typing import Final

# Features: what a device's transmit() takes without help, with virtio-net's meaning.
F_CSUM: Final = 1  # CSUM_PARTIAL packets
F_TSO4: Final = 2  # GSO_TCPV4 super-segments
F_TSO6: Final = 4  # GSO_TCPV6 super-segments
F_SG: Final = 8  # by-reference payload (packet.frags)
F_ACCECN: Final = 16  # super-segments whose CWR stands in every segment (GSO_ACCECN)
F_ALL: Final = F_CSUM | F_TSO4 | F_TSO6 | F_SG | F_ACCECN

# Interface flags (netdevice(7)).
IFF_UP: Final = 0x1
IFF_BROADCAST: Final = 0x2
IFF_LOOPBACK: Final = 0x8
IFF_POINTOPOINT: Final = 0x10
IFF_RUNNING: Final = 0x40
IFF_NOARP: Final = 0x80
IFF_PROMISC: Final = 0x100
IFF_MULTICAST: Final = 0x1000

ETH_HLEN: Final = 14
# Room kept before a received frame, for the larger link header of a device it may be forwarded to.
RX_HEADROOM: Final = 32

# What segmentation and its inverse know of TCP: flags, and where the checksum stands in the header.
TCP_FIN: Final = 0x01
TCP_PSH: Final = 0x08
TCP_ACK: Final = 0x10
TCP_ECE: Final = 0x40
TCP_CWR: Final = 0x80
TCP_CHECKSUM: Final = 16

# Flows whose incoming segments are joined at once, as Linux's MAX_GRO_SKBS; the one held longest makes room.
MAX_TRAINS: Final = 8

# A day in nanoseconds: what the kernel counts in milliseconds does not overflow, and who waits looks again anyway.
LONGEST_SLEEP: Final = 86_400_000_000_000
