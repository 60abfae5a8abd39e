cimport cython

cdef unsigned long long MASK64, INIT_0, INIT_1, INIT_2, INIT_3

cpdef unsigned long long siphash(unsigned long long k0, unsigned long long k1, bytes octets) except? 0
