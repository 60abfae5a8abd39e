cimport cython


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
    cdef public object reports
    cdef public int limit
    cdef public int copies
    cdef public int count
    cdef public int dropped
