cimport cython

from ..core.context cimport Context
from ..core.packet cimport Packet
from ..core.ready cimport Pollable
from ..core.sender cimport IcmpError, Sender, Transport
from ..wire.udp cimport UdpHeader, trim, verify
from .endpoint cimport UdpEndpoint
from .table cimport UdpTable

cdef int EMSGSIZE
cdef unsigned int PMTUDISC_DONT


cdef class UdpForwarder:
    cpdef void datagram(self, Packet packet, long long now) except *


@cython.final
cdef class Udp(Transport):
    cdef public Context context
    cdef public Sender sender
    cdef public UdpTable table
    cdef public UdpForwarder forwarder
    cdef public dict members
    cdef public long long rmem_default
    cdef UdpHeader _header

    cpdef UdpEndpoint open(self, Pollable owner, int family)
    cdef void _deliver_all(self, Packet packet, unsigned int port, bint multicast) except *
    cdef void _unwanted(self, Packet packet, long long now) except *
    cdef UdpEndpoint _sender_of(self, IcmpError error)


cdef bint _to_group(Packet packet) except *
