cimport cython

from ..core.entropy cimport KeyedHash

cdef Py_ssize_t KEY_LEN, COOKIE_LEN
cdef long long SECOND, RESET_COUNTS_FOR
cdef int LONGEST_PAUSE


@cython.final
cdef class FastOpenKeys:
    cdef list _hashes
    cdef public bytes octets

    cpdef bytes cookie(self, bytes addresses)
    cpdef int check(self, bytes addresses, bytes cookie) except -1
    cdef bytes _with(self, int i, bytes addresses)


@cython.final
cdef class FastOpens:
    cdef public FastOpenKeys keys
    cdef long long _blackholed_at
    cdef int _blackholes


@cython.final
cdef class FastOpenQueue:
    cdef public int pending
    cdef object _resets

    cpdef bint has_room(self, int limit, long long now) except *
    cpdef void leave(self, bint was_reset, long long now) except *


@cython.final
cdef class FastOpen:
    cdef public FastOpenQueue queue
    cdef public bint is_accepted
    cdef public bint is_child
    cdef public bint is_deferred
    cdef public bint is_experimental
    cdef public bint asked
    cdef public bint carries
    cdef public bint watches
    cdef public bint syn_data_acked
    cdef public bytes option
    cdef public unsigned int text
    cdef public int client_fail

    cpdef void leave(self, bint was_reset, long long now) except *
