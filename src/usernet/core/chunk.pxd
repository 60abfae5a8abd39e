cimport cython


@cython.final
cdef class Chunk:
    cdef public bytes base
    cdef public unsigned long long start, end
    cdef public Chunk next


cpdef Chunk make_chunk(bytes base, unsigned long long start, unsigned long long end)
