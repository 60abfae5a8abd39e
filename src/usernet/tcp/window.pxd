cimport cython

from ..core.seq cimport seq_add, seq_lt
from .space cimport ReceiveSpace, packet_cost
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32
cdef long long LEAST_CLAMP, INIT_SEGMENTS, READ_PIECE
cdef int ACK_NOMEM, SYN_RECEIVED

cpdef void begin(Tcb tcb, long long now) noexcept
cpdef long long window_offer(Tcb tcb) noexcept
cpdef unsigned int select_window(Tcb tcb) noexcept
cpdef unsigned int widest_window(Tcb tcb) noexcept
cpdef void spare(Tcb tcb) noexcept
cpdef void set_clamp(Tcb tcb, long long clamp) noexcept
cpdef bint measure_mss(Tcb tcb, unsigned int size, unsigned int n, unsigned int header, bint pushed, bint flagged) noexcept
cdef void _measure_ratio(Tcb tcb, unsigned int n, unsigned int header) noexcept
cdef long long _largest(Tcb tcb) noexcept
cpdef void grow_window(Tcb tcb, long long n, long long cost) noexcept
cdef long long _growth_of_small(Tcb tcb, long long n, long long cost) noexcept
cpdef void measure_rtt(Tcb tcb, long long now) noexcept
cpdef void text_copied(Tcb tcb, Py_ssize_t n, long long now) noexcept
cpdef void grow_buffer(Tcb tcb, long long target) noexcept
cpdef void set_low_water(Tcb tcb, long long octets) noexcept
