cimport cython

from ..core.counters cimport TcpExtMib
from ..core.seq cimport seq_le, seq_lt
from .acked cimport Acked
from .congestion.base cimport CongestionControl
from .rack cimport Rack
from .rate cimport DeliveryRate
from .record cimport SendOrder, SentRecord, copy_delivery, make_record

cdef unsigned int MASK32
cdef unsigned int R_SACKED, R_LOST, R_RETRANS, R_EVER_RETRANS, R_FIN, R_PUSHED, R_TIMED_OUT
cdef int A_DATA_ACKED, A_DATA_SACKED, A_ORIG_ACKED, A_RETRANS_ACKED
cdef Py_ssize_t MAX_RECORDS, SLACK


@cython.final
cdef class Scoreboard:
    cdef list _records
    cdef Py_ssize_t _first
    cdef public DeliveryRate rate
    cdef public Rack rack
    cdef public TcpExtMib ext
    cdef public SendOrder order
    cdef public CongestionControl control
    cdef public int packets_out
    cdef public int sacked_out
    cdef public int sacked_below
    cdef public int lost_out
    cdef public int retrans_out
    cdef public int to_send
    cdef public unsigned int lost_hint
    cdef public unsigned int retransmit_hint
    cdef public unsigned int highest_sacked

    cpdef Py_ssize_t count(self) noexcept
    cpdef bint is_full(self) noexcept
    cpdef SentRecord record(self, Py_ssize_t i)
    cpdef int in_flight(self) noexcept
    cpdef void add(self, SentRecord record) except *
    cpdef void clear(self) except *
    cpdef void acknowledge(self, unsigned int una, bint reno, Acked acked) except *
    cpdef void sack(self, unsigned int left, unsigned int right, Acked acked) except *
    cdef void _acknowledged(self, SentRecord record, unsigned int segs, bint reno, Acked acked) noexcept
    cdef void _sacked(self, SentRecord record, Acked acked) noexcept
    cpdef void mark_lost(self, SentRecord record, long long now) except *
    cpdef void mark_lost_above(self, int dup_thresh, long long now) except *
    cpdef void mark_head_lost(self, long long now) except *
    cpdef void mark_late(self, long long since, bint reneged, long long now) except *
    cpdef void mark_longer(self, unsigned int mss, long long now) except *
    cpdef void unmark_lost(self) except *
    cdef void _rewind(self) except *
    cpdef Py_ssize_t next_lost(self) except -2
    cpdef SentRecord at(self, Py_ssize_t i)
    cpdef Py_ssize_t last(self) noexcept
    cpdef void retransmitted(self, SentRecord record, long long now) noexcept
    cpdef void probed(self, SentRecord record, long long now) noexcept
    cdef void _resent(self, SentRecord record, long long now) noexcept
    cpdef Py_ssize_t find(self, unsigned int seq) except -1
    cpdef void split(self, Py_ssize_t i, unsigned int at) except *
    cpdef void resegment(self, SentRecord record, unsigned int mss) noexcept
    cdef bint _cut(self, Py_ssize_t i, unsigned int at, bint up) except *
    cdef void _melt(self, Py_ssize_t first, Py_ssize_t end) except *
    cdef void _mark(self, SentRecord record, unsigned int flags) noexcept
    cdef void _count(self, SentRecord record, int segs) noexcept


cdef unsigned int _segments(unsigned int start, unsigned int end, unsigned int flags, unsigned int mss) noexcept
