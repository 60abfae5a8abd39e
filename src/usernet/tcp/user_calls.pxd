cimport cython

from .arrivals cimport Arrivals
from .congestion.base cimport CongestionControl
from .delayed_ack cimport is_interactive, set_quickack
from .establish cimport set_buffers, set_tx_delay
from .fastopen_client cimport may_open_fast, open_fast
from .lifecycle cimport drop_received, finish, move, orphan_waits
from .output cimport output, push
from .transmit cimport send_reset, sync_mss
from .urgent cimport read_urgent, readable_now, was_read
from .window cimport set_clamp, set_low_water
from .receive cimport text_was_read
from .send_buffer cimport is_writeable
from .sending cimport send
from .settings cimport Settings, keepidle
from .tcb cimport Engine, Tcb
from .timeouts cimport timer_expired

cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP
cdef int CLOSE_WAIT, CLOSED, CLOSING, LAST_ACK, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, RCV_SHUTDOWN, SEND_SHUTDOWN, SYN_RECEIVED, SYN_SENT
cdef int ABORT, CLOSE, EAGAIN, ECONNABORTED, ECONNRESET, URG_VALID, WAIT_BUSY
cdef long long NEVER


cdef class Connection(Tcb):
    cpdef void timer_expired(self, int kind, long long now) except *
    cpdef long long send(self, bytes octets, long long now, unsigned int flags=*, Py_ssize_t done=*) except? -1
    cpdef bytes recv(self, Py_ssize_t n, bint peek, long long now)
    cpdef Py_ssize_t recv_into(self, memoryview into, bint peek, long long now) except? -1
    cdef bint _at_end(self) noexcept
    cdef bytes _recv_around_mark(self, Py_ssize_t n, bint peek, long long now)
    cpdef void push(self, long long now) except *
    cdef Py_ssize_t _recv_into_around_mark(self, memoryview into, bint peek, long long now) except? -1
    cpdef int recv_urgent(self, bint peek) except? -1
    cpdef bint is_open_fast(self) noexcept
    cpdef long long open_fast(self, bytes octets, long long now) except? -1
    cpdef bint may_open_fast(self, long long now) except *
    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef int take_error(self) except? -1
    cpdef void shutdown_send(self, long long now) except *
    cpdef void shutdown_recv(self, long long now) except *
    cdef void _queue_fin(self, long long now) except *
    cpdef void close(self, long long now) except *
    cpdef void abort(self, long long now) except *
    cpdef void settings_changed(self, long long now) except *
    cpdef void set_quickack(self, int value, long long now) except *
    cpdef bint quickack(self) noexcept
    cpdef void set_keepidle(self, long long span_ns, long long now) except *
    cpdef void set_low_water(self, long long octets) except *
    cpdef dict info(self, long long now=*)
