from ..udp.endpoint cimport UdpEndpoint
from .datagram cimport DatagramSocket

cdef unsigned int MSG_MORE


cdef class UdpSocket(DatagramSocket):
    cdef public UdpEndpoint udp
    cdef bytes _held, _held_to
    cdef unsigned int _held_port
