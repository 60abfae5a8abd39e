cimport cython

from ..core.packet cimport Packet
from ..wire.tcp cimport Segment

cdef unsigned int ACK, MASK32, SYN


@cython.final
cdef class Trace:
    cdef public int limit
    cdef public object events
    cdef public unsigned long long dropped
    cdef public Segment leaving

    cpdef void note(self, object tcb, str name, long long now) except *
    cpdef void entered(self, object tcb, int ca_state, long long now) except *
    cpdef void arrived(self, object tcb, Segment seg, long long now) except *
    cpdef void sent(self, object tcb, Packet packet, long long now) except *
