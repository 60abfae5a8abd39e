cimport cython

from ..core.packet cimport Packet

cdef unsigned int MASK32
cdef Py_ssize_t HEADER_LEN, MAX_HEADER_LEN, MAX_SACK_BLOCKS
cdef unsigned int OPT_EOL, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_PERMITTED, OPT_SACK, OPT_TIMESTAMPS, OPT_FASTOPEN, OPT_ACCECN0, OPT_ACCECN1, OPT_EXPERIMENT, FASTOPEN_MAGIC, OPT_MD5, OPT_AO, AUTH_BAD
cdef Py_ssize_t COOKIE_MIN, COOKIE_MAX
cdef unsigned int SYN_BIT, FIN_BIT
cdef Py_ssize_t ACCECN_FIELDS, ACCECN_FIELD_LEN


@cython.final
cdef class Segment:
    cdef public unsigned int sport, dport, seq, ack, end_seq, flags, wnd, up, tsval, tsecr, mss
    cdef public unsigned int auth
    cdef public Py_ssize_t auth_at
    cdef public Py_ssize_t data, length
    cdef public bint ts_ok, sack_permitted
    cdef public int wscale
    cdef public Py_ssize_t sack_count
    cdef public unsigned int sack_left[4]
    cdef public unsigned int sack_right[4]
    cdef public bytes fastopen
    cdef public bint fastopen_exp
    cdef public unsigned int accecn[3]
    cdef public unsigned int ecn, gso_size
    cdef public int accecn_count
    cdef public bint accecn_e1_first

    cpdef bint parse(self, Packet packet) except *
    cdef void _clear_options(self) except *
    cdef void _parse_options(self, bytearray buf, Py_ssize_t at, Py_ssize_t end) except *
    cdef void _parse_sack(self, bytearray buf, Py_ssize_t at, Py_ssize_t count) except *
    cdef void _parse_accecn(self, bytearray buf, Py_ssize_t at, Py_ssize_t count) noexcept
    cdef void _parse_syn_option(self, bytearray buf, Py_ssize_t at, unsigned int kind, Py_ssize_t size) except *
    cdef void _parse_cookie(self, bytes cookie, bint experimental) except *


cpdef unsigned int seq_after(unsigned int seq, Py_ssize_t length, unsigned int flags) noexcept
cpdef void write_u32(bytearray buf, Py_ssize_t at, unsigned int value) noexcept
cpdef void write_header(bytearray buf, Py_ssize_t at, unsigned int sport, unsigned int dport, unsigned int seq, unsigned int ack, unsigned int size, unsigned int flags, unsigned int wnd, unsigned int check) noexcept
cpdef void write_timestamps(bytearray buf, Py_ssize_t at, unsigned int tsval, unsigned int tsecr) noexcept
cpdef void write_sack_header(bytearray buf, Py_ssize_t at, unsigned int count) noexcept
cpdef Py_ssize_t write_accecn(bytearray buf, Py_ssize_t at, int fields, unsigned int e1, unsigned int ce, unsigned int e0) noexcept
cdef Py_ssize_t _write_u24(bytearray buf, Py_ssize_t at, unsigned int value) noexcept
cpdef unsigned int syn_options_len(int wscale, bint sack_permitted, bint ts_ok, bint accecn) noexcept
cpdef void write_syn_options(bytearray buf, Py_ssize_t at, unsigned int mss, int wscale, bint sack_permitted, bint ts_ok, unsigned int tsval, unsigned int tsecr, bint accecn) noexcept
