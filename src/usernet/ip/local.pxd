cimport cython

cdef unsigned int IPV4_LIMITED_BROADCAST
cdef int RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST


@cython.final
cdef class LocalTable:
    cdef public dict unicast, broadcast
    cdef public unsigned long long marks

    cpdef int kind(self, unsigned int address) except -1
    cdef void _note_marks(self) except *


cdef unsigned long long _mark(unsigned int address) noexcept
