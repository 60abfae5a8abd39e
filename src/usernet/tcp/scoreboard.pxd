cimport cython

from ..core.seq cimport seq_le, seq_lt
from .congestion.base cimport CongestionControl
from .rate cimport DeliveryRate
from .record cimport SentRecord, copy_delivery, make_record

cdef unsigned int MASK32
cdef unsigned int R_SACKED, R_LOST, R_RETRANS, R_EVER_RETRANS, R_FIN
cdef Py_ssize_t MAX_RECORDS, SLACK


@cython.final
cdef class Acked:
    cdef public unsigned int segs_acked, segs_delivered, octets_delivered
    cdef public long long first_sent_at, last_sent_at, sacked_sent_at
    cdef public bint orig_delivered, retrans_delivered
    cdef public SentRecord newest

    cpdef void clear(self) noexcept
    cpdef void note_delivered(self, SentRecord record) noexcept


@cython.final
cdef class Scoreboard:
    cdef list _records
    cdef Py_ssize_t _first
    cdef public DeliveryRate rate
    cdef public CongestionControl control
    cdef public int packets_out, sacked_out, lost_out, retrans_out, lost_hint_sacked
    cdef public unsigned int lost_hint, retransmit_hint, highest_sacked

    cpdef Py_ssize_t count(self) noexcept
    cpdef SentRecord record(self, Py_ssize_t i)
    cpdef int in_flight(self) noexcept
    cpdef void add(self, SentRecord record) except *
    cpdef void clear(self) except *
    cpdef void acknowledge(self, unsigned int una, unsigned int mss, bint reno, Acked acked) except *
    cpdef void sack(self, unsigned int left, unsigned int right, unsigned int mss, Acked acked) except *
    cpdef int mark_lost_above(self, int dup_thresh) except -1
    cpdef int mark_lost(self, SentRecord record) except -1
    cdef void _count_lost(self, SentRecord record) except *
    cpdef int mark_head_lost(self, unsigned int mss) except -1
    cpdef int mark_too_long(self, unsigned int mss, unsigned int sent_mss) except? -1
    cpdef int mark_all_lost(self, bint forget_sacks) except -1
    cpdef Py_ssize_t next_lost(self) except -2
    cpdef SentRecord at(self, Py_ssize_t i)
    cpdef void retransmitted(self, SentRecord record, long long now) noexcept
    cpdef Py_ssize_t find(self, unsigned int seq) except -1
    cpdef void split(self, Py_ssize_t i, unsigned int at, unsigned int mss) except *
    cpdef void resegment(self, SentRecord record, unsigned int mss) noexcept
    cdef bint _cut(self, Py_ssize_t i, unsigned int at, unsigned int mss, bint up) except *
    cdef void _mark_sacked(self, SentRecord record, Acked acked) noexcept
    cdef Py_ssize_t _melt(self, Py_ssize_t i) except -1
    cdef bint _join(self, Py_ssize_t i) except *
    cdef void _note_delivered(self, SentRecord record, unsigned int segs, Acked acked) noexcept
    cdef void _uncount(self, SentRecord record, unsigned int segs) noexcept
    cdef void _count(self, SentRecord record) noexcept


cdef unsigned int _segments(unsigned int octets, unsigned int mss) noexcept
