cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl
from .hystart cimport Hystart

cdef double C, BETA, ALPHA, FAST_CONVERGENCE
cdef unsigned int FASTEST, UNKNOWN_PATH, SLOWEST
cdef long long SECOND, NO_RTT, LOOK_AGAIN


cdef class Cubic(CongestionControl):
    cdef public Hystart hystart
    cdef public double alpha
    cdef public double cwnd_prior
    cdef public double k
    cdef public double origin
    cdef public double undo_k
    cdef public double undo_origin
    cdef public double undo_cwnd_prior
    cdef public double undo_w_est
    cdef public double undo_w_max
    cdef public double w_est
    cdef public double w_max
    cdef public long long epoch_at
    cdef public long long looked_at
    cdef public unsigned int looked_cwnd
    cdef public unsigned int per
    cdef public long long undo_epoch_at

    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef unsigned int undo(self) except? 0xFFFFFFFF
    cpdef void on_timeout(self, long long now) except *
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cdef void _forget(self) except *
    cdef unsigned int _segments_per_increase(self, unsigned int acked, long long now) except? 0xFFFFFFFF
    cdef unsigned int _ahead(self, long long now) noexcept
    cdef void _begin_epoch(self, long long now) except *
