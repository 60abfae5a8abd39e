cimport cython

from ..core.chunk cimport Chunk
from ..core.seq cimport seq_lt


@cython.final
cdef class SentRecord:
    cdef public unsigned int start
    cdef public unsigned int end
    cdef public unsigned int segs
    cdef public unsigned int mss
    cdef public unsigned int flags
    cdef public unsigned int in_flight
    cdef public bint is_app_limited
    cdef public bint is_out
    cdef public Chunk chunk
    cdef public SentRecord earlier
    cdef public SentRecord later
    cdef public unsigned long long nth
    cdef public unsigned long long turn
    cdef public long long sent_at
    cdef public long long delivered_at
    cdef public long long first_sent_at
    cdef public unsigned long long delivered
    cdef public unsigned long long delivered_ce
    cdef public unsigned long long lost


cpdef SentRecord make_record(unsigned int start, unsigned int end, unsigned int segs, unsigned int mss, long long sent_at)
cpdef void copy_delivery(SentRecord record, SentRecord rest) noexcept


@cython.final
cdef class SendOrder:
    cdef public SentRecord oldest
    cdef public SentRecord newest
    cdef public SentRecord suspect
    cdef public unsigned long long sent

    cpdef void append(self, SentRecord record) noexcept
    cpdef void put_last(self, SentRecord record) noexcept
    cdef void _insert_before(self, SentRecord later, SentRecord record) noexcept
    cpdef void insert_after(self, SentRecord record, SentRecord rest) noexcept
    cpdef void remove(self, SentRecord record) noexcept
    cpdef void clear(self) noexcept
