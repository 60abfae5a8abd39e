cimport cython

from ..core.timers cimport Timer, TimerOwner, Timers
from .congestion.base cimport CongestionControl
from .sysctls cimport Sysctls

cdef long long NEVER, SECOND, ALL_HALVINGS
cdef int BURST_SHIFT


@cython.final
cdef class Pacer:
    cdef public Sysctls sysctls
    cdef public Timer timer
    cdef public bint is_on
    cdef public bint spreads
    cdef public long long rate
    cdef public long long max_rate
    cdef public long long next_at

    cpdef void setup(self, CongestionControl cc, long long max_rate, Timers timers, TimerOwner owner) except *
    cpdef void close(self) except *
    cpdef void update(self, CongestionControl cc, long long packets_out) noexcept
    cpdef long long window_rate(self, CongestionControl cc, long long packets_out) noexcept
    cpdef bint may_leave(self, long long now) except *
    cpdef void sent(self, long long octets, long long now) noexcept
    cpdef unsigned int burst(self, CongestionControl cc, long long packets_out, long long largest) noexcept
