cimport cython


@cython.final
cdef class Arrivals:
    cdef public object entries

    cpdef void came(self, long long read, long long start, long long end, long long now) except *
    cpdef void were_read(self, long long read) except *
    cpdef long long of(self, long long position) except *
