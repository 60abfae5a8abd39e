from ..core.seq cimport seq_le, seq_lt
from ..wire.tcp cimport Segment
from .scoreboard cimport Acked
from .tcb cimport Tcb

cdef int A_DATA_SACKED, A_DSACK

cpdef int take_sacks(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked) except -1
cdef bint _is_dsack(Segment seg, unsigned int prior_una) noexcept
