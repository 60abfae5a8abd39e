cimport cython

from ..core.packet cimport Packet
from ..core.ready cimport Pollable
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_lt
from ..core.timers cimport Timer
from ..wire.tcp cimport Segment
from .establish cimport advertised_mss, prepare, take_syn_options
from .isn cimport initial_sequence, timestamp_offset
from .output cimport arm_rtx
from .transmit cimport control_packet, send_syn, sync_mss
from .segment_arrives cimport segment_arrives
from .settings cimport Settings
from .tcb cimport Binding, Endpoint, Engine, Tcb
from .user_calls cimport Connection

cdef unsigned int MASK32, POLLIN, ACK, FIN, RST, SYN, DEFAULT_MSS, MAX_WSCALE
cdef long long MS, SECOND, SYN_RTO, FORWARD_PATIENCE
cdef int KIND_FORWARD, KIND_REQUEST, LISTEN, RTX_RETRANSMIT, SYN_RECEIVED, T_REQUEST


cdef class Acceptor(Engine):
    cpdef void enter(self, Endpoint endpoint) except *
    cpdef void stop_listening(self, Listener listener) except *


@cython.final
cdef class Listener:
    cdef public Acceptor engine
    cdef public Pollable owner
    cdef public Binding binding
    cdef public Settings settings
    cdef public object accepted
    cdef public dict requests
    cdef public int backlog

    cpdef Tcb accept(self, long long now)
    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef void close(self, long long now) except *


cpdef Path path_back(Engine engine, Packet packet)


@cython.final
cdef class Request(Endpoint):
    cdef public Listener listener
    cdef public Path path
    cdef public unsigned int irs, iss, mss, ts_recent, ts_offset, rcv_wnd, rcv_wscale
    cdef public int wscale, retransmits
    cdef public bint sack_ok, ts_ok, is_acked
    cdef public long long sent_at, answered_at
    cdef public Timer timer

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


cdef class ForwardRequest(Endpoint):
    cdef Acceptor _engine
    cdef Segment _syn
    cdef public Path path
    cdef public bytes local, remote
    cdef public int local_port, remote_port
    cdef public Timer timer

    cpdef void arrives(self, Segment seg) except *
    cdef Segment _take(self)
