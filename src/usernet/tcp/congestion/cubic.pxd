cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl

cdef double C, BETA, ALPHA, FAST_CONVERGENCE


cdef class Cubic(CongestionControl):
    cdef public double w_max, w_est, k, alpha, cwnd_prior
    cdef public long long epoch_at

    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef void on_timeout(self, long long now) except *
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cdef void _forget(self) except *
    cdef unsigned int _segments_per_increase(self, unsigned int acked, long long now) except? 0xFFFFFFFF
    cdef void _begin_epoch(self, long long now) except *
