cimport cython


@cython.final
cdef class Sysctls:
    cdef public bint abort_on_overflow
    cdef public int challenge_ack_limit
    cdef public long long comp_sack_delay_ns
    cdef public int comp_sack_nr
    cdef public int comp_sack_rtt_percent
    cdef public bint dsack
    cdef public int ecn
    cdef public bint ecn_fallback
    cdef public int ecn_option
    cdef public int ecn_option_beacon
    cdef public int early_retrans
    cdef public int fastopen
    cdef public long long fastopen_blackhole_ns
    cdef public int base_mss
    cdef public int mtu_probe_floor
    cdef public int mtu_probing
    cdef public int probe_threshold
    cdef public long long probe_interval_ns
    cdef public long long fin_timeout_ns
    cdef public int frto
    cdef public long long invalid_ratelimit_ns
    cdef public bint is_fq
    cdef public long long keepalive_intvl_ns
    cdef public int keepalive_probes
    cdef public long long keepalive_time_ns
    cdef public int max_orphans
    cdef public int max_reordering
    cdef public int max_syn_backlog
    cdef public int max_tw_buckets
    cdef public int min_snd_mss
    cdef public int min_tso_segs
    cdef public bint moderate_rcvbuf
    cdef public bint no_metrics_save
    cdef public bint no_ssthresh_metrics_save
    cdef public long long notsent_lowat
    cdef public long long optmem_max
    cdef public int orphan_retries
    cdef public int pacing_ca_ratio
    cdef public int pacing_ss_ratio
    cdef public int pingpong_thresh
    cdef public int port_high
    cdef public int port_low
    cdef public int recovery
    cdef public long long rcvbuf_low_rtt_ns
    cdef public bint reflect_tos
    cdef public int reordering
    cdef public int retries1
    cdef public int retries2
    cdef public bint rfc1337
    cdef public bint rfc7661
    cdef public long long rmem_default
    cdef public long long rmem_max
    cdef public long long rmem_min
    cdef public long long rto_max_ns
    cdef public long long rto_min_ns
    cdef public bint sack
    cdef public bint shrink_window
    cdef public bint slow_start_after_idle
    cdef public int somaxconn
    cdef public bint stdurg
    cdef public int syn_linear_timeouts
    cdef public int syn_retries
    cdef public int synack_retries
    cdef public int syncookies
    cdef public bint thin_linear_timeouts
    cdef public int timestamps
    cdef public int tso_rtt_log
    cdef public int tso_win_divisor
    cdef public int tw_reuse
    cdef public long long tw_reuse_delay_ns
    cdef public int unprivileged_port_start
    cdef public bint window_scaling
    cdef public long long wmem_default
    cdef public long long wmem_max
    cdef public long long wmem_min
