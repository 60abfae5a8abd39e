cimport cython

from ..core.bytequeue cimport ByteQueue
from ..core.packet cimport Packet, View, make_packet
from ..core.seq cimport seq_le, seq_lt

cdef unsigned int MASK32, HELD_OVERHEAD
cdef Py_ssize_t HELD_BUFFER, HELD_HEADERS


@cython.final
cdef class Held:
    cdef public Packet packet
    cdef public Py_ssize_t data, skip
    cdef public unsigned int start, end


@cython.final
cdef class Reassembly:
    cdef public list held
    cdef public long long memory
    cdef public unsigned int twice_left
    cdef public unsigned int twice_right

    cpdef Held insert(self, Packet packet, Py_ssize_t data, unsigned int start, unsigned int end)
    cpdef unsigned int drain(self, unsigned int rcv_nxt, ByteQueue into) except? 0xFFFFFFFF
    cpdef long long drop_last(self) except *
    cpdef unsigned int end(self) except? 0xFFFFFFFF
    cpdef void clear(self) except *
    cdef void _came_twice(self, unsigned int left, unsigned int right) noexcept
    cdef Py_ssize_t _after(self, unsigned int start) except -1


cdef Py_ssize_t _pinned(Packet packet) except -1
cdef Packet _copied(Packet packet, Py_ssize_t start, Py_ssize_t skip, Py_ssize_t n)
