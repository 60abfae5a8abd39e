cimport cython

from ..core.counters cimport Counters
from ..core.packet cimport Packet
from ..link.device cimport Device, Upper
from ..wire.ethernet cimport parse_ethernet
from .neigh cimport NeighbourTable

cdef int ETH_P_ARP, ETH_P_IP
cdef unsigned int IFF_UP
cdef Py_ssize_t ETH_HLEN


cdef class NetworkProtocol:
    cpdef void receive(self, Interface interface, Packet packet, bint unicast, long long now) except *


@cython.final
cdef class Interface(Upper):
    cdef public Device device
    cdef public int index
    cdef public str name
    cdef public NeighbourTable neighbours
    cdef public object book
    cdef public Counters counters
    cdef public list addresses
    cdef public set groups
    cdef public bint accept_all, proxy_arp
    cdef public unsigned int primary
    cdef public NetworkProtocol ipv4, arp


cdef bint same_station(bytearray buf, Py_ssize_t at, bytes address) except -1
