cimport cython

from ..core.packet cimport Packet
from .gso cimport segment

cdef unsigned int CSUM_PARTIAL, GSO_ACCECN, GSO_ECN, GSO_TCPV4, F_ACCECN, F_CSUM, F_TSO4, F_TSO6, F_SG, IFF_UP, IFF_RUNNING
cdef int ETH_ALEN, ETH_HLEN


cdef class Upper:
    cpdef void receive_frame(self, Device device, Packet packet, long long now) except *


cdef class Stage:
    cpdef void process(self, Packet packet, long long now) except *


cdef class Coalescer:
    cpdef void add(self, Packet packet, long long now) except *
    cpdef void flush(self, long long now) except *


cdef class ReadySink:
    cpdef void device_ready(self, Device device) except *


cdef class Tap:
    cpdef void frame(self, Device device, Packet packet, bint outgoing, long long now) except *


@cython.final
cdef class DeviceStats:
    cdef public unsigned long long rx_packets, rx_bytes, rx_errors, rx_dropped
    cdef public unsigned long long tx_packets, tx_bytes, tx_errors, tx_dropped


cdef class Device:
    cdef public str name, kind
    cdef public bytes address
    cdef public unsigned int mtu, gso_max, features, flags
    cdef public int index, header_len
    cdef public bint is_blocked
    cdef public Upper upper
    cdef public Stage egress, ingress
    cdef public Coalescer gro
    cdef public list taps
    cdef public ReadySink sink
    cdef public DeviceStats stats

    cpdef bint transmit(self, Packet packet, long long now) except *
    cpdef void flush(self) except *
    cpdef int fileno(self) except? -2
    cpdef int receive_batch(self, int budget, long long now) except -1
    cpdef bint pending(self) except *
    cpdef void close(self) except *
    cpdef void send(self, Packet packet, long long now) except *
    cpdef void emit(self, Packet packet, long long now) except *
    cdef void _put(self, Packet packet, long long now) except *
    cpdef void deliver(self, Packet packet, long long now) except *
    cpdef void pass_up(self, Packet packet, long long now) except *
    cpdef void end_batch(self, long long now) except *
    cdef void _show(self, Packet packet, bint outgoing, long long now) except *
