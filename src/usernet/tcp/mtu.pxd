cimport cython


@cython.final
cdef class MtuProbe:
    cdef public bint is_on
    cdef public unsigned int search_low
    cdef public unsigned int search_high
    cdef public unsigned int probe_size
    cdef public unsigned int probe_start
    cdef public unsigned int probe_end
    cdef public long long probe_at
