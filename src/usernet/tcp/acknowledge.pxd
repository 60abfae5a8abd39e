from ..core.seq cimport seq_le, seq_lt
from ..wire.tcp cimport Segment
from .congestion.base cimport CongestionControl
from .ecn cimport on_ack
from .plpmtud cimport probe_succeeded
from .rate cimport AckSample
from .recovery cimport fast_retransmit_alert, reno_acked
from .retransmit cimport retransmit_lost
from .rtx_timer cimport arm_rtx, cancel_rtx
from .sacks cimport take_sacks
from .scoreboard cimport Acked, Scoreboard
from .tcb cimport Engine, Tcb
from .transmit cimport timestamp

cdef unsigned int POLLERR
cdef int WAIT_BUSY
cdef unsigned int MASK32, SYN, FIN
cdef long long MS
cdef int A_CA_ALERT, A_DATA, A_DATA_ACKED, A_NOT_DUP, A_RETRANS_ACKED, A_SET_TIMER, A_UNA_ADVANCED, A_WIN_UPDATE
cdef int CA_CWR, CA_OPEN, CA_RECOVERY, RTX_PROBE, RTX_RETRANSMIT

cpdef void acknowledge(Tcb tcb, Segment seg, long long now) except *
cdef int _update_window(Tcb tcb, Segment seg, long long now) noexcept
cdef void _advance_una(Tcb tcb, unsigned int ack) except *
cdef int _clean_queue(Tcb tcb, unsigned int ack, Acked acked) except -1
cdef void _update_rtt(Tcb tcb, Segment seg, int did, Acked acked, long long now) noexcept
cdef void _window_opened(Tcb tcb, long long now) except *
cdef void _control_congestion(Tcb tcb, int did, AckSample sample, long long now) except *
