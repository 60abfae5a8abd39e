from .congestion.base cimport CongestionControl
from .peers cimport Peer
from .sysctls cimport Sysctls
from .tcb cimport Engine, Tcb

cdef int CA_OPEN
cdef unsigned int INFINITE_SSTHRESH

cpdef bytes peer_key(Tcb tcb)
cpdef void use_metrics(Tcb tcb, long long now) except *
cpdef void save_metrics(Tcb tcb, long long now) except *
cdef void _learn_windows(Peer peer, Tcb tcb, Sysctls sysctls) noexcept
