cimport cython

from ..core.checksum cimport pseudo_sum
from ..core.packet cimport Packet, octets_in
from ..core.sender cimport IcmpError
from ..core.seq cimport seq_add, seq_in
from ..wire.tcp cimport Segment
from .auth cimport Auth, accepts
from .ecn cimport offer
from .establish cimport prepare
from .isn cimport initial_sequence, timestamp_offset
from .fastopen cimport FastOpen
from .lifecycle cimport move
from .forward cimport ForwardRequest
from .listen cimport Acceptor, Listener, answer_path, path_back
from .rtx_timer cimport arm_rtx
from .passive cimport cookie_arrives, syn_arrives
from .request cimport Request
from .transmit cimport control_packet, send_syn, sync_mss
from .segment_arrives cimport segment_arrives
from .settings cimport Settings
from .table cimport TimeWait, demux_key, is_reusable, listen_key
from .tcb cimport Binding, Endpoint, Tcb
from .user_calls cimport Connection

cdef unsigned int CSUM_NONE, IPPROTO_TCP, ACK, RST, SYN
cdef int KIND_FORWARD, KIND_REQUEST, KIND_TCB, KIND_TIME_WAIT, RTX_RETRANSMIT
cdef int ACTIVE_OPEN, TW_NEW_CONNECTION, MAX_FORWARDS


cdef class Tcp(Acceptor):
    cdef dict _endpoints
    cdef dict _listeners
    cdef object _ports
    cdef int _waiting, _forwards
    cdef public object forwarder
    cdef public bint heeds_ttl

    cpdef void enter(self, Endpoint endpoint) except *
    cpdef void forget(self, Endpoint endpoint) except *
    cpdef void enter_time_wait(self, Tcb tcb, long long now) except *
    cpdef void stop_listening(self, Listener listener) except *
    cpdef void receive(self, Packet packet, long long now) except *
    cdef bint _is_genuine(self, Endpoint endpoint, Packet packet, Segment seg) except *
    cdef unsigned int _least_ttl(self, Endpoint endpoint, Packet packet, Segment seg) except? 0xFFFFFFFF
    cdef bint _verifies(self, Packet packet) except *
    cdef void _others(self, Endpoint endpoint, bytes key, Packet packet, Segment seg, long long now) except *
    cdef void _listen_or_closed(self, bytes key, Packet packet, Segment seg, long long iss, long long now) except *
    cdef Listener _find_listener(self, Packet packet, Segment seg)
    cdef Listener _listener_at(self, bytes key, Packet packet)
    cdef void _forward(self, bytes key, Packet packet, Segment seg, long long now) except *
    cdef void _answer_closed(self, Packet packet, Segment seg, long long now) except *
    cpdef void error(self, IcmpError error, long long now) except *
    cpdef void paths_changed(self) except *
