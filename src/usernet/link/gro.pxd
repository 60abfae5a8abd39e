cimport cython

from ..core.checksum cimport checksum, pseudo_sum
from ..core.packet cimport Packet, View
from .device cimport Coalescer, Device
from .gso cimport find_tcp

cdef unsigned int CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_ACCECN, GSO_TCPV4, GSO_TCPV6, MASK16, MASK32
cdef unsigned int TCP_FIN, TCP_PSH, TCP_ACK, TCP_CWR, TCP_ECN, TCP_ENDS, RESERVED_BITS
cdef Py_ssize_t MAX_DATAGRAM, MAX_TRAINS, TCP_CHECKSUM


@cython.final
cdef class Train:
    cdef Packet packet
    cdef Py_ssize_t data, l3, l4, mss, payload, segments
    cdef unsigned int flags, ident, seq


@cython.final
cdef class Gro(Coalescer):
    cdef Device _device
    cdef list _trains
    cdef public unsigned long long joined

    cdef Train _find(self, bytearray buf, Py_ssize_t l3, Py_ssize_t l4)
    cdef void _join(self, Train train, Train segment, long long now) except *
    cdef void _depart(self, Train train, long long now) except *
    cdef void _pass(self, Packet packet, long long now) except *


cdef bint _joinable(Packet packet, Py_ssize_t l3, Py_ssize_t l4) except? -1
cdef bint _same_flow(Train train, bytearray buf, Py_ssize_t l3, Py_ssize_t l4) except? -1
cdef bint _follows(Train train, Train segment) except? -1
cdef void _complete(Train train) except *
cdef unsigned int _pseudo(bytearray buf, Py_ssize_t l3, Py_ssize_t l4, Py_ssize_t length) except? 0xFFFFFFFF
cdef unsigned int _u32(bytearray buf, Py_ssize_t at) noexcept
cdef bint _equal(bytearray a, Py_ssize_t i, bytearray b, Py_ssize_t j, Py_ssize_t n) noexcept
