cimport cython

from ..core.packet cimport Packet
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_lt
from ..core.timers cimport Timer
from ..wire.tcp cimport Segment
from .auth cimport Auth
from .establish cimport advertised_mss, prepare
from .isn cimport timestamp_offset
from .listen cimport Acceptor, Listener
from .segment_arrives cimport segment_arrives
from .settings cimport Settings
from .tcb cimport Endpoint, Engine
from .transmit cimport control_packet, sync_mss
from .user_calls cimport Connection

cdef unsigned int MASK32, POLLIN, ACK, FIN, RST, SYN, DEFAULT_MSS, MAX_WSCALE
cdef long long MS, RTO_INITIAL
cdef int KIND_REQUEST, SYN_RECEIVED, T_REQUEST


@cython.final
cdef class Request(Endpoint):
    cdef public Listener listener
    cdef public Path path
    cdef public unsigned int irs, iss, mss, ts_recent, ts_offset, rcv_wnd, rcv_wscale
    cdef public int wscale, retransmits
    cdef public bint sack_ok, ts_ok, is_acked
    cdef public long long sent_at, answered_at
    cdef public Timer timer

    cpdef void sign_with(self, Auth auth) noexcept
    cpdef void send_syn_ack(self, long long now) except *
    cdef void _send(self, unsigned int flags, unsigned int seq, unsigned int wnd, bytes options, long long now) except *
    cpdef void drop(self) except *
    cpdef void arrives(self, Packet packet, Segment seg, long long now) except *
    cdef void _complete(self, Packet packet, Segment seg, long long now) except *
    cdef Connection _child(self, long long now)
    cdef bint _may_answer(self, long long now) noexcept
    cdef void _acknowledge(self, long long now) except *
    cdef void _reset(self, Segment seg, long long now) except *


cdef unsigned int _scale_for(Settings settings, Engine engine) noexcept
cdef int _deferrals(int seconds) noexcept
