cimport cython

from ..core.seq cimport seq_lt

cdef long long MS, NEVER, RTO_FALLBACK, RTO_INITIAL, SECOND, MIN_RTT_WINDOW


@cython.final
cdef class RttEstimator:
    cdef public long long srtt, rttvar, mdev, mdev_max, rto, rto_min, rto_max, latest, min_rtt, min_rtt_at
    cdef public unsigned int rtt_seq

    cpdef void sample(self, long long rtt, unsigned int snd_una, unsigned int snd_nxt, long long now) noexcept
    cpdef void fall_back(self) noexcept
    cpdef void expect(self, long long rtt) noexcept
    cpdef void set_rto(self) noexcept
    cpdef void observe(self, long long rtt, bint is_ack_delayed, long long now) noexcept
    cpdef void smooth(self, long long rtt, unsigned int snd_una, unsigned int snd_nxt) noexcept
