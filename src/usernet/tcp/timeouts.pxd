from .fastopen cimport FastOpen
from .fastopen_client cimport met_blackhole
from .delayed_ack cimport send_compressed, delayed_ack_is_due
from ..core.counters cimport TcpExtMib
from .lifecycle cimport finish, timed_out
from .output cimport pace, probe_window, send_one
from .transmit cimport send_probe, send_reset, send_syn
from .plpmtud cimport suspect_black_hole
from .recovery cimport enter_loss, reordering_timeout
from .retransmit cimport retransmit, retransmit_lost, retransmit_tail
from .rtx_timer cimport arm_rtx, heed_user_timeout, rearm_rto
from .settings cimport Settings, keepidle, keepintvl
from .tcb cimport Engine, Tcb

cdef unsigned int ACK, SYN, INFINITE_SSTHRESH
cdef int CA_DISORDER, CA_LOSS, CA_RECOVERY, RTX_TAIL, THIN, THIN_RETRIES
cdef long long SECOND, BASE_RTO, TIME_WAIT_LEN, RESOURCE_PROBE
cdef int CLOSED, FIN_WAIT_2, RTX_NONE, RTX_PROBE, RTX_RETRANSMIT, SYN_RECEIVED, SYN_SENT, T_COMPRESS, T_DELACK, T_KEEP, T_PACE, ABORT, TIMEOUT, ETIMEDOUT, ORPHAN_RETRIES

cpdef void timer_expired(Tcb tcb, int kind, long long now) except *
cpdef long long patience(Tcb tcb, int retries) noexcept
cdef void _syn_timeout(Tcb tcb, long long now) except *
cdef bint _user_timeout(Tcb tcb, long long now) noexcept
cdef bint _out_of_patience(Tcb tcb, long long now) except *
cdef int _orphan_retries(Tcb tcb) noexcept
cdef bint _still_doubles(Tcb tcb) noexcept
cdef bint _out_of_resources(Tcb tcb, long long now) except *
cdef void _doubt_path(Tcb tcb) except *
cdef bint _retransmissions_probe(Tcb tcb) noexcept
cdef bint _probing_failed(Tcb tcb, long long now) except *
cpdef void retransmission_timeout(Tcb tcb, long long now) except *
cdef void _count_failure(Tcb tcb) noexcept
cdef void _probe_tail(Tcb tcb, long long now) except *
cdef void _probe_timeout(Tcb tcb, long long now) except *
cdef void _keep_timer(Tcb tcb, long long now) except *
cdef bint _keepalive_failed(Tcb tcb, long long idle) noexcept
