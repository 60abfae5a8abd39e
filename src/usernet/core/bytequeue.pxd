cimport cython

from .packet cimport Packet, View, make_view

cdef Py_ssize_t COALESCE, JOINED_MAX


@cython.final
cdef class ByteQueue:
    cdef object _views
    cdef bytearray _joined
    cdef public Py_ssize_t length

    cpdef void append(self, View view) except *
    cpdef void append_payload(self, Packet packet, Py_ssize_t start) except *
    cpdef void append_slice(self, Packet packet, Py_ssize_t start, Py_ssize_t skip, Py_ssize_t n) except *
    cdef void _join(self, bytearray buf, Py_ssize_t start, Py_ssize_t size) except *
    cdef void _copy(self, bytearray buf, Py_ssize_t start, Py_ssize_t size) except *
    cpdef bytes read(self, Py_ssize_t n, bint peek)
    cpdef Py_ssize_t read_into(self, memoryview into, bint peek) except -1
    cpdef void discard(self, Py_ssize_t n) except *
    cpdef void clear(self) except *


@cython.final
@cython.freelist(64)
cdef class Chunk:
    cdef public bytes base
    cdef public unsigned long long start, end
    cdef public Chunk next


@cython.final
cdef class SendQueue:
    cdef Chunk _head, _tail, _cursor, _found
    cdef public unsigned long long base, end

    cpdef void append(self, bytes octets) except *
    cpdef void append_part(self, bytes octets, Py_ssize_t start, Py_ssize_t n) except *
    cpdef void gather(self, Packet packet, unsigned long long at, Py_ssize_t n) except *
    cpdef Chunk found(self)
    cpdef Chunk look_at(self, Chunk chunk)
    cpdef void release(self, unsigned long long upto) except *
    cpdef void clear(self) except *
