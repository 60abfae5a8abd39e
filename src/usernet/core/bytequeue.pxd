cimport cython

from .chunk cimport Chunk, make_chunk
from .packet cimport Packet, View, make_view

cdef extern from *:
    """
    #include <string.h>

    static inline const char *usernet_octets(PyObject *base) {
        return PyBytes_Check(base) ? PyBytes_AS_STRING(base) : PyByteArray_AS_STRING(base);
    }
    static inline PyObject *usernet_copied(PyObject *base, Py_ssize_t start, Py_ssize_t n) {
        return PyBytes_FromStringAndSize(usernet_octets(base) + start, n);
    }
    /* False for a view that strides: the caller has another way. */
    static inline int usernet_fill(PyObject *into, Py_ssize_t at, PyObject *base, Py_ssize_t start, Py_ssize_t n) {
        Py_buffer *room = PyMemoryView_GET_BUFFER(into);
        if (room->readonly || room->itemsize != 1 || !PyBuffer_IsContiguous(room, 'C')) return 0;
        memcpy((char *)room->buf + at, usernet_octets(base) + start, (size_t)n);
        return 1;
    }
    """
    bytes copied "usernet_copied"(object base, Py_ssize_t start, Py_ssize_t n)
    bint fill "usernet_fill"(object into, Py_ssize_t at, object base, Py_ssize_t start, Py_ssize_t n)

cdef Py_ssize_t COALESCE, JOINED_MAX, SLACK
cdef bint COMPILED
cdef View READ


@cython.final
cdef class ByteQueue:
    cdef list _views
    cdef Py_ssize_t _first
    cdef bytearray _joined
    cdef public Py_ssize_t length

    cpdef void append(self, View view) except *
    cpdef void append_payload(self, Packet packet, Py_ssize_t start) except *
    cpdef void append_slice(self, Packet packet, Py_ssize_t start, Py_ssize_t skip, Py_ssize_t n) except *
    cdef void _join(self, object buf, Py_ssize_t start, Py_ssize_t size) except *
    cdef void _copy(self, bytearray buf, Py_ssize_t start, Py_ssize_t size) except *
    cpdef bytes read(self, Py_ssize_t n, bint peek)
    cdef bytes _copy_out(self, Py_ssize_t n)
    cpdef bytes look(self, Py_ssize_t skip, Py_ssize_t n)
    cdef list _pieces(self, Py_ssize_t skip, Py_ssize_t n)
    cpdef Py_ssize_t read_into(self, memoryview into, bint peek) except -1
    cpdef void discard(self, Py_ssize_t n) except *
    cpdef void clear(self) except *


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
