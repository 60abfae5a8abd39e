from ..core.seq cimport seq_add
from .congestion.base cimport CongestionControl
from .ecn cimport reduced
from .scoreboard cimport Scoreboard
from .tcb cimport Engine, Tcb
from .validation cimport conclude_phase, current_ssthresh, reduce_nonvalidated, reset_validated

cdef unsigned int INFINITE_SSTHRESH, R_EVER_RETRANS
cdef int CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY

cpdef void set_ca_state(Tcb tcb, int ca_state, long long now) except *
cpdef void begin_reduction(Tcb tcb, bint echoed, long long now) except *
cpdef void end_reduction(Tcb tcb, long long now) noexcept
cpdef void enter_cwr(Tcb tcb, long long now) except *
cpdef void enter_recovery(Tcb tcb, bint echoed, long long now) except *
cpdef void open_undo(Tcb tcb) noexcept
cpdef void keep_open(Tcb tcb, long long now) except *
cpdef bint retransmission_out(Tcb tcb) noexcept
cpdef void lost_without_congestion(Tcb tcb, long long now) except *
