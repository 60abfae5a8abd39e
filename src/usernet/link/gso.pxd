from ..core.checksum cimport checksum, pseudo_sum
from ..core.packet cimport Packet, View

cdef unsigned int CSUM_PARTIAL, GSO_ACCECN, MASK32, TCP_FIN, TCP_PSH, TCP_CWR
cdef Py_ssize_t RX_HEADROOM, TCP_CHECKSUM

cpdef list segment(Packet packet, Py_ssize_t header_len)
cpdef Py_ssize_t find_tcp(bytearray buf, Py_ssize_t l3, Py_ssize_t end) except? -2
cdef list _cut(Packet packet, bytearray header, Py_ssize_t shift, Py_ssize_t l3, Py_ssize_t l4, Py_ssize_t payload)
cdef void _copy_meta(Packet packet, Packet piece) noexcept
cdef void _set_ip(bytearray buf, Py_ssize_t l3, Py_ssize_t l4, Py_ssize_t length, unsigned int number, bint ipv4) except *
cdef void _set_tcp(Packet piece, unsigned int acc, Py_ssize_t length, Py_ssize_t offset, bint last, bint once) except *
