cimport cython

from ..core.checksum cimport sum16

cdef Py_ssize_t IPV4_HLEN
cdef unsigned int IP_DF, IP_MF, IP_OFFSET
cdef int HEADER_OK, HEADER_TRUNCATED, HEADER_MALFORMED, HEADER_BAD_CHECKSUM, OPTIONS_PLAIN, OPTIONS_SOURCE_ROUTE
cdef unsigned int IPOPT_END, IPOPT_NOP, IPOPT_RR, IPOPT_TIMESTAMP, IPOPT_LSRR, IPOPT_SSRR


@cython.final
cdef class Ipv4Header:
    cdef public Py_ssize_t hlen
    cdef public unsigned int tos, total_length, ident, offset, ttl, protocol, src, dst
    cdef public bint df, mf

    cpdef int parse(self, object buf, Py_ssize_t at, Py_ssize_t end) except -1
    cpdef int parse_quoted(self, object buf, Py_ssize_t at, Py_ssize_t end) except -1
    cpdef void emit(self, bytearray buf, Py_ssize_t at) except *


cpdef void emit_ipv4(bytearray buf, Py_ssize_t at, unsigned int tos, unsigned int total_length, unsigned int ident, unsigned int flags, unsigned int ttl, unsigned int protocol, unsigned int src, unsigned int dst) except *
cpdef void fix_checksum(bytearray buf, Py_ssize_t at) except *
cpdef int scan_options(object buf, Py_ssize_t at, Py_ssize_t end) except? -2
