cimport cython

from ..core.checksum cimport sum16
from ..core.context cimport Context
from ..core.packet cimport Packet
from ..core.sender cimport Path, Sender, Transport
from .interface cimport Interface
from .ipv4_in cimport Ipv4Input
from .ipv4_out cimport Ipv4Output
from .local cimport LocalTable
from .neigh cimport Neighbour
from .path cimport IpPath
from .settings cimport IpSettings

cdef int RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
cdef Py_ssize_t MAX_PATHS
cdef unsigned int MAX_DATAGRAM


cdef class IpLayer(Sender):
    cdef public Context context
    cdef public IpSettings settings
    cdef public list protocols
    cdef public dict interfaces
    cdef public Interface loopback
    cdef public LocalTable local
    cdef public object fib, pmtus, icmp
    cdef int _next_index
    cdef dict _paths
    cdef object _book, _arp
    cdef Ipv4Output _output
    cdef Ipv4Input _input
