from ..core.seq cimport seq_le, seq_lt
from ..wire.tcp cimport Segment
from .acked cimport Acked
from .reordering cimport sack_reordering
from .scoreboard cimport Scoreboard
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, R_EVER_RETRANS, R_SACKED
cdef int A_DSACK, A_DSACK_PROBE, CA_LOSS

cpdef void take_sacks(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked) except *
cdef bint _is_dsack(Tcb tcb, Segment seg) noexcept
cdef bint _dsack_seen(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked) noexcept
cdef void _duplicate_above(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked) except *
cdef bint _is_valid(Tcb tcb, Segment seg, Py_ssize_t i, bint duplicate) noexcept
