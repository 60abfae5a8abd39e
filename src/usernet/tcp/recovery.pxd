from ..core.seq cimport seq_le
from ..wire.tcp cimport Segment
from .congestion.base cimport CongestionControl
from .ecn cimport reduced
from .plpmtud cimport probe_failed
from .rate cimport AckSample
from .record cimport SentRecord
from .scoreboard cimport Acked, Scoreboard
from .tcb cimport Engine, Tcb

cdef unsigned int INFINITE_SSTHRESH, R_SACKED
cdef int A_DSACK, A_ECE, A_NOT_DUP, A_UNA_ADVANCED
cdef int CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY

cpdef void fast_retransmit_alert(Tcb tcb, int did, Segment seg, unsigned int prior_una, AckSample sample, long long now) except *
cdef bint _recovered(Tcb tcb, long long now) except *
cdef bint _hold_reno(Tcb tcb) noexcept
cdef void _try_to_open(Tcb tcb) noexcept
cpdef void enter_recovery(Tcb tcb, long long now) except *
cdef void _mark_losses(Tcb tcb, bint head_lost, AckSample sample) except *
cpdef void enter_cwr(Tcb tcb, long long now) except *
cpdef void enter_loss(Tcb tcb, long long now) except *
cpdef void reno_acked(Tcb tcb, Acked acked) noexcept
cdef void _reno_dupack(Tcb tcb, AckSample acked) noexcept
cdef void _limit_reno(Tcb tcb) noexcept
cdef void _begin_reduction(Tcb tcb, bint echoed, long long now) except *
cdef void _end_reduction(Tcb tcb, long long now) noexcept
