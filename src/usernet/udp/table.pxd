cimport cython

from ..core.context cimport Context
from ..core.entropy cimport Entropy, KeyedHash
from ..core.packet cimport Packet
from .endpoint cimport UdpEndpoint

cdef unsigned int REUSEADDR, REUSEPORT


@cython.final
cdef class UdpTable:
    cdef public Context context
    cdef public Entropy entropy
    cdef KeyedHash _hash
    cdef public dict bound, connected, wild, ports
    cdef public bint net_bind_service

    cpdef list find(self, Packet packet)
    cpdef list of_port(self, unsigned int port)
    cpdef object allocate(self, UdpEndpoint endpoint, bytes address, unsigned int port)
