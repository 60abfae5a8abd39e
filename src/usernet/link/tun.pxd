cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING
from libc.errno cimport EAGAIN as C_EAGAIN, EINTR as C_EINTR, errno

from ..core.packet cimport Packet, View
from ..wire.virtio cimport emit, parse
from .device cimport Device

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len
    ssize_t readv(int fd, const iovec *parts, int count)
    ssize_t writev(int fd, const iovec *parts, int count)

cdef int EAGAIN, EBADF, EBADFD
cdef unsigned int F_ACCECN, F_ALL, F_SG, IFF_RUNNING, MAX_DATAGRAM
cdef bint COMPILED
cdef Py_ssize_t COPY_LIMIT, FRAME_ROOM, MAX_VIEWS, RX_HEADROOM


cdef class TunTapDevice(Device):
    cdef int _fd
    cdef Py_ssize_t _vnet_len
    cdef bytearray _frame, _vnet
    cdef bint _gone

    cdef void _take(self, Py_ssize_t n, long long now) except *
    cdef void _lost(self) except *


cdef bytearray _new_frame()


cdef inline bytearray raw_bytearray(Py_ssize_t n):
    # Not zeroed: the kernel writes it, and nobody reads past what it wrote.
    return PyByteArray_FromStringAndSize(NULL, n)


cdef inline Py_ssize_t read_frame(int fd, bytearray vnet, bytearray frame, Py_ssize_t headroom) noexcept:
    cdef iovec parts[2]
    cdef ssize_t n
    parts[0].iov_base = PyByteArray_AS_STRING(vnet)
    parts[0].iov_len = PyByteArray_GET_SIZE(vnet)
    parts[1].iov_base = PyByteArray_AS_STRING(frame) + headroom
    parts[1].iov_len = PyByteArray_GET_SIZE(frame) - headroom
    n = readv(fd, parts, 2)
    while n < 0 and errno == C_EINTR:
        n = readv(fd, parts, 2)
    return -errno if n < 0 else n


cdef inline Py_ssize_t write_packet(int fd, bytearray vnet, Packet packet) except? -1:
    cdef iovec parts[128]
    cdef int count = 2
    cdef ssize_t n
    cdef View view
    parts[0].iov_base = PyByteArray_AS_STRING(vnet)
    parts[0].iov_len = PyByteArray_GET_SIZE(vnet)
    parts[1].iov_base = PyByteArray_AS_STRING(packet.buf) + packet.head
    parts[1].iov_len = packet.tail - packet.head
    if packet.frags is not None:
        for item in packet.frags:
            view = item
            if type(view.base) is bytes:
                parts[count].iov_base = PyBytes_AS_STRING(view.base) + view.start
            else:
                parts[count].iov_base = PyByteArray_AS_STRING(<bytearray?>view.base) + view.start
            parts[count].iov_len = view.end - view.start
            count += 1
    n = writev(fd, parts, count)
    while n < 0 and errno == C_EINTR:
        n = writev(fd, parts, count)
    return -errno if n < 0 else n
