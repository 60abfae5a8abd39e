cimport cython

from .packet cimport Packet


cdef class Path:
    cdef public int family, header_len
    cdef public bytes src, dst
    cdef public unsigned int mtu, gso_max, pseudo
    cdef public unsigned int advmss
    cdef public unsigned int initcwnd
    cdef public unsigned int initrwnd
    cdef public str congctl
    cdef public bint alive, local


cdef class Sender:
    cpdef Path path(self, bytes dst, bytes src, int oif)
    cpdef Path answering(self, bytes dst, bytes src, int oif)
    cpdef int send(self, Path path, Packet packet, long long now) except? -1
    cpdef bint is_local(self, bytes address) except *
    cpdef void confirm(self, Path path, long long now) except *
    cpdef void update_pmtu(self, bytes dst, unsigned int mtu, long long now) except *
    cpdef bint is_broadcast(self, bytes address) except *
    cpdef void port_unreachable(self, Packet packet, long long now) except *


@cython.final
cdef class IcmpError:
    cdef public int family, kind, code, err
    cdef public bint fatal
    cdef public unsigned int info
    cdef public object buf
    cdef public Py_ssize_t l4, end, addr_off, addr_len
    cdef public bytes offender


cdef class Transport:
    cpdef void receive(self, Packet packet, long long now) except *
    cpdef void error(self, IcmpError error, long long now) except *
    cpdef void paths_changed(self) except *


cpdef bint is_multicast(bytes address) except *
