cimport cython

from .siphash cimport siphash

cdef unsigned long long MASK64
cdef Py_ssize_t _BLOCK


@cython.final
cdef class Entropy:
    cdef bytes _key, _block
    cdef unsigned long long _counter
    cdef Py_ssize_t _position

    cpdef unsigned int u32(self) except? 0xFFFFFFFF
    cpdef unsigned int below(self, unsigned int n) except? 0xFFFFFFFF
    cpdef double unit(self) except? -1
    cdef void _refill(self) except *


@cython.final
cdef class KeyedHash:
    cdef unsigned long long _k0, _k1

    cpdef unsigned long long of(self, bytes octets, Py_ssize_t n=*) except? 0
