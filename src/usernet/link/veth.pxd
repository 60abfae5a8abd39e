from ..core.packet cimport Packet
from .loopback cimport MemoryDevice

cdef unsigned int IFF_BROADCAST, IFF_MULTICAST, IFF_RUNNING, IFF_UP
cdef Py_ssize_t VLAN_HLEN


cdef class Veth(MemoryDevice):
    cdef public Veth peer
