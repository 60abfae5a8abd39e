from ..core.packet cimport Packet
from ..core.ring cimport Ring
from .device cimport Device

cdef unsigned int F_ALL, IFF_LOOPBACK, MAX_DATAGRAM
cdef Py_ssize_t BACKLOG


cdef class MemoryDevice(Device):
    cdef public Py_ssize_t backlog
    cdef public bint closed
    cdef Ring _queue
    cdef bint _announced

    cpdef bint enqueue(self, Packet packet) except *
    cdef void _announce(self) except *


cdef class Loopback(MemoryDevice):
    pass
