from ..core.seq cimport seq_lt
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb

cdef unsigned int MASK32

cpdef unsigned int highest_delivered(Tcb tcb) noexcept
cpdef void sack_reordering(Tcb tcb, unsigned int low, bint by_timestamp) noexcept
cpdef void check_reno(Tcb tcb, int addend) noexcept
cdef void _grow(Tcb tcb, int distance) noexcept
