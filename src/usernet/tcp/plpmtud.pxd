cimport cython

from .congestion.base cimport CongestionControl
from .mtu cimport MtuProbe
from .reduction cimport lost_without_congestion
from .retransmit cimport retransmit_lost
from .sysctls cimport Sysctls
from .tcb cimport Tcb
from .transmit cimport mss_of, mtu_of, sync_mss
from .validation cimport current_ssthresh

cdef unsigned int MASK32
cdef int CA_OPEN, LEAST_CWND, NO_PROBE, SYN_SENT, WAIT

cpdef void begin_search(Tcb tcb, long long now) noexcept
cpdef int probe_length(Tcb tcb, unsigned int mss, long long unsent, long long now) except? -2
cpdef void probe_sent(Tcb tcb, unsigned int size) noexcept
cpdef void probe_succeeded(Tcb tcb) noexcept
cpdef void probe_failed(Tcb tcb, long long now) except *
cpdef void suspect_black_hole(Tcb tcb, long long now) noexcept
cpdef void resend_too_long(Tcb tcb, long long now) except *
cdef unsigned int _riding(Tcb tcb) noexcept
cdef unsigned int _highest(Tcb tcb) noexcept
cdef void _search_again(Tcb tcb, unsigned int mss, long long now) noexcept
