cimport cython

from ..core.seq cimport seq_lt
from .congestion.base cimport CongestionControl
from .cwv cimport WindowValidation
from .tcb cimport Tcb

cdef long long SECOND, NVP
cdef int CA_CWR, CA_OPEN, CA_RECOVERY, GROWS, GROWS_WHEN_FULL

cpdef void restart_after_idle(Tcb tcb, long long now) except *
cpdef unsigned int current_ssthresh(Tcb tcb) noexcept
cpdef void validate_cwnd(Tcb tcb, bint limited, long long now) noexcept
cdef void _fade(Tcb tcb, long long now) noexcept
cpdef void begin_validation(Tcb tcb) except *
cpdef void measure_pipe(Tcb tcb, long long delivered, long long now) except *
cpdef void conclude_phase(Tcb tcb) except *
cpdef void reduce_nonvalidated(Tcb tcb) noexcept
cpdef void reset_validated(Tcb tcb) noexcept
cpdef void time_out_nonvalidated(Tcb tcb) noexcept
cdef long long _loss_pipe(Tcb tcb) noexcept
cdef unsigned int _half_of(long long segs, long long least) noexcept
cdef void _resume(Tcb tcb, long long now) except *
cdef void _judge(Tcb tcb, long long since, long long now) except *
cdef void _enter_phase(Tcb tcb, bint is_nonvalidated) except *
cdef void _end_periods(Tcb tcb, long long now) noexcept
