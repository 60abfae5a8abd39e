cimport cython

from ..core.counters cimport TcpExtMib
from ..core.packet cimport Packet
from ..wire.tcp cimport Segment

cdef unsigned int AUTH_BAD, OPT_MD5


cdef class Auth:
    cdef public TcpExtMib ext
    cdef public bytes local, remote
    cdef public unsigned int room

    cpdef void sign(self, Packet packet) except *
    cpdef bint accepts(self, Packet packet, Segment seg) except -1
    cpdef bint ignores_icmp(self, int kind, int code) except -1


cpdef bint accepts(Auth auth, TcpExtMib ext, Packet packet, Segment seg) except -1
cpdef void unexpected(TcpExtMib ext, Segment seg) noexcept
