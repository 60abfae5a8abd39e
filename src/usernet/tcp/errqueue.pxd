cimport cython

from ..core.counters cimport Counters
from ..core.pool cimport MemoryPool


@cython.final
cdef class Report:
    cdef public int origin
    cdef public int code
    cdef public int err
    cdef public unsigned int info
    cdef public unsigned int data
    cdef public long long at
    cdef public bytes payload


@cython.final
cdef class ErrorQueue:
    cdef public MemoryPool pool
    cdef public Counters counters
    cdef public object reports
    cdef public int copies
    cdef public int count
    cdef public bint is_closed
    cdef public long long held
