cimport cython


@cython.final
cdef class LossProbe:
    cdef public unsigned int end
    cdef public bint is_open
    cdef public bint retransmitted
