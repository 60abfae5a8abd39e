cimport cython

from ..rate cimport AckSample
from .dctcp cimport Dctcp

cdef long long MS
cdef double REFERENCE_RTT
cdef unsigned int ECT_1


cdef class Prague(Dctcp):
    cdef public double growth

    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
