cimport cython

from ..core.checksum cimport pseudo_sum
from ..core.packet cimport Packet

cdef Py_ssize_t UDP_HLEN
cdef unsigned int CSUM_NONE, IPPROTO_UDP


@cython.final
cdef class UdpHeader:
    cdef public unsigned int sport, dport, length, check

    cpdef bint parse(self, object buf, Py_ssize_t at, Py_ssize_t tail, Py_ssize_t end) except *
    cpdef void emit(self, bytearray buf, Py_ssize_t at) except *


cpdef unsigned int pseudo_check(unsigned int pseudo, unsigned int length) noexcept
cpdef void trim(Packet packet, Py_ssize_t length) except *
cpdef bint verify(Packet packet, UdpHeader header) except *
