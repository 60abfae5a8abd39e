cimport cython

from ..core.context cimport Context
from ..core.packet cimport Packet
from ..core.sender cimport Path, Sender, Transport
from .interface cimport Interface
from .ipv4_in cimport Ipv4Input
from .ipv4_out cimport Ipv4Output
from .local cimport LocalTable
from .neigh cimport Neighbour
from .path cimport IpPath
from .paths cimport Paths
from .settings cimport IpSettings

cdef int RTN_BROADCAST, RTN_LOCAL


cdef class IpLayer(Sender):
    cdef public Context context
    cdef public IpSettings settings
    cdef public list protocols
    cdef public dict interfaces
    cdef public LocalTable local
    cdef public object fib, pmtus, icmp
    cdef int _next_index
    cdef object _book, _arp
    cdef Ipv4Output _output
    cdef Ipv4Input _input
    cdef Paths _paths
