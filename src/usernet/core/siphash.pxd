cimport cython

cdef unsigned long long MASK64


@cython.final
@cython.freelist(4)
cdef class _State:
    cdef unsigned long long v0, v1, v2, v3

    cdef void rounds(self, int n) noexcept


cpdef unsigned long long siphash(unsigned long long k0, unsigned long long k1, bytes octets) except? 0
