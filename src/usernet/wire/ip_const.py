"""Numbers of Ethernet, ARP, IPv4, ICMP and UDP. Never compiled: a hot module declares the C type of what it imports."""

from __future__ import annotations

from typing import Final

ETH_ALEN: Final = 6
ETH_HLEN: Final = 14
ETH_BROADCAST: Final = b"\xff" * 6

ARP_LEN: Final = 28
ARPHRD_ETHER: Final = 1
ARPOP_REQUEST: Final = 1
ARPOP_REPLY: Final = 2

IPV4_HLEN: Final = 20
UDP_HLEN: Final = 8
# The word of flags and fragment offset.
IP_DF: Final = 0x4000
IP_MF: Final = 0x2000
IP_OFFSET: Final = 0x1FFF

# What Ipv4Header.parse finds.
HEADER_OK: Final = 0
HEADER_TRUNCATED: Final = 1
HEADER_MALFORMED: Final = 2
HEADER_BAD_CHECKSUM: Final = 3

# Option types (RFC 791 3.1), and the flag of those that go into every fragment.
IPOPT_END: Final = 0
IPOPT_NOP: Final = 1
IPOPT_RR: Final = 7
IPOPT_TIMESTAMP: Final = 68
IPOPT_LSRR: Final = 131
IPOPT_SSRR: Final = 137
IPOPT_COPY: Final = 0x80

# What scan_options finds, unless a positive offset of what is wrong.
OPTIONS_PLAIN: Final = 0
OPTIONS_SOURCE_ROUTE: Final = -1

# The ECN field (RFC 3168 5).
ECN_NOT_ECT: Final = 0
ECN_ECT_1: Final = 1
ECN_ECT_0: Final = 2
ECN_CE: Final = 3

ICMP_HLEN: Final = 8
ICMP_ECHOREPLY: Final = 0
ICMP_DEST_UNREACH: Final = 3
ICMP_SOURCE_QUENCH: Final = 4
ICMP_REDIRECT: Final = 5
ICMP_ECHO: Final = 8
ICMP_TIME_EXCEEDED: Final = 11
ICMP_PARAMETERPROB: Final = 12
ICMP_TIMESTAMP: Final = 13
ICMP_TIMESTAMPREPLY: Final = 14
ICMP_ADDRESS: Final = 17
ICMP_ADDRESSREPLY: Final = 18
# Types that report an error, about which no error is ever reported (RFC 1122 3.2.2).
ICMP_ERRORS: Final = frozenset(
    (ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB)
)

# Codes of destination unreachable (RFC 792, RFC 1122 3.2.2.1).
ICMP_NET_UNREACH: Final = 0
ICMP_HOST_UNREACH: Final = 1
ICMP_PROT_UNREACH: Final = 2
ICMP_PORT_UNREACH: Final = 3
ICMP_FRAG_NEEDED: Final = 4

# Codes of time exceeded.
ICMP_EXC_TTL: Final = 0
ICMP_EXC_FRAGTIME: Final = 1
