from ..core.datagramqueue cimport payload, payload_into
from ..core.packet cimport Packet
from ..core.scheduler cimport Lock
from .base cimport Socket, byte_view, octets_of

cdef int IPPROTO_UDP
cdef unsigned int POLLIN, CLOSED_EVENTS
cdef unsigned int MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC


cdef class DatagramSocket(Socket):
    cdef public object endpoint
    cdef public Py_ssize_t skip
    cdef public bint recv_pktinfo, recv_tos, recv_ttl
    cdef bytes _source
    cdef object _address

    cpdef Py_ssize_t transmit(self, bytes octets, bytes dst, unsigned int port, unsigned int flags) except -1
    cpdef Packet next_packet(self, unsigned int flags)
    cdef bytes _octets(self, Packet packet, Py_ssize_t n, unsigned int flags)
    cdef Py_ssize_t _size(self, Packet packet)
    cpdef object source(self, Packet packet)
