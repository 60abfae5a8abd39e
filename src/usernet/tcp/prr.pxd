cimport cython

from .congestion.base cimport CongestionControl


@cython.final
cdef class Prr:
    cdef public unsigned int delivered, out, recover_fs

    cpdef void begin(self) noexcept
    cpdef void reduce(self, CongestionControl cc, int flight, int delivered, bint more, bint must) noexcept
