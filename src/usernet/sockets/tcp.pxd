from ..core.ready cimport Pollable
from ..core.scheduler cimport Lock
from ..tcp.errqueue cimport ErrorQueue
from ..tcp.tcb cimport Tcb
from .base cimport Socket, byte_view, octets_of

cdef int CLOSED, SYN_RECEIVED, SYN_SENT
cdef int EAGAIN, EBADF, ENOTCONN, EPIPE
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, CLOSED_EVENTS
cdef unsigned int MSG_ALWAYS, MSG_EOR, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_ZEROCOPY, SEND_COPIED, RARE
cdef int MAX_FRAGS
cdef Py_ssize_t LEAST_PIECE, LARGEST_PIECE


cdef class TcpSocket(Socket):
    cdef public Tcb tcb
    cdef public ErrorQueue errors
    cdef public object binding, listener, repair, settings
    cdef public int err
    cdef public bint connected, connecting, inq, zerocopy
    cdef public long long peek_off
    cdef public unsigned int rare

    cdef TcpSocket _adopt(self, Tcb tcb)
    cpdef long long send_octets(self, bytes octets, unsigned int flags, long long deadline) except? -1
    cpdef bytes recv_octets(self, Py_ssize_t n, unsigned int flags)
    cpdef bint is_deferred(self) except *
    cpdef Tcb readable(self, Py_ssize_t n, long long deadline)
    cpdef long long wait_for_text(self, long long deadline) except? -1
    cpdef void was_read(self, long long n) except *
    cpdef bint at_end(self, Tcb tcb) except *
