cimport cython

from ..core.context cimport Context
from ..core.counters cimport Counters, IpExtMib, IpMib
from ..core.packet cimport Packet
from ..core.sender cimport Transport
from ..wire.ipv4 cimport Ipv4Header, scan_options
from .forward cimport Forwarder
from .interface cimport Interface, NetworkProtocol
from .local cimport LocalTable
from .settings cimport IpSettings

cdef unsigned int IPPROTO_TCP, IPV4_ALL_SYSTEMS, IPV4_LIMITED_BROADCAST, IFF_LOOPBACK
cdef int HEADER_BAD_CHECKSUM, HEADER_OK, HEADER_TRUNCATED, OPTIONS_PLAIN, OPTIONS_SOURCE_ROUTE
cdef int RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
cdef Py_ssize_t IPV4_HLEN


@cython.final
cdef class Ipv4Input(NetworkProtocol):
    cdef Counters _counters
    cdef IpMib _ip
    cdef IpExtMib _ext
    cdef IpSettings _settings
    cdef LocalTable _local
    cdef Forwarder _forwarder
    cdef object _fib, _icmp, _reassembler
    cdef list _protocols
    cdef Ipv4Header _header
    cdef unsigned int _good_source
    cdef Interface _good_interface

    cpdef void addresses_changed(self) except *
    cdef void _deliver(self, Packet packet, int kind, long long now) except *
    cdef void _bad_header(self, int found) except *
    cdef void _count_ecn(self, Packet packet, Ipv4Header header, Py_ssize_t size) except *
    cdef bint _trim(self, Packet packet, Ipv4Header header, Py_ssize_t size) except -1
    cdef bint _options_valid(self, Packet packet, int kind, long long now) except -1
    cdef bint _source_valid(self, Interface interface, Ipv4Header header) except -1
    cdef bint _reverse_path(self, Interface interface, Ipv4Header header) except -1
    cdef int _destination(self, Interface interface, Ipv4Header header, bint unicast) except? -2
    cdef int _foreign(self, Interface interface, unsigned int dst) except? -2
