cimport cython

from ..core.counters cimport Counters

cdef Py_ssize_t REMEMBERED
cdef long long SECOND, FORGOTTEN_AFTER


@cython.final
cdef class Peer:
    cdef public bytes cookie
    cdef public unsigned int mss
    cdef public bint is_experimental
    cdef public int attempts
    cdef public unsigned int syn_drops
    cdef public long long syn_dropped_at
    cdef public long long saved_at, rtt, rttvar
    cdef public unsigned int ssthresh, cwnd
    cdef public int reordering

    cpdef void begin(self, long long now) noexcept
    cpdef void learn_rtt(self, long long srtt, long long mdev) noexcept


@cython.final
cdef class Peers:
    cdef Counters _counters
    cdef dict _known

    cpdef Peer recall(self, bytes key, long long now)
    cpdef Peer remember(self, bytes key, long long now)
    cpdef bint is_proven(self, bytes key, long long now) except *
