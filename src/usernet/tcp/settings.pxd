cimport cython


@cython.final
cdef class Settings:
    cdef public bint nodelay, cork, quickack, keepalive
    cdef public long long keepidle_ns, keepintvl_ns, user_timeout_ns, linger2_ns
    cdef public int keepcnt, syncnt, defer_accept
    cdef public unsigned int maxseg, window_clamp, tos, ttl, mark
    cdef public long long rcvbuf, sndbuf
    cdef public str congestion

    cpdef Settings copy(self)


@cython.final
cdef class Sysctls:
    cdef public bint sack, dsack, window_scaling, slow_start_after_idle, abort_on_overflow, rfc1337, moderate_rcvbuf
    cdef public int timestamps, tw_reuse, retries1, retries2, syn_retries, synack_retries, orphan_retries, keepalive_probes
    cdef public int max_syn_backlog, max_tw_buckets, max_orphans, challenge_ack_limit, reordering, somaxconn
    cdef public int unprivileged_port_start, port_low, port_high, min_snd_mss
    cdef public long long fin_timeout_ns, keepalive_time_ns, keepalive_intvl_ns, invalid_ratelimit_ns, rto_min_ns, rto_max_ns
    cdef public long long rmem_min, rmem_default, rmem_max, wmem_min, wmem_default, wmem_max
    cdef public str congestion_control


cpdef long long keepidle(Settings settings, Sysctls sysctls) except? -1
cpdef long long keepintvl(Settings settings, Sysctls sysctls) except? -1
