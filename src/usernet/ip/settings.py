"""The sysctls of the IP floor, each cached in a C field for whoever reads it per packet."""

from __future__ import annotations

from ..core.const import MS, SECOND
from ..core.sysctl import Change, SysctlRegistry, Value

# name, field, default, lowest, highest, unit of the field, what it does. Names and defaults are Linux's.
_SYSCTLS = (
    ("net.ipv4.ip_forward", "forward", 0, 0, 1, 1, "Forward packets between interfaces."),
    ("net.ipv4.ip_default_ttl", "default_ttl", 64, 1, 255, 1, "TTL of packets whose sender sets none."),
    ("net.ipv4.icmp_echo_ignore_all", "echo_ignore_all", 0, 0, 1, 1, "Answer no echo request."),
    ("net.ipv4.icmp_echo_ignore_broadcasts", "echo_ignore_broadcasts", 1, 0, 1, 1,
     "Answer no echo request sent to a broadcast or multicast address."),
    ("net.ipv4.icmp_ratelimit", "icmp_ratelimit_ns", 1000, 0, 0x7FFFFFFF, MS,
     "Milliseconds between ICMP messages of the kinds in icmp_ratemask to one host; 0 for no limit."),
    ("net.ipv4.icmp_ratemask", "icmp_ratemask", 6168, 0, 0x7FFFFFFF, 1, "ICMP types that are limited, as bits."),
    ("net.ipv4.icmp_msgs_per_sec", "icmp_msgs_per_sec", 1000, 0, 0x7FFFFFFF, 1,
     "Limited ICMP messages a second to all hosts together."),
    ("net.ipv4.icmp_msgs_burst", "icmp_msgs_burst", 50, 0, 0x7FFFFFFF, 1,
     "How many of them may go out at once."),
    ("net.ipv4.ipfrag_high_thresh", "ipfrag_high_thresh", 4194304, 0, 0x7FFFFFFF, 1,
     "Octets of memory fragments may take while they wait for the rest."),
    ("net.ipv4.ipfrag_time", "ipfrag_time_ns", 30, 0, 0x7FFFFF, SECOND, "Seconds a fragment waits for the rest."),
    ("net.ipv4.route.min_pmtu", "min_pmtu", 552, 68, 65535, 1, "Smallest path MTU that is believed."),
    ("net.ipv4.route.mtu_expires", "mtu_expires_ns", 600, 1, 0x7FFFFF, SECOND, "Seconds a learnt path MTU holds."),
    ("net.ipv4.conf.all.accept_source_route", "accept_source_route", 0, 0, 0, 1,
     "Accept packets with a source route option; always off here (RFC 7126 4.3)."),
    ("net.ipv4.conf.all.rp_filter", "rp_filter", 0, 0, 2, 1,
     "Reverse path filter (RFC 3704): 0 off, 1 strict, 2 loose."),
    ("net.ipv4.neigh.default.base_reachable_time_ms", "base_reachable_ns", 30000, 1, 0x7FFFFFFF, MS,
     "Milliseconds a confirmed neighbour counts as reachable, on average (RFC 4861 6.3.2)."),
    ("net.ipv4.neigh.default.retrans_time_ms", "retrans_ns", 1000, 10, 0x7FFFFFFF, MS,
     "Milliseconds between two solicitations."),
    ("net.ipv4.neigh.default.delay_first_probe_time", "delay_probe_ns", 5, 0, 0x7FFFFF, SECOND,
     "Seconds a stale neighbour in use may take to be confirmed before it is probed."),
    ("net.ipv4.neigh.default.ucast_solicit", "ucast_solicit", 3, 0, 1000, 1, "Unicast probes of a stale neighbour."),
    ("net.ipv4.neigh.default.mcast_solicit", "mcast_solicit", 3, 0, 1000, 1,
     "Broadcast or multicast solicitations of an unknown neighbour."),
    ("net.ipv4.neigh.default.mcast_resolicit", "mcast_resolicit", 0, 0, 1000, 1,
     "Broadcast solicitations after unicast probes had no answer."),
    ("net.ipv4.neigh.default.unres_qlen_bytes", "unres_qlen_bytes", 212992, 0, 0x7FFFFFFF, 1,
     "Octets that wait for one neighbour's address."),
    ("net.ipv4.neigh.default.gc_thresh1", "gc_thresh1", 128, 0, 0x7FFFFFFF, 1,
     "Neighbours that are never collected."),
    ("net.ipv4.neigh.default.gc_thresh2", "gc_thresh2", 512, 0, 0x7FFFFFFF, 1,
     "Neighbours above which unused ones are collected every five seconds."),
    ("net.ipv4.neigh.default.gc_thresh3", "gc_thresh3", 1024, 1, 0x7FFFFFFF, 1,
     "Neighbours an interface knows at most."),
)  # fmt: skip


class IpSettings:
    """The values; fields that end in ``_ns`` are nanoseconds."""

    __slots__ = (
        "accept_source_route", "base_reachable_ns", "default_ttl", "delay_probe_ns", "echo_ignore_all",
        "echo_ignore_broadcasts", "forward", "gc_thresh1", "gc_thresh2", "gc_thresh3", "icmp_msgs_burst",
        "icmp_msgs_per_sec", "icmp_ratelimit_ns", "icmp_ratemask", "ipfrag_high_thresh", "ipfrag_time_ns",
        "mcast_resolicit", "mcast_solicit", "min_pmtu", "mtu_expires_ns", "retrans_ns", "rp_filter",
        "ucast_solicit", "unres_qlen_bytes",
    )  # fmt: skip

    def __init__(self, sysctl: SysctlRegistry) -> None:
        self.forward = self.default_ttl = self.accept_source_route = self.rp_filter = 0
        self.echo_ignore_all = self.echo_ignore_broadcasts = 0
        self.icmp_ratelimit_ns = self.icmp_ratemask = self.icmp_msgs_per_sec = self.icmp_msgs_burst = 0
        self.ipfrag_high_thresh = self.ipfrag_time_ns = 0
        self.min_pmtu = self.mtu_expires_ns = 0
        self.base_reachable_ns = self.retrans_ns = self.delay_probe_ns = 0
        self.ucast_solicit = self.mcast_solicit = self.mcast_resolicit = 0
        self.unres_qlen_bytes = self.gc_thresh1 = self.gc_thresh2 = self.gc_thresh3 = 0
        for name, field, default, low, high, unit, text in _SYSCTLS:
            sysctl.declare(name, default, text, low=low, high=high, on_change=self._store(field, unit))

    def _store(self, field: str, unit: int) -> Change:
        def store(value: Value) -> None:
            if isinstance(value, int):
                setattr(self, field, value * unit)

        return store
