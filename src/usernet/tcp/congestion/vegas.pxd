cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl

cdef int CA_OPEN
cdef double ALPHA, BETA, GAMMA
cdef long long NO_RTT


cdef class Vegas(CongestionControl):
    cdef public long long base_rtt
    cdef public long long min_rtt
    cdef public int samples
    cdef public unsigned long long round_end
    cdef public bint is_on

    cpdef void on_ack(self, AckSample sample, long long now) except *
    cdef void _begin_round(self, AckSample sample) noexcept
    cdef void _judge(self, AckSample sample) noexcept
    cdef void _lower_ssthresh(self) noexcept
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef void on_state(self, int ca_state, long long now) except *
    cpdef void on_restart(self, long long idle_ns, long long now) except *
