cimport cython

from ..core.seq cimport seq_lt
from .congestion.base cimport CongestionControl
from .tcb cimport Tcb

cdef int CA_CWR, CA_OPEN, CA_RECOVERY

cpdef void restart_after_idle(Tcb tcb, long long now) except *
cpdef unsigned int current_ssthresh(Tcb tcb) noexcept
cpdef void validate_cwnd(Tcb tcb, bint limited, long long now) noexcept
cdef void _fade(Tcb tcb, long long now) noexcept
