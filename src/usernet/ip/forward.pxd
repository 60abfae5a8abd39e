cimport cython

from ..core.checksum cimport checksum_adjust
from ..core.counters cimport Counters
from ..core.packet cimport Packet
from ..link.gso cimport find_tcp, segment
from ..wire.ipv4 cimport Ipv4Header
from .interface cimport Interface
from .ipv4_out cimport Ipv4Output
from .path cimport IpPath
from .paths cimport Paths

cdef unsigned int CSUM_PARTIAL


@cython.final
cdef class Forwarder:
    cdef Counters _counters
    cdef Paths _paths
    cdef Ipv4Output _output
    cdef object _icmp

    cpdef void forward(self, Interface interface, Packet packet, Ipv4Header header, long long now) except *
    cdef void _put(self, IpPath path, Packet packet, long long now) except *


cpdef bint offload_holds(Packet packet) except *
cpdef Py_ssize_t wire_size(Packet packet) except -1
cpdef void decrement_ttl(Packet packet) except *
