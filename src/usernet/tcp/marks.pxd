cimport cython

from .errqueue cimport ErrorQueue


@cython.final
cdef class SendMarks:
    cdef public ErrorQueue errors
    cdef public object bounds
    cdef public object copies
    cdef public object unsent
    cdef public object unacked
    cdef public long long next_bound
    cdef public bint next_pushed
    cdef public unsigned int next_copy

    cpdef bint ends_at(self, long long position) except *
    cpdef bint sent(self, long long upto, long long now, long long room) except *
    cpdef bint acked(self, long long upto, long long now, long long room) except *
    cpdef bint ended(self) except *
