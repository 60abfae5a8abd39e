from ..core.packet cimport Packet

cdef unsigned int CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_ECN, GSO_TCPV4, GSO_TCPV6
cdef unsigned int F_NEEDS_CSUM, F_DATA_VALID

cpdef void emit(bytearray into, Packet packet) except *
cpdef bint parse(bytearray header, Packet packet) except *
