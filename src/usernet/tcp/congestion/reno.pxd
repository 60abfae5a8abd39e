cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl


cdef class Reno(CongestionControl):
    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
