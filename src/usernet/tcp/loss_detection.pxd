from .rack cimport Rack
from .record cimport SendOrder, SentRecord
from .rtx_timer cimport arm_after, current_rto
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb

cdef int CA_RECOVERY, RTX_REORDER, RACK_ON, RACK_NO_DUPTHRESH
cdef long long TIMER_SLACK

cpdef bint uses_rack(Tcb tcb) noexcept
cpdef bint detect_losses(Tcb tcb, bint advanced, long long now) except *
cpdef bint rack_detect(Tcb tcb, long long now) except *
cpdef long long reordering_window(Tcb tcb) noexcept
