cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize

from .checksum cimport sum16, swap

cdef extern from *:
    """
    #include <string.h>

    static inline PyObject *usernet_zeroed(Py_ssize_t n) {
        PyObject *buf = PyByteArray_FromStringAndSize(NULL, n);
        if (buf != NULL) memset(PyByteArray_AS_STRING(buf), 0, (size_t)n);
        return buf;
    }
    static inline int usernet_put(PyObject *buf, Py_ssize_t at, PyObject *octets) {
        Py_ssize_t n = PyBytes_GET_SIZE(octets);
        if (n > PyByteArray_GET_SIZE(buf) - at) {
            PyErr_SetString(PyExc_BufferError, "a packet has no room for its payload");
            return -1;
        }
        memcpy(PyByteArray_AS_STRING(buf) + at, PyBytes_AS_STRING(octets), (size_t)n);
        return 0;
    }
    """
    int put "usernet_put"(bytearray buf, Py_ssize_t at, bytes octets) except -1
    bytearray zeroed "usernet_zeroed"(Py_ssize_t n)

cdef bint COMPILED
cdef unsigned int CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY
cdef Py_ssize_t HEADROOM, UDP_CHECK_OFFSET


@cython.final
cdef class View:
    cdef public object base
    cdef public Py_ssize_t start, end

    cpdef bytes tobytes(self)
    cpdef object memory(self)


@cython.final
cdef class Packet:
    cdef public bytearray buf
    cdef public Py_ssize_t head, tail, l3, l4, frags_len, csum_start, csum_offset, addr_off, addr_len
    cdef public list frags
    cdef public unsigned int csum, gso_type, gso_size, protocol, tos, ttl, mark
    cdef public bint df
    cdef public long long timestamp
    cdef public object device

    cdef void _fill(self, bytearray buf, Py_ssize_t head, Py_ssize_t tail) except *
    cpdef Py_ssize_t length(self) noexcept
    cpdef Py_ssize_t push(self, Py_ssize_t n) except -1
    cpdef void append(self, bytes octets) except *
    cpdef void add_frag(self, View view) except *
    cpdef void linearize(self) except *
    cpdef bytes tobytes(self)
    cpdef Packet clone(self)
    cpdef unsigned int sum_from(self, Py_ssize_t start, unsigned int acc) except? 0xFFFFFFFF
    cpdef unsigned int finished_checksum(self) except? 0xFFFFFFFF
    cpdef void complete_checksum(self) except *


cdef inline bytes octets_at(bytearray buf, Py_ssize_t at, Py_ssize_t n):
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(buf) + at, n)


cpdef View make_view(object base, Py_ssize_t start, Py_ssize_t end)
cpdef bytes octets_in(bytearray buf, Py_ssize_t at, Py_ssize_t n)
cpdef Packet new_packet(Py_ssize_t size)
cpdef Packet make_packet(bytearray buf, Py_ssize_t head, Py_ssize_t tail)
