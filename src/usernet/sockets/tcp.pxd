from ..core.ready cimport Pollable
from ..tcp.sending cimport marks_of
from ..tcp.tcb cimport Tcb
from .base cimport Socket, byte_view, octets_of

cdef int TFO_CLIENT, CLOSED, CLOSING, FIN_WAIT_1, LAST_ACK, SYN_RECEIVED, SYN_SENT
cdef int EBADF, ENOTCONN, EPIPE
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, CLOSED_EVENTS, _LAST
cdef unsigned int MSG_EOR, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_ZEROCOPY, SEND_COPIED, RARE
cdef int MAX_FRAGS
cdef Py_ssize_t LEAST_PIECE, LARGEST_PIECE


cdef class TcpSocket(Socket):
    cdef public Tcb tcb
    cdef public object binding, listener, settings
    cdef public bint connected, connecting, inq, zerocopy
    cdef public long long peek_off

    cdef TcpSocket _adopt(self, Tcb tcb)
    cdef long long _send(self, bytes octets, unsigned int flags, long long deadline) except? -1
    cdef bint _is_deferred(self) except *
    cpdef Tcb readable(self, Py_ssize_t n)
    cpdef bint at_end(self, Tcb tcb) except *


cdef class _Unacknowledged(Pollable):
    cdef Tcb tcb
