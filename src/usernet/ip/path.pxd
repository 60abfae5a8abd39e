cimport cython

from ..core.sender cimport Path
from ..link.device cimport Device
from .interface cimport Interface
from .neigh cimport Neighbour

cdef int RTN_LOCAL


@cython.final
cdef class IpPath(Path):
    cdef public Interface interface
    cdef public Device device
    cdef public bytes next_hop
    cdef public Neighbour neighbour
    cdef public int kind
    cdef public unsigned int src32, dst32
    cdef public Py_ssize_t ident_slot
    cdef public bint mtu_locked
