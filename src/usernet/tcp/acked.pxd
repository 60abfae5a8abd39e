cimport cython

from ..core.seq cimport seq_lt
from .record cimport SentRecord

cdef unsigned int MASK32, R_EVER_RETRANS
cdef long long MS


@cython.final
cdef class Acked:
    cdef public int did
    cdef public unsigned int echo
    cdef public bint has_echo
    cdef public unsigned int high_seq
    cdef public unsigned int reord
    cdef public unsigned int segs_acked
    cdef public unsigned int segs_delivered
    cdef public unsigned int octets_delivered
    cdef public long long first_sent_at
    cdef public long long last_sent_at
    cdef public long long first_sack_sent_at
    cdef public long long last_sack_sent_at
    cdef public long long min_rtt
    cdef public long long now
    cdef public SentRecord newest

    cpdef void begin(self, unsigned int high_seq, unsigned int snd_nxt, long long min_rtt, long long now) noexcept
    cpdef void note_delivered(self, SentRecord record) noexcept
    cpdef bint echo_precedes(self, long long sent_at) noexcept
    cpdef bint is_original(self, SentRecord record) noexcept
    cpdef long long flight(self) noexcept
