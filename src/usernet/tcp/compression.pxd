cimport cython

from ..core.timers cimport Timer


@cython.final
cdef class Compression:
    cdef public Timer timer
    cdef public int held
    cdef public int sent
    cdef public unsigned int rcv_nxt
