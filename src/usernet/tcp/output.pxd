cimport cython

from ..core.packet cimport Packet, new_packet
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_le, seq_lt
from ..wire.tcp cimport write_header, write_sack_header, write_timestamps, write_u32
from .congestion.base cimport CongestionControl
from .scoreboard cimport Scoreboard, SentRecord, make_record
from .settings cimport Settings
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, CSUM_PARTIAL, IPPROTO_TCP
cdef int MAX_DATAGRAM, MAX_HEADER
cdef unsigned int ACK, FIN, PSH, RST, SYN, R_FIN, R_EVER_RETRANS, INIT_CWND
cdef int ACK_NOW, CA_CWR, CA_OPEN, CA_RECOVERY, CLOSED, ESTABLISHED, SYN_SENT, RTX_NONE, RTX_PROBE, RTX_RETRANSMIT
cdef long long ATO_MIN, MS, DEFER_DIVISOR

cpdef unsigned int timestamp(Tcb tcb, long long now) noexcept
cpdef long long window_offer(Tcb tcb) noexcept
cpdef unsigned int select_window(Tcb tcb) noexcept
cpdef Path usable_path(Tcb tcb)
cpdef void sync_mss(Tcb tcb) noexcept
cpdef unsigned int send_mss(Tcb tcb) noexcept
cpdef unsigned int max_payload(Tcb tcb, unsigned int mss) noexcept
cdef unsigned int _sack_octets(Tcb tcb) noexcept
cpdef int transmit(Tcb tcb, unsigned int seq, unsigned int n, unsigned int flags, unsigned int mss, long long now) except? -1
cdef void _write_sacks(Tcb tcb, bytearray buf, Py_ssize_t at, unsigned int octets) noexcept
cdef void _ack_sent(Tcb tcb) noexcept
cpdef void send_ack(Tcb tcb, long long now) except *
cpdef void send_probe(Tcb tcb, long long now) except *
cpdef void send_reset(Tcb tcb, long long now) except *
cpdef void send_syn(Tcb tcb, unsigned int flags, long long now) except *
cpdef Packet control_packet(Path path, unsigned int sport, unsigned int dport, unsigned int seq, unsigned int ack, unsigned int flags, unsigned int wnd, bytes options)
cpdef void output(Tcb tcb, long long now) except *
cpdef bint probe_window(Tcb tcb, long long now) except *
cdef unsigned int _allowance(long long unsent, long long room, int quota, unsigned int mss, unsigned int biggest) noexcept
cdef bint _nagle_holds(Tcb tcb) noexcept
cdef bint _defer(Tcb tcb, unsigned int n, int quota, unsigned int mss, long long now) except *
cdef bint _send_new(Tcb tcb, unsigned int n, bint fin, unsigned int mss, long long now) except *
cdef void _data_sent(Tcb tcb, unsigned int n, long long now) noexcept
cdef void _restart_after_idle(Tcb tcb, long long now) except *
cdef unsigned int _current_ssthresh(CongestionControl cc) noexcept
cdef void _validate_cwnd(Tcb tcb, bint limited, long long now) noexcept
cpdef int retransmit(Tcb tcb, Py_ssize_t i, unsigned int max_segs, long long now) except -1
cpdef void arm_rtx(Tcb tcb, int kind, long long now) except *
cpdef void cancel_rtx(Tcb tcb) noexcept
