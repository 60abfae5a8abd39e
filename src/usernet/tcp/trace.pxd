cimport cython


@cython.final
cdef class Trace:
    cdef public int limit
    cdef public object events
    cdef public unsigned long long dropped

    cpdef void note(self, object tcb, str name, long long now) except *
