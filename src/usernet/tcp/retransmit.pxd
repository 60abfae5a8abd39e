from ..core.chunk cimport Chunk
from ..core.seq cimport seq_add, seq_lt
from .loss_detection cimport uses_rack
from .record cimport SentRecord
from .rtx_timer cimport arm_rtx
from .scoreboard cimport Scoreboard
from .tcb cimport Tcb
from .transmit cimport max_payload, send_mss, transmit, usable_path

cdef unsigned int MASK32, ACK, FIN, PSH, R_EVER_RETRANS, R_FIN, R_LOST, R_PUSHED, R_RETRANS, R_SACKED
cdef int CA_CWR, CA_LOSS, CA_RECOVERY, RTX_REORDER, RTX_RETRANSMIT

cpdef void retransmit_lost(Tcb tcb, long long now) except *
cpdef int retransmit(Tcb tcb, Py_ssize_t i, unsigned int max_segs, long long now) except -1
cpdef void rescue(Tcb tcb, long long now) except *
cpdef bint retransmit_tail(Tcb tcb, long long now) except *
cdef bint _retransmit_end(Tcb tcb, Py_ssize_t i, long long now) except *
cdef int _send_again(Tcb tcb, Py_ssize_t i, unsigned int max_segs, long long now) except? -2
cdef unsigned int _limit(Tcb tcb, unsigned int start, unsigned int max_segs, unsigned int mss) noexcept
cdef void _cut(Scoreboard board, Py_ssize_t i, unsigned int limit, unsigned int mss) except *
