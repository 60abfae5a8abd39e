cimport cython


@cython.final
cdef class Route:
    cdef public int initcwnd
    cdef public int initrwnd
    cdef public str congctl
    cdef public bytes prefix
    cdef public int prefixlen
    cdef public bytes gateway
    cdef public object interface
    cdef public int metric
    cdef public unsigned int mtu
    cdef public unsigned int advmss
    cdef public bytes src
    cdef public int protocol
    cdef public int scope


@cython.final
cdef class Fib:
    cdef object _changed
    cdef dict _tables
    cdef dict _lengths
    cdef list _ipv4

    cpdef Route lookup(self, bytes dst, int oif=*)
