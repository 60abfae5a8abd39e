from .fastopen cimport FastOpen
from .metrics cimport save_metrics
from .tcb cimport Engine, Tcb

cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
cdef int CLOSE_WAIT, CLOSED, ESTABLISHED, FIN_WAIT_2, RCV_SHUTDOWN, RTX_NONE, SEND_SHUTDOWN, SYN_RECEIVED, SYN_SENT, T_KEEP, WAIT_BUSY
cdef int ABORT, RCV_RST, TIMEOUT, ECONNREFUSED, ECONNRESET, EPIPE

cpdef void move(Tcb tcb, int event) except *
cpdef void finish(Tcb tcb, int event, int err) except *
cpdef void retire(Tcb tcb) except *
cdef void _fast_open_ends(Tcb tcb, FastOpen fast) except *
cpdef void drop_held(Tcb tcb) except *
cpdef void drop_received(Tcb tcb) except *
cpdef void peer_reset(Tcb tcb, long long now) except *
cpdef void time_wait(Tcb tcb, long long now) except *
cpdef void timed_out(Tcb tcb, int err) except *
cpdef void orphan_waits(Tcb tcb, long long now) except *
