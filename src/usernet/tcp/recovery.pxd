cimport cython

from ..core.seq cimport seq_le, seq_lt
from ..wire.tcp cimport Segment
from .congestion.base cimport CongestionControl
from .output cimport arm_rtx, cancel_rtx, retransmit
from .transmit cimport timestamp
from .rate cimport AckSample
from .record cimport SentRecord
from .scoreboard cimport Acked, Scoreboard
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, POLLOUT, INFINITE_SSTHRESH, R_SACKED, SYN, FIN
cdef long long MS
cdef int A_CA_ALERT, A_DATA, A_DATA_ACKED, A_DATA_SACKED, A_DSACK, A_NOT_DUP, A_RETRANS_ACKED, A_SET_TIMER, A_UNA_ADVANCED, A_WIN_UPDATE
cdef int CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, RTX_PROBE, RTX_RETRANSMIT

cpdef void acknowledge(Tcb tcb, Segment seg, long long now) except *
cdef int _update_window(Tcb tcb, Segment seg, long long now) noexcept
cdef int _take_sacks(Tcb tcb, Segment seg, unsigned int prior_una, Acked acked) except -1
cdef bint _is_dsack(Segment seg, unsigned int prior_una) noexcept
cdef void _advance_una(Tcb tcb, unsigned int ack) except *
cdef int _clean_queue(Tcb tcb, unsigned int ack, Acked acked) except -1
cdef void _reno_acked(Tcb tcb, Acked acked) noexcept
cdef void _reno_dupack(Tcb tcb, AckSample acked) noexcept
cdef void _limit_reno(Tcb tcb) noexcept
cdef void _update_rtt(Tcb tcb, Segment seg, int did, Acked acked, long long now) noexcept
cdef void _window_opened(Tcb tcb, long long now) except *
cdef void _fast_retransmit_alert(Tcb tcb, int did, Segment seg, unsigned int prior_una, AckSample sample, long long now) except *
cdef bint _recovered(Tcb tcb, long long now) except *
cdef bint _hold_reno(Tcb tcb) noexcept
cdef void _try_to_open(Tcb tcb) noexcept
cpdef void enter_recovery(Tcb tcb, long long now) except *
cdef void _begin_reduction(Tcb tcb, long long now) except *
cdef void _end_reduction(Tcb tcb, long long now) noexcept
cdef void _mark_losses(Tcb tcb, bint head_lost, AckSample sample) except *
cdef void _control_congestion(Tcb tcb, int did, AckSample sample, long long now) except *
cdef void _reduce(Tcb tcb, AckSample sample, int did) noexcept
cpdef void retransmit_lost(Tcb tcb, long long now) except *
cpdef void enter_loss(Tcb tcb, long long now) except *
cpdef void wake_sender(Tcb tcb) except *
cpdef void grow_send_buffer(Tcb tcb) except *
