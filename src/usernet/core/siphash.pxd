cimport cython

cdef unsigned long long MASK64, INIT_0, INIT_1, INIT_2, INIT_3


@cython.final
@cython.freelist(4)
cdef class _State:
    cdef unsigned long long v0, v1, v2, v3

    cdef void rounds(self, int n) noexcept


cdef _State _keyed(unsigned long long k0, unsigned long long k1)
cpdef unsigned long long siphash(unsigned long long k0, unsigned long long k1, bytes octets) except? 0
