from ..core.packet cimport Packet
from ..core.sender cimport Path
from ..core.seq cimport seq_add
from ..wire.tcp cimport Segment, syn_options_len, write_syn_options
from .auth cimport Auth
from .cookies cimport stamp_with_options
from .accecn cimport Ecn
from .ecn cimport asked_by, recovered, syn_ack_flags
from .establish cimport advertised_mss
from .space cimport first_window, window_scale
from .fastopen_server cimport try_fast_open
from .isn cimport initial_sequence, timestamp_offset
from .listen cimport Acceptor, Listener, answer_path, path_back
from .request cimport Request
from .settings cimport Settings
from .sysctls cimport Sysctls
from .transmit cimport control_header

cdef unsigned int MASK32, ACK, DEFAULT_MSS, FIN, STAMP_ECN, STAMP_SACK, STAMP_WSCALE, SYN
cdef int ECN_ACCURATE
cdef long long COOKIE_VALID, MS

cpdef void syn_arrives(Listener listener, bytes key, Packet packet, Segment seg, long long iss, long long now) except *
cdef bint _is_full_for_strangers(Listener listener, bytes key, long long now) except *
cdef unsigned int _type_of_service(Listener listener, Packet packet) noexcept
cdef bytes _saved(Packet packet, Segment seg, int which)
cdef void _answer_with_cookie(Listener listener, bytes key, Path path, Packet packet, Segment seg, Auth auth, long long now) except *
cpdef bint cookie_arrives(Listener listener, bytes key, Packet packet, Segment seg, long long now) except *
cdef unsigned int _stamp_bits(Acceptor engine, bytes key, Segment seg) except? 0xFFFFFFFF
cdef bint _may_be_ours(Acceptor engine, bytes key, Segment seg) except *
cdef void _recover(Request request, Segment seg, unsigned int mss) except *
