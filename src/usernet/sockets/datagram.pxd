from ..core.datagramqueue cimport DatagramEndpoint, payload, payload_into
from ..core.packet cimport Packet, octets_in
from ..core.scheduler cimport Lock
from .address cimport host_octets, make_address
from .base cimport Socket, byte_view, octets_of

cdef int EINVAL, IPPROTO_UDP
cdef unsigned int POLLIN, CLOSED_EVENTS
cdef unsigned int MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC


cdef class DatagramSocket(Socket):
    cdef public DatagramEndpoint endpoint
    cdef public Py_ssize_t skip
    cdef public bint recv_pktinfo, recv_tos, recv_ttl
    cdef bytes _source, _to
    cdef unsigned int _source_port, _to_port
    cdef object _address, _aimed

    cpdef Py_ssize_t transmit(self, bytes octets, bytes dst, unsigned int port, unsigned int flags) except -1
    cpdef Packet next_packet(self, unsigned int flags)
    cdef void _aim(self, object address) except *
    cdef bytes _octets(self, Packet packet, Py_ssize_t n, unsigned int flags)
    cdef Py_ssize_t _size(self, Packet packet)
    cpdef object source(self, Packet packet)
