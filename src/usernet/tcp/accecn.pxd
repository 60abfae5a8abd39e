cimport cython

from ..wire.tcp cimport Segment, write_accecn

cdef unsigned int MASK32, MASK24, SIGN24, FIRST_CEP, FIRST_E0B, FIRST_E1B, ACE_MASK, AE, CE, CWR, ECE, ECT_0, ECT_1, NOT_ECT
cdef unsigned int FAIL_OPTION_RECEIVE, REPEAT_SHIFT, EWMA_SHIFT, THINNED, PENDING_MAX
cdef unsigned long long OPTION_TOO_LATE
cdef int ECN_ACCURATE, OPTION_NONE, OPTION_EMPTY, OPTION_COUNTERS, OPTION_ZEROED, WRAP24


@cython.final
cdef class Ecn:
    cdef public int mode, option_seen, option_demand, min_fields, fields, octets, sacks
    cdef public unsigned int fail, codepoint, syn_ect_sent, syn_ect_received, peer_ace, ts_recent
    cdef public unsigned int received_ce, pending_ce, last_ecn, guess, acked_mean
    cdef public bint deaf, must_echo, must_cwr, seen, ce_state, reflects, option_with_dsack
    cdef public long long option_at
    cdef public unsigned int received_bytes[3]
    cdef public unsigned int delivered_bytes[3]

    cpdef bint count(self, unsigned int ecn, unsigned int segs, unsigned int octets) noexcept
    cpdef unsigned int ace(self) noexcept
    cpdef void fit(self, int room, int sacks) noexcept
    cpdef void write(self, bytearray buf, Py_ssize_t at, long long now, bint dsack) except *
    cpdef void first_option(self, Segment seg) noexcept
    cpdef bint take_option(self, Segment seg, unsigned int delivered, unsigned long long sent) noexcept
    cpdef void note_acked(self, unsigned int segs) noexcept
    cpdef unsigned int marked(self, unsigned int delta, unsigned int segs, unsigned int octets, bint known, unsigned int ce_octets, unsigned int mss, bint exact) noexcept


cpdef unsigned int flags_of(unsigned int ace) noexcept
cpdef unsigned int ace_of(unsigned int flags) noexcept
cpdef unsigned int handshake_flags(unsigned int ecn) noexcept
cpdef unsigned int handshake_ecn(unsigned int ace) noexcept
cpdef bint is_plausible(unsigned int sent, unsigned int received) noexcept
cpdef int fields_for(unsigned int ecn) noexcept
cpdef unsigned int codepoint_of(int i, bint e1_first) noexcept
cpdef unsigned int first_value(unsigned int ecn) noexcept
cpdef int sack_octets(int blocks) noexcept
