cimport cython

from ..core.packet cimport Packet
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_lt
from ..core.timers cimport Timer
from ..wire.tcp cimport Segment
from .accecn cimport Ecn
from .auth cimport Auth
from .ecn cimport asked_again, asked_by, syn_ack_flags, syn_ack_option
from .deferral cimport deferred_retries
from .establish cimport advertised_mss, offered_mss, prepare
from .isn cimport timestamp_offset
from .listen cimport Acceptor, Listener
from .segment_arrives cimport segment_arrives
from .settings cimport Settings
from .space cimport first_window, window_scale
from .tcb cimport Endpoint, Engine
from .transmit cimport control_packet, sync_mss
from .tx_delay cimport TxDelay
from .user_calls cimport Connection

cdef unsigned int MASK32, POLLIN, ACK, FIN, RST, SYN
cdef long long MS, RTO_INITIAL
cdef Py_ssize_t MAX_OPTIONS
cdef Py_ssize_t SYN_ACCECN
cdef int KIND_REQUEST, SYN_RECEIVED, T_REQUEST


@cython.final
cdef class Request(Endpoint):
    cdef public Listener listener
    cdef public Path path
    cdef public Ecn ecn
    cdef public unsigned int irs, iss, mss, ts_recent, ts_offset, rcv_wnd, rcv_wscale
    cdef public int wscale, retransmits, timeouts
    cdef public unsigned int tos
    cdef public unsigned int local_port
    cdef public unsigned int remote_port
    cdef public bint sack_ok, ts_ok, is_acked
    cdef public long long sent_at, answered_at
    cdef public bytes extra
    cdef public bytes saved_syn
    cdef public unsigned int stamp_first
    cdef public unsigned int stamp_last
    cdef public Timer timer

    cpdef void sign_with(self, Auth auth) noexcept
    cpdef void enter(self, long long now) except *
    cpdef void open(self, Packet packet, Segment seg, long long now) except *
    cdef void _send_again(self, long long now) except *
    cdef void _arm(self, long long now) except *
    cdef int _patience(self) except -1
    cdef void _leave(self) except *
    cpdef void send_syn_ack(self, long long now) except *
    cdef void _send(self, unsigned int flags, unsigned int seq, unsigned int ack, unsigned int wnd, bytes options, long long now) except *
    cpdef void drop(self) except *
    cpdef void arrives(self, Packet packet, Segment seg, long long now) except *
    cdef void _syn_came_again(self, Segment seg, long long now) except *
    cdef bint _echoes_a_stranger(self, Segment seg) noexcept
    cdef unsigned int _first_window(self) noexcept
    cdef bint _is_in_window(self, Segment seg) noexcept
    cdef void _complete(self, Packet packet, Segment seg, long long now) except *
    cpdef Connection child(self, long long now)
    cdef bint _may_answer(self, long long now) noexcept
    cdef void _acknowledge(self, long long now) except *
    cdef void _reset(self, Segment seg, long long now) except *
