from ..core.bytequeue cimport SendQueue
from ..core.seq cimport seq_le, seq_lt
from ..wire.tcp cimport Segment
from .acked cimport Acked
from .congestion.base cimport CongestionControl
from .ecn cimport on_ack
from .plpmtud cimport probe_succeeded
from .output cimport push
from .rate cimport AckSample
from .recovery cimport dubious_ack, probe_acknowledged, reno_acked
from .reordering cimport highest_delivered, sack_reordering
from .retransmit cimport rescue, retransmit_lost
from .rtx_timer cimport arm_rtx, cancel_rtx, heed_user_timeout, restart_timer
from .sacks cimport take_sacks
from .scoreboard cimport Scoreboard
from .tcb cimport Engine, Tcb
from .transmit cimport echoed_rtt
from .validation cimport measure_pipe

cdef unsigned int POLLERR
cdef int WAIT_BUSY, _NO_DUPLICATE
cdef unsigned int MASK32, SYN, FIN, R_SACKED
cdef int A_CA_ALERT, A_DATA, A_DATA_ACKED, A_DATA_SACKED, A_DSACK, A_NOT_DUP, A_ORIG_ACKED, A_RENEGED, A_RETRANS_ACKED
cdef int A_SEND_LOST, A_SEND_NEW, A_SET_TIMER, A_UNA_ADVANCED, A_WIN_UPDATE
cdef int CA_CWR, CA_OPEN, CA_RECOVERY, RTX_PROBE, RACK_STATIC

cpdef void acknowledge(Tcb tcb, Segment seg, long long now) except *
cpdef void acknowledge_old(Tcb tcb, Segment seg, long long now) except *
cdef void _begin(Tcb tcb, Segment seg, Acked acked, long long now) noexcept
cdef int _update_window(Tcb tcb, Segment seg, long long now) noexcept
cdef int _take_facts(Tcb tcb, Segment seg, Acked acked, long long now) except? -1
cdef bint _is_dubious(Tcb tcb, int did) noexcept
cdef void _advance_una(Tcb tcb, unsigned int ack, long long now) except *
cdef int _clean_queue(Tcb tcb, Segment seg, unsigned int prior_una, unsigned int prior_fack, Acked acked, long long now) except? -1
cdef bint _update_rtt(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked, long long now) noexcept
cdef void _window_opened(Tcb tcb, long long now) except *
cdef void _control_congestion(Tcb tcb, int did, AckSample sample, long long now) except *
cdef void _send_allowed(Tcb tcb, int did, long long now) except *
