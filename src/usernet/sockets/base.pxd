from ..core.ready cimport Pollable
from ..core.scheduler cimport Scheduler
from .file cimport File

cdef long long NEVER
cdef unsigned int MSG_DONTWAIT
cdef int EAGAIN, EBADF


cdef class Socket(File):
    cdef public object stack
    cdef public int family, ip_family, type, protocol, linger_s, rcvlowat, mark, priority, timestamp
    cdef public unsigned int sharing, rcvbuf, sndbuf
    cdef public long long timeout_ns, rcvtimeo_ns, sndtimeo_ns
    cdef public bint keepalive, broadcast, oobinline, freebind, transparent, linger_on
    cdef public str device_name
    cdef public unsigned long long cookie
    cdef public dict kept

    cpdef long long deadline(self, long long option_ns, unsigned int flags) except? -1
    cpdef void block(self, unsigned int events, long long deadline) except *
    cpdef void wait_for(self, Pollable source, unsigned int events, long long deadline) except *
    cpdef Pollable awaited(self)
    cpdef void check_open(self) except *
    cpdef int take_error(self) except? -1
    cpdef Py_ssize_t send(self, object data, unsigned int flags=*) except -1
    cpdef Py_ssize_t sendto(self, object data, unsigned int flags, object address) except -1
    cpdef tuple recvfrom(self, Py_ssize_t n, unsigned int flags=*)
    cpdef void sendall(self, object data, unsigned int flags=*) except *
    cpdef bytes recv(self, Py_ssize_t n, unsigned int flags=*)
    cpdef Py_ssize_t recv_into(self, object buffer, Py_ssize_t n=*, unsigned int flags=*) except -1


cpdef bytes octets_of(object data)
cpdef memoryview byte_view(object buffer, Py_ssize_t n)
