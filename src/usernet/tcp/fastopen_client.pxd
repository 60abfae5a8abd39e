from ..core.seq cimport seq_add
from ..wire.tcp cimport Segment
from .acknowledge cimport acknowledge
from .fastopen cimport FastOpen
from .metrics cimport peer_key
from .peers cimport Peer
from .record cimport SentRecord, make_record
from .reduction cimport lost_without_congestion
from .retransmit cimport retransmit_lost
from .rtx_timer cimport arm_rtx
from .tcb cimport Engine, Tcb
from .transmit cimport send_syn, sync_mss

cdef unsigned int SYN, R_PUSHED
cdef int RTX_RETRANSMIT, TFO_CLIENT_NO_COOKIE, TFO_COOKIE_UNAVAILABLE, TFO_DATA_NOT_ACKED, TFO_SYN_RETRANSMITTED, WAIT_BUSY
cdef long long NEVER, ROOM_FOR_OPTIONS

cpdef bint may_open_fast(Tcb tcb, long long now) except *
cdef bint _is_paused(Tcb tcb, long long now) except *
cdef bint _needs_no_cookie(Tcb tcb) noexcept
cpdef long long open_fast(Tcb tcb, bytes octets, long long now) except? -1
cdef long long _room(Tcb tcb, Peer known) except? -1
cpdef void syn_ack_arrived(Tcb tcb, Segment seg, long long now) except *
cdef void _remember(Peer known, FastOpen fast, Segment seg, int resent, long long now) except *
cpdef void text_was_too_big(Tcb tcb, long long now) except *
cdef void _send_again(Tcb tcb, long long now) except *
cpdef void met_blackhole(Tcb tcb, long long now) except *
