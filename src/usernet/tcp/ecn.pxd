from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_le, seq_lt
from ..wire.tcp cimport Segment
from .accecn cimport Ecn, ace_of, flags_of, handshake_ecn, handshake_flags, is_plausible
from .congestion.base cimport CongestionControl
from .rate cimport AckSample
from .settings cimport Settings
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, ACE_MASK, ACE, ACK, AE, CE, CWR, ECE, ECT_0, ECT_1, NOT_ECT, FIRST_CEP, CLASSIC_SYN, HANDSHAKE_LEAST, CE_WITH_TEXT, CE_WITHOUT_TEXT
cdef unsigned int FAIL_ACE_RECEIVE, FAIL_ACE_SEND, FAIL_OPTION_SEND
cdef int OPTION_NONE, A_DATA_ACKED, A_DATA_SACKED, A_ECE, ACK_NOW, ACK_SCHED, CA_CWR, CA_OPEN, ECN_ACCURATE, ECN_ASKED, ECN_CLASSIC, FIN_WAIT_2
cdef int QUICK_AFTER_CE, ALWAYS, PERSISTENT
cdef long long ATO_MIN

cpdef void offer(Tcb tcb) except *
cpdef unsigned int on_syn(Tcb tcb, unsigned int flags) noexcept
cpdef unsigned int syn_ack_flags(Ecn ecn, int retransmits) noexcept
cpdef Ecn asked_by(Engine engine, Settings settings, Path path, Segment seg)
cpdef Ecn recovered(Engine engine, Segment seg, bint is_classic)
cpdef bint asked_again(Engine engine, Ecn ecn, Segment seg) noexcept
cpdef bint syn_ack_option(Engine engine, Ecn ecn) noexcept
cpdef void on_crossing_syn(Tcb tcb, Segment seg) except *
cpdef void on_syn_ack(Tcb tcb, Segment seg) except *
cpdef void on_syn_ack_again(Tcb tcb, Segment seg) noexcept
cpdef void on_third_ack(Tcb tcb, Segment seg) noexcept
cdef bint _believes(Tcb tcb, unsigned int ace) noexcept
cpdef void on_segment(Tcb tcb, Segment seg) noexcept
cpdef bint on_text(Tcb tcb, Segment seg) noexcept
cpdef void mark_echoed(Tcb tcb) noexcept
cdef void _quick(Tcb tcb) noexcept
cpdef void on_repeated_text(Tcb tcb, unsigned int start) noexcept
cpdef int on_ack(Tcb tcb, Segment seg, int did, unsigned int octets, long long now) except? -1
cdef unsigned int _read_ace(Tcb tcb, Segment seg, int did, unsigned int octets) noexcept
cdef bint _is_third_ack(Tcb tcb, Segment seg, unsigned int ace) noexcept
cpdef void reduced(Tcb tcb) noexcept
cpdef void undone(Tcb tcb) noexcept
cpdef void lay_out(Tcb tcb, int room, int sacks, long long now) noexcept
cdef bint _beacon_is_due(Tcb tcb, long long now) noexcept
cpdef unsigned int on_transmit(Tcb tcb, unsigned int seq, unsigned int n, unsigned int flags) noexcept
