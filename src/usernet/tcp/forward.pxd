from ..core.packet cimport Packet
from ..core.ready cimport Pollable
from ..core.sender cimport Path
from ..core.seq cimport seq_add
from ..core.timers cimport Timer
from ..wire.tcp cimport Segment
from .ecn cimport asked_by
from .establish cimport prepare, take_syn_options
from .isn cimport initial_sequence, timestamp_offset
from .listen cimport Acceptor
from .rtx_timer cimport arm_rtx
from .settings cimport Settings
from .tcb cimport Endpoint, Tcb
from .transmit cimport control_packet, send_syn
from .user_calls cimport Connection

cdef unsigned int ACK, RST, SYN
cdef long long SECOND, FORWARD_PATIENCE
cdef int KIND_FORWARD, RTX_RETRANSMIT, SYN_RECEIVED, T_REQUEST


cdef class ForwardRequest(Endpoint):
    cdef Acceptor _engine
    cdef Segment _syn
    cdef public Path path
    cdef public bytes local, remote
    cdef public int local_port, remote_port
    cdef public Timer timer

    cpdef void arrives(self, Segment seg) except *
    cdef Segment _take(self)
