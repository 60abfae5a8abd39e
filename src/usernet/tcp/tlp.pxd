cimport cython


@cython.final
cdef class LossProbe:
    cdef public unsigned int end, rescue_after
    cdef public bint is_open
    cdef public bint retransmitted
