cimport cython

from ..core.seq cimport seq_add, seq_le, seq_lt
from .congestion.base cimport CongestionControl
from .record cimport SentRecord, make_record
from .rtx_timer cimport arm_rtx
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb
from .transmit cimport max_payload, send_mss, send_probe, transmit, usable_path

cdef unsigned int MASK32, ACK, FIN, PSH, R_FIN, INIT_CWND
cdef int CA_CWR, CA_OPEN, CA_RECOVERY, RTX_NONE, RTX_PROBE, RTX_RETRANSMIT
cdef long long DEFER_DIVISOR

cpdef void output(Tcb tcb, long long now) except *
cpdef bint probe_window(Tcb tcb, long long now) except *
cdef unsigned int _allowance(long long unsent, long long room, int quota, unsigned int mss, unsigned int biggest) noexcept
cdef bint _nagle_holds(Tcb tcb) noexcept
cdef bint _defer(Tcb tcb, unsigned int n, int quota, unsigned int mss, long long now) except *
cdef bint _send_new(Tcb tcb, unsigned int n, bint fin, unsigned int mss, long long now) except *
cdef void _data_sent(Tcb tcb, unsigned int n, long long now) noexcept
cdef void _restart_after_idle(Tcb tcb, long long now) except *
cdef unsigned int _current_ssthresh(CongestionControl cc) noexcept
cdef void _validate_cwnd(Tcb tcb, bint limited, long long now) noexcept
