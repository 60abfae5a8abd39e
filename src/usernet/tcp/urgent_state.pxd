cimport cython

cdef int URG_NONE


@cython.final
cdef class Urgent:
    cdef public bint is_sending
    cdef public unsigned int snd_up
    cdef public int state
    cdef public unsigned int seq
    cdef public int octet
