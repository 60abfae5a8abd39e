cimport cython


@cython.final
@cython.freelist(256)
cdef class SentRecord:
    cdef public unsigned int start
    cdef public unsigned int end
    cdef public unsigned int segs
    cdef public unsigned int flags
    cdef public unsigned int retransmits
    cdef public unsigned int in_flight
    cdef public bint is_app_limited
    cdef public long long sent_at
    cdef public long long delivered_at
    cdef public long long first_sent_at
    cdef public unsigned long long delivered
    cdef public unsigned long long delivered_ce
    cdef public unsigned long long lost


cpdef SentRecord make_record(unsigned int start, unsigned int end, unsigned int segs, long long sent_at)
cpdef void copy_delivery(SentRecord record, SentRecord rest) noexcept
