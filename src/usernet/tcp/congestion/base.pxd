cimport cython

from ...core.counters cimport TcpExtMib
from ..rate cimport AckSample, DeliveryRate
from ..record cimport SentRecord
from ..rtt cimport RttEstimator

cdef unsigned int INFINITE_SSTHRESH, INIT_CWND, MAX_CWND
cdef int GROWS, GROWS_AS_USED


cdef class CongestionControl:
    cdef public unsigned int cwnd
    cdef public unsigned int ssthresh
    cdef public unsigned int cwnd_clamp
    cdef public unsigned int cwnd_cnt
    cdef public unsigned int prior_cwnd
    cdef public unsigned int mss
    cdef public unsigned int max_packets_out
    cdef public unsigned int min_tso_segs
    cdef public unsigned int ect
    cdef public int growth_rule
    cdef public long long pacing_rate
    cdef public bint is_cwnd_limited
    cdef public bint is_model_based
    cdef public bint is_paced
    cdef public bint needs_ecn
    cdef public bint needs_pacing
    cdef public bint wants_losses
    cdef public RttEstimator rtt
    cdef public DeliveryRate rate
    cdef public TcpExtMib ext

    cpdef void attach(self, RttEstimator rtt, DeliveryRate rate, TcpExtMib ext) except *
    cpdef bint in_slow_start(self) noexcept
    cpdef bint may_grow(self) noexcept
    cpdef unsigned int slow_start(self, unsigned int acked) noexcept
    cpdef void additive_increase(self, unsigned int w, unsigned int acked) noexcept
    cpdef long long after_slow_start(self, unsigned int acked) noexcept
    cpdef void standard_increase(self, unsigned int acked) noexcept
    cpdef unsigned int half_window(self) noexcept
    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef unsigned int on_echo(self, long long now) except? 0xFFFFFFFF
    cpdef void on_ce(self, AckSample sample, long long now) except *
    cpdef void on_segment_lost(self, SentRecord record, long long now) except *
    cpdef void on_timeout(self, long long now) except *
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cpdef void on_state(self, int ca_state, long long now) except *
    cpdef unsigned int undo(self) except? 0xFFFFFFFF
    cpdef void start(self, long long now) except *
    cpdef bint control(self, AckSample sample, long long now) except *
    cpdef dict info(self)
    cpdef void adopt(self, CongestionControl other) except *
