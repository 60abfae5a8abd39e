cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl

cdef double GAIN


cdef class Dctcp(CongestionControl):
    cdef public double alpha
    cdef public unsigned long long acked_in_window
    cdef public unsigned long long marked_in_window
    cdef public unsigned long long total
    cdef public unsigned long long window_end

    cpdef void on_ce(self, AckSample sample, long long now) except *
    cdef void _end_window(self) noexcept
    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_echo(self, long long now) except? 0xFFFFFFFF
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
