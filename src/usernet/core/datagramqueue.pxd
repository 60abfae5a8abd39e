cimport cython

from .packet cimport Packet, View, octets_in
from .pool cimport MemoryPool
from .ring cimport Ring

cdef Py_ssize_t OVERHEAD


cpdef bytes payload(Packet packet, Py_ssize_t start, Py_ssize_t n)
cpdef Py_ssize_t payload_into(Packet packet, Py_ssize_t start, memoryview into) except -1


cdef class DatagramEndpoint:
    cdef public unsigned int shut

    cpdef Packet recv(self, bint peek)
    cpdef int take_error(self) except? -1
    cpdef unsigned int poll(self) except? 0xFFFFFFFF


@cython.final
cdef class DatagramQueue:
    cdef Ring _packets
    cdef public MemoryPool pool
    cdef public long long limit, used

    cpdef int put(self, Packet packet) except -1
    cpdef Packet first(self)
    cpdef Packet take(self)
    cpdef void clear(self) except *


cdef long long _truesize(Packet packet) except? -1
