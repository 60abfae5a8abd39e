cimport cython

from ..core.checksum cimport sum16
from .fib cimport Fib, Route
from .interface cimport Interface
from .ipv4_out cimport Ipv4Output
from .local cimport LocalTable
from .neigh cimport Neighbour
from .path cimport IpPath

cdef int RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
cdef Py_ssize_t MAX_PATHS
cdef unsigned int MAX_DATAGRAM, HEADERS


@cython.final
cdef class Paths:
    cdef public Fib fib
    cdef public object pmtus
    cdef public LocalTable local
    cdef public Ipv4Output output
    cdef public dict interfaces
    cdef public Interface loopback
    cdef dict _paths
    cdef dict _narrow
    cdef IpPath _passing
    cdef Route _passing_route

    cpdef IpPath find(self, bytes dst, bytes src, int oif)
    cpdef IpPath passing(self, bytes dst, bytes src, int oif)
    cdef IpPath _unkept(self, bytes dst, bytes src, int oif)
    cpdef void clear(self) except *
