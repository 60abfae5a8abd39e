cimport cython

from ..core.seq cimport seq_add, seq_le, seq_lt
from .plpmtud cimport probe_length, probe_sent
from .record cimport SentRecord, make_record
from .retransmit cimport retransmit_lost
from .rtx_timer cimport arm_rtx, rearm_rto, schedule_probe
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb
from .transmit cimport max_payload, send_mss, send_probe, transmit, usable_path
from .validation cimport restart_after_idle, validate_cwnd

cdef int WAIT_RWND, WAIT_SNDBUF
cdef unsigned int POLLERR, ACK, FIN, PSH, R_FIN, R_PUSHED
cdef int CA_CWR, CA_RECOVERY, RTX_NONE, RTX_PROBE, RTX_TAIL
cdef long long MS, DEFER_MAX

cdef int O_TRIED, O_CWND, O_RWND, O_WAITS

cpdef void output(Tcb tcb, long long now) except *
cdef int _send_queued(Tcb tcb, long long unsent, long long now) except -1
cdef long long _next_octets(Tcb tcb, long long unsent, unsigned int mss, unsigned int biggest, long long now) except? -1
cdef void _note_limits(Tcb tcb, int did, long long now) noexcept
cpdef void pace(Tcb tcb, long long now) except *
cpdef void note_app_limited(Tcb tcb) noexcept
cpdef void push(Tcb tcb, long long now) except *
cpdef void push_one(Tcb tcb, long long now) except *
cpdef int probe_window(Tcb tcb, long long now) except? -1
cpdef bint send_one(Tcb tcb, long long now) except *
cdef unsigned int _allowance(long long unsent, long long room, int quota, unsigned int mss, unsigned int biggest) noexcept
cdef long long _before_bound(Tcb tcb, long long unsent) noexcept
cdef long long _next_segment(Tcb tcb, unsigned int mss) noexcept
cdef bint _is_pushed(Tcb tcb, unsigned long long end) noexcept
cdef bint _nagle_holds(Tcb tcb) noexcept
cdef unsigned int _largest(Tcb tcb, unsigned int mss) noexcept
cdef bint _defer(Tcb tcb, long long room, int quota, unsigned int mss, unsigned int biggest, long long now) except *
cdef int _probe_mtu(Tcb tcb, unsigned int mss, long long unsent, long long now) except? -2
cdef bint _send_new(Tcb tcb, unsigned int n, bint fin, bint push, unsigned int mss, long long now) except *
