cimport cython

from ..core.checksum cimport checksum

cdef Py_ssize_t ICMP_HLEN


@cython.final
cdef class IcmpMessage:
    cdef public unsigned int kind, code, rest

    cpdef bint parse(self, object buf, Py_ssize_t at, Py_ssize_t end) noexcept
