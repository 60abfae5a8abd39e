cimport cython

from ..core.context cimport Context
from ..core.counters cimport IcmpMib, IpExtMib, IpMib
from ..core.entropy cimport KeyedHash
from ..core.packet cimport Packet, View
from ..wire.ipv4 cimport emit_ipv4, fix_checksum
from .neigh cimport Neighbour, send_framed
from .path cimport IpPath
from .settings cimport IpSettings

cdef int EMSGSIZE, ENOBUFS, RTN_BROADCAST, RTN_MULTICAST
cdef unsigned int IPPROTO_ICMP, IP_DF, IP_MF, IP_OFFSET
cdef Py_ssize_t IPV4_HLEN, MAX_DATAGRAM, HEADROOM, IDENTS


@cython.final
cdef class Ipv4Output:
    cdef Context _context
    cdef IpMib _ip
    cdef IcmpMib _icmp
    cdef IpExtMib _ext
    cdef IpSettings _settings
    cdef KeyedHash _hash
    cdef list _idents

    cpdef Py_ssize_t ident_slot(self, bytes src, bytes dst) except -1
    cpdef int send(self, IpPath path, Packet packet, long long now) except? -1
    cpdef int transmit(self, IpPath path, Packet packet, long long now) except? -1
    cpdef int fragment(self, IpPath path, Packet packet, long long now) except? -1
    cdef int _resolve(self, IpPath path, Packet packet, long long now) except? -1
    cdef unsigned int _next_ident(self, IpPath path, Packet packet) except? 0xFFFFFFFF
    cdef void _count_icmp(self, Packet packet) except *
    cdef void _count_group(self, IpPath path, Packet packet) except *
