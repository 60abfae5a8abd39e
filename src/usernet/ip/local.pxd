cimport cython

cdef unsigned int IPV4_LIMITED_BROADCAST
cdef int RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST


@cython.final
cdef class LocalTable:
    cdef public dict unicast, broadcast

    cpdef int kind(self, unsigned int address) except -1
