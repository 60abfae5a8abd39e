"""Numbers several floors share. Never compiled: a hot module declares the C type of what it imports.

``from .const import MASK32`` in the ``.py`` and ``cdef unsigned int MASK32`` in its ``.pxd`` makes a
typed module global, which C reads at the price of a load.
"""

from __future__ import annotations

from typing import Final

MASK16: Final = 0xFFFF
MASK32: Final = 0xFFFFFFFF
MASK64: Final = 0xFFFFFFFFFFFFFFFF

# Instants and spans are int nanoseconds. NEVER is later than every instant and fits an int64.
US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
NEVER: Final = 0x7FFFFFFFFFFFFFFF

# Linux's readiness bits (poll(2), epoll_ctl(2)).
POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020
POLLRDHUP: Final = 0x2000

# Checksum state of a packet, as Linux's skb->ip_summed.
CSUM_NONE: Final = 0  # in: to be verified; out: complete
CSUM_UNNECESSARY: Final = 1  # in: verified, or never left this process
CSUM_PARTIAL: Final = 3  # the field holds the pseudo-header sum; csum_start/csum_offset say what is missing

# Where UDP's checksum field lies in its header: a packet's csum_offset tells UDP from TCP by it.
UDP_CHECK_OFFSET: Final = 6

# Kind of super-segment, numbered as virtio-net's gso_type.
GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_TCPV6: Final = 4
GSO_ACCECN: Final = 0x10  # CWR is part of a counter: it stands in every segment (RFC 9768 3.3.4)
GSO_ECN: Final = 0x80  # CWR stands in the first segment only

# EtherTypes and IP protocol numbers.
ETH_P_IP: Final = 0x0800
ETH_P_ARP: Final = 0x0806
ETH_P_IPV6: Final = 0x86DD
IPPROTO_ICMP: Final = 1
IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
IPPROTO_ICMPV6: Final = 58

# Room kept before a transport header: virtio-net 12, Ethernet with a VLAN tag 18, IPv4 with options 60 (IPv6: 40).
HEADROOM: Final = 96
# The largest IP datagram, and so the largest super-segment.
MAX_DATAGRAM: Final = 65535
