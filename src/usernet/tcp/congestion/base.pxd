cimport cython

cdef unsigned int INFINITE_SSTHRESH, INIT_CWND, MAX_CWND


@cython.final
cdef class AckSample:
    cdef public unsigned int acked, delivered, losses, in_flight, prior_in_flight
    cdef public long long rtt_ns, delivered_at
    cdef public bint is_app_limited


cdef class CongestionControl:
    cdef public unsigned int cwnd, ssthresh, cwnd_clamp, cwnd_cnt, prior_cwnd, mss, max_packets_out
    cdef public long long srtt_ns
    cdef public bint is_cwnd_limited

    cpdef bint in_slow_start(self) noexcept
    cpdef bint may_grow(self) noexcept
    cpdef unsigned int slow_start(self, unsigned int acked) noexcept
    cpdef void additive_increase(self, unsigned int w, unsigned int acked) noexcept
    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef void on_timeout(self, long long now) except *
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cpdef void adopt(self, CongestionControl other) except *
