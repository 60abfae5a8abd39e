cimport cython

from ..core.context cimport Context
from ..core.datagramqueue cimport DatagramEndpoint, DatagramQueue
from ..core.packet cimport Packet, View, new_packet
from ..core.ready cimport Pollable
from ..core.sender cimport Path, Sender, is_multicast
from ..wire.udp cimport UdpHeader, pseudo_check

cdef int EACCES, EADDRNOTAVAIL, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOBUFS, EPIPE
cdef unsigned int CSUM_PARTIAL, CSUM_UNNECESSARY, IPPROTO_UDP, MAX_DATAGRAM
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
cdef unsigned int PMTUDISC_DO, PMTUDISC_WANT, SHUTDOWN_RECV, SHUTDOWN_SEND
cdef Py_ssize_t UDP_HLEN, COPY


@cython.final
cdef class UdpEndpoint(DatagramEndpoint):
    cdef public Context context
    cdef public Sender sender
    cdef public object table
    cdef public Pollable owner
    cdef public int family, addr_len, ifindex, mc_ifindex, err
    cdef public bytes local, remote, bound_address, mc_src
    cdef public unsigned int local_port, remote_port, sharing, tos, ttl, mark, df_mode, mc_ttl
    cdef public bint is_bound, broadcast, recverr, no_check, transparent, mc_loop, mc_all
    cdef public set memberships
    cdef public DatagramQueue queue
    cdef UdpHeader _header
    cdef Path _last_path
    cdef bytes _last_src
    cdef int _path_err

    cpdef void bind(self, bytes address, unsigned int port) except *
    cpdef void connect(self, bytes remote, unsigned int port) except *
    cpdef void disconnect(self) except *
    cpdef int send(self, bytes octets, bytes dst, unsigned int port, long long now, bytes src=*, unsigned int sport=*) except? -1
    cdef Packet _build(self, Path path, bytes octets, unsigned int sport, unsigned int dport)
    cdef Path _find_path(self, bytes dst, bytes src)
    cpdef Path path(self)
    cpdef void forget_path(self) except *
    cpdef void deliver(self, Packet packet) except *
    cpdef void fail(self, int err) except *
    cpdef void shutdown(self, int how) except *
    cpdef void close(self) except *
