cimport cython


@cython.final
cdef class IpSettings:
    cdef public unsigned int forward, default_ttl, echo_ignore_all, echo_ignore_broadcasts, icmp_ratemask
    cdef public unsigned int icmp_msgs_per_sec, icmp_msgs_burst, min_pmtu, accept_source_route, rp_filter
    cdef public int ucast_solicit, mcast_solicit, mcast_resolicit
    cdef public long long icmp_ratelimit_ns, ipfrag_high_thresh, ipfrag_time_ns, mtu_expires_ns, base_reachable_ns
    cdef public long long retrans_ns, delay_probe_ns, unres_qlen_bytes, gc_thresh1, gc_thresh2, gc_thresh3
