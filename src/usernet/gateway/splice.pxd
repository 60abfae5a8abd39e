cimport cython

from ..core.scheduler cimport Scheduler
from ..tcp.tcb cimport Tcb
from .runner cimport GuestEnd, KernelEnd, Relay, Runner

cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, UNWATCHED
cdef int CLOSE_WAIT, CLOSED, CLOSING, LAST_ACK, SYN_RECEIVED, SYN_SENT
cdef int EAGAIN, ENOBUFS
cdef Py_ssize_t TURN


@cython.final
cdef class Splice(Relay):
    cdef public object nat, kernel
    cdef public Tcb tcb
    cdef public Scheduler host
    cdef public Runner runner
    cdef public GuestEnd guest_end
    cdef public KernelEnd kernel_end
    cdef public int fd
    cdef public unsigned int interest
    cdef public bytes to_guest, to_kernel
    cdef public bint writing_done, reading_done, parked, closed

    cdef bint _kernel_alive(self, long long now) except *
    cdef bint _from_guest(self, Tcb tcb, long long now) except *
    cdef void _guest_gave_none(self, Py_ssize_t result, long long now) except *
    cdef bint _from_kernel(self, Tcb tcb, long long now) except *
    cdef void _kernel_broke(self, Tcb tcb, long long now) except *
    cdef void _guest_broke(self, long long now) except *
    cdef void _end(self, long long now, bint by_reset) except *
    cdef void _set_interest(self) except *
    cdef void _watch(self, unsigned int events) except *
