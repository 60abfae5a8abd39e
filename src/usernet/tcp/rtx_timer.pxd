from .tcb cimport Tcb

cdef int CA_CWR, CA_OPEN, RTX_NONE, RTX_REORDER, RTX_RETRANSMIT, RTX_TAIL
cdef long long MS, RTO_INITIAL, TIMEOUT_MIN, TIMER_SLACK

cpdef long long current_rto(Tcb tcb) noexcept
cpdef void arm_rtx(Tcb tcb, int kind, long long now) except *
cpdef void arm_after(Tcb tcb, int kind, long long span, long long now) except *
cpdef void cancel_rtx(Tcb tcb) noexcept
cpdef void rearm_rto(Tcb tcb, long long now) except *
cpdef void restart_timer(Tcb tcb, long long now) except *
cpdef bint schedule_probe(Tcb tcb, bint restart, long long now) except *
cdef long long _rto_left(Tcb tcb, long long now) except *
cpdef void heed_user_timeout(Tcb tcb, long long since, long long now) except *
