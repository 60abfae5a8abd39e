cimport cython

from ..core.seq cimport seq_lt
from .record cimport SendOrder, SentRecord

cdef unsigned int R_EVER_RETRANS
cdef unsigned int RACK_PERSIST, MAX_STEPS


@cython.final
cdef class Rack:
    cdef public unsigned long long nth
    cdef public long long rtt
    cdef public long long srtt
    cdef public unsigned int end
    cdef public unsigned int steps
    cdef public unsigned int persist
    cdef public unsigned int reord_seen
    cdef public unsigned long long delivered_at_step
    cdef public bint advanced
    cdef public bint dsack_seen

    cpdef bint sent_before(self, SentRecord record) noexcept
    cpdef void advance(self, SentRecord record, SendOrder order, long long min_rtt, long long now) noexcept
    cpdef void look_on(self, SendOrder order) noexcept
    cpdef void adapt(self, unsigned long long delivered, unsigned long long prior_delivered) noexcept
    cpdef void widen(self, long long late, long long min_rtt) noexcept
