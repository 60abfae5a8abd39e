from .tcb cimport Tcb

cdef unsigned int POLLOUT

cpdef void wake_sender(Tcb tcb) except *
cpdef void grow_send_buffer(Tcb tcb) except *
