from ..core.packet cimport Packet, View
from ..core.seq cimport seq_lt
from ..wire.tcp cimport Segment
from .tcb cimport Tcb
from .urgent_state cimport Urgent

cdef unsigned int MASK32, POLLIN, POLLPRI, URG
cdef int CLOSED, RCV_SHUTDOWN, EAGAIN, EINVAL, ENOTCONN
cdef int URG_AT_END, URG_NONE, URG_NOT_YET, URG_READ, URG_VALID

cpdef Urgent urgent_of(Tcb tcb)
cpdef void sent_urgent(Tcb tcb, unsigned int end) except *
cpdef unsigned int urgent_pointer(Tcb tcb, unsigned int seq) except? 0xFFFFFFFF
cpdef void urgent_arrives(Tcb tcb, Packet packet, Segment seg) except *
cdef void _take_pointer(Tcb tcb, Urgent urgent, Segment seg) except *
cdef int _octet_at(Packet packet, Segment seg, Py_ssize_t offset) except? -1
cpdef Py_ssize_t readable_now(Tcb tcb, Py_ssize_t n, bint peek) except? -1
cpdef void was_read(Tcb tcb) except *
cpdef int read_urgent(Tcb tcb, bint peek) except? -1
cpdef bint is_at_mark(Tcb tcb) noexcept
cpdef long long readable_before_mark(Tcb tcb) noexcept
