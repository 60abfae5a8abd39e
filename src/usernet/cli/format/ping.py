"""Echo replies and their summary as iputils' ``ping`` prints them."""

from __future__ import annotations

import errno
import math
import os
from dataclasses import dataclass, field

ICMP_HEADER = 8
IPV4_HEADER = 20

# What a socket with IP_RECVERR makes of ICMP errors (Linux's icmp_err_convert), in iputils' words (pr_icmph).
TROUBLES = {
    errno.ENETUNREACH: "Destination Net Unreachable",
    errno.EHOSTUNREACH: "Destination Host Unreachable",
    errno.ENOPROTOOPT: "Destination Protocol Unreachable",
    errno.ECONNREFUSED: "Destination Port Unreachable",
    errno.EMSGSIZE: "Frag needed and DF set",
    errno.EACCES: "Packet filtered",
}


def heading(host: str, address: str, size: int) -> str:
    """The line before the first request."""
    return f"PING {host} ({address}) {size}({size + ICMP_HEADER + IPV4_HEADER}) bytes of data."


def reply(address: str, octets: int, seq: int, ttl: int, rtt_ns: int, *, duplicate: bool = False) -> str:
    """One echo reply; octets counts the ICMP header."""
    return (
        f"{octets} bytes from {address}: icmp_seq={seq} ttl={ttl} time={span(rtt_ns)} ms"
        f"{' (DUP!)' if duplicate else ''}"
    )


def trouble(address: str, seq: int, number: int) -> str:
    """One request that failed, by errno."""
    return f"From {address} icmp_seq={seq} {TROUBLES.get(number) or os.strerror(number)}"


def span(nanoseconds: int) -> str:
    """Milliseconds with iputils' digits: the larger, the fewer behind the point."""
    us = nanoseconds // 1000
    if us >= 100_000:
        return f"{(us + 500) // 1000}"
    for limit, digits in ((10_000, 1), (1_000, 2)):
        if us >= limit:
            return f"{us / 1000:.{digits}f}"
    return f"{us / 1000:.3f}"


@dataclass
class Statistics:
    """What the summary needs."""

    host: str
    transmitted: int = 0
    received: int = 0
    duplicates: int = 0
    errors: int = 0
    elapsed_ns: int = 0
    rtts_ns: list[int] = field(default_factory=list)

    def rtt(self) -> tuple[float, float, float, float] | None:
        """Minimum, mean, maximum and deviation in milliseconds; None when nothing came back."""
        if not self.rtts_ns:
            return None
        millis = [ns / 1e6 for ns in self.rtts_ns]
        mean = sum(millis) / len(millis)
        square = sum(ms * ms for ms in millis) / len(millis)
        return min(millis), mean, max(millis), math.sqrt(max(square - mean * mean, 0.0))


def summary(stats: Statistics) -> str:
    """The two or three lines at the end."""
    text = f"--- {stats.host} ping statistics ---\n"
    text += f"{stats.transmitted} packets transmitted, {stats.received} received"
    if stats.duplicates:
        text += f", +{stats.duplicates} duplicates"
    if stats.errors:
        text += f", +{stats.errors} errors"
    if stats.transmitted:
        lost = (stats.transmitted - stats.received) * 100 / stats.transmitted
        text += f", {lost:.6g}% packet loss, time {stats.elapsed_ns // 1_000_000}ms"
    text += "\n"
    rtt = stats.rtt()
    if rtt is not None:
        text += "rtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n".format(*rtt)
    return text
