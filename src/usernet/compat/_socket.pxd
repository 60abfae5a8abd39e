cimport cython

from ..sockets.base cimport Socket
from .addresses cimport parse_address

cdef long long NEVER
cdef int AF_INET, AF_INET6, SOCK_STREAM, SOCK_NONBLOCK, TYPE_FLAGS, FD_BASE


cdef class socket:
    cdef int _family, _type, _proto
    cdef object _fd, _kernel
    cdef Socket _sock
    cdef long long _timeout_ns

    cpdef long long _deadline(self) except? -1
    cpdef bint _wait(self, unsigned int events, long long deadline) except *
