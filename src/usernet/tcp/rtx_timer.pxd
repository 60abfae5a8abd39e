from .tcb cimport Tcb

cdef int RTX_NONE

cpdef void arm_rtx(Tcb tcb, int kind, long long now) except *
cpdef void cancel_rtx(Tcb tcb) noexcept
