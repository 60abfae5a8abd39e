cimport cython

from ..core.timers cimport Timer
from .compression cimport Compression
from .tcb cimport Engine, Tcb
from .transmit cimport send_ack
from .window cimport window_offer

cdef long long MS, ATO_MIN, DELACK_MAX
cdef int ACK_NOW, ACK_PUSHED, ACK_PUSHED2, ACK_SCHED, CLOSED, QUICK_ACKS, RCV_SHUTDOWN, T_COMPRESS
cdef int DUPLICATES

cpdef void more_quick_acks(Tcb tcb) noexcept
cpdef void quick_acks(Tcb tcb) noexcept
cpdef bint is_interactive(Tcb tcb) noexcept
cpdef void note_gap(Tcb tcb, long long now) noexcept
cpdef void acknowledge_text(Tcb tcb, long long now) except *
cpdef long long longest_delay(Tcb tcb) noexcept
cdef void _delay(Tcb tcb, long long now) except *
cpdef void delayed_ack_is_due(Tcb tcb, long long now) except *
cdef void _compress(Tcb tcb, long long now) except *
cpdef void send_compressed(Tcb tcb, long long now) except *
cpdef void text_left_queue(Tcb tcb, Py_ssize_t n, long long now) except *
cpdef void set_quickack(Tcb tcb, int value, long long now) except *
