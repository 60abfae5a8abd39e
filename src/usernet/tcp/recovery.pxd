from ..core.seq cimport seq_le, seq_lt
from .acked cimport Acked
from .congestion.base cimport CongestionControl
from .ecn cimport reduced
from .loss_detection cimport detect_losses, rack_detect, uses_rack
from .plpmtud cimport probe_failed
from .reduction cimport begin_reduction, end_reduction, enter_cwr, enter_recovery, keep_open, open_undo, retransmission_out, set_ca_state
from .reordering cimport check_reno
from .rtx_timer cimport arm_after
from .scoreboard cimport Scoreboard
from .spurious cimport undo_by_dsack, undo_loss, undo_partial, undo_recovery
from .tcb cimport Tcb
from .validation cimport current_ssthresh, time_out_nonvalidated

cdef unsigned int R_SACKED
cdef long long MS, NEVER, RENEGING_DELAY
cdef int A_DATA_SACKED, A_DSACK_PROBE, A_ECE, A_LOST_RETRANS, A_NOT_DUP, A_ORIG_ACKED, A_RENEGED, A_SEND_LOST, A_SEND_NEW, A_SET_TIMER, A_UNA_ADVANCED
cdef int CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, RTX_RETRANSMIT

cpdef int dubious_ack(Tcb tcb, int did, int dupacks, unsigned int prior_una, Acked acked, long long now) except? -1
cdef int _recovery_ack(Tcb tcb, int did, int dupacks, unsigned int prior_una, Acked acked, long long now) except? -1
cdef int _look_for_loss(Tcb tcb, int did, int dupacks, long long now) except? -1
cdef bint _probe_lost(Tcb tcb) noexcept
cdef bint _high_seq_reached(Tcb tcb, Acked acked, long long now) except *
cdef int _detect(Tcb tcb, int did, long long now) except? -1
cdef void _try_to_open(Tcb tcb, int did, long long now) except *
cdef void _duplicate_acks(Tcb tcb, int count) noexcept
cdef int _loss_ack(Tcb tcb, int did, int dupacks, Acked acked, long long now) except? -1
cpdef void reno_acked(Tcb tcb, int segs) noexcept
cpdef void probe_acknowledged(Tcb tcb, unsigned int ack, int did, long long now) except *
cpdef bint reordering_timeout(Tcb tcb, long long now) except *
cpdef void enter_loss(Tcb tcb, long long now) except *
