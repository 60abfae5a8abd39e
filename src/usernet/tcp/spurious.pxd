from ..core.seq cimport seq_lt
from .acked cimport Acked
from .congestion.base cimport CongestionControl
from .ecn cimport undone
from .reduction cimport keep_open, retransmission_out, set_ca_state
from .reordering cimport sack_reordering
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb

cdef int CA_LOSS, CA_OPEN, RACK_STATIC
cdef unsigned int RACK_PERSIST

cpdef bint undo_recovery(Tcb tcb, Acked acked, long long now) except *
cpdef bint undo_by_dsack(Tcb tcb, long long now) except *
cpdef bint undo_loss(Tcb tcb, bint by_frto, Acked acked, long long now) except *
cpdef bint undo_partial(Tcb tcb, unsigned int prior_una, Acked acked, long long now) except *
cdef bint _may_undo(Tcb tcb, Acked acked) noexcept
cdef bint _was_delayed(Tcb tcb, Acked acked) noexcept
cdef void _undo(Tcb tcb, bint unmark, long long now) except *
cdef bint _holds(Tcb tcb) noexcept
