cimport cython

from ..core.packet cimport Packet, new_packet
from ..core.sender cimport Path
from ..wire.tcp cimport Segment, write_header, write_sack_header, write_timestamps, write_u32
from .accecn cimport Ecn, sack_octets
from .auth cimport Auth
from .ecn cimport lay_out, on_syn, on_transmit, syn_ack_option
from .mtu cimport MtuProbe
from .settings cimport Settings
from .tcb cimport Engine, Tcb
from .urgent cimport urgent_pointer
from .window cimport select_window

cdef unsigned int MASK32, CWR, GSO_ACCECN, GSO_ECN, CSUM_PARTIAL, IPPROTO_TCP, ACK, RST, URG
cdef Py_ssize_t MAX_OPTIONS, SYN_ACCECN
cdef unsigned int DEFAULT_MSS, LEAST_HALF
cdef int MAX_DATAGRAM, MAX_HEADER, CLOSED
cdef long long ATO_MIN, MS, NEVER
cdef int ECN_ACCURATE, PINGPONG_MAX
cdef unsigned int PMTUDISC_DO, PMTUDISC_WANT

cpdef unsigned int timestamp(Tcb tcb, long long now) noexcept
cpdef long long echoed_rtt(Tcb tcb, Segment seg, long long now) noexcept
cpdef Path usable_path(Tcb tcb)
cpdef void sync_mss(Tcb tcb) noexcept
cpdef unsigned int mss_of(Tcb tcb, unsigned int mtu) noexcept
cpdef unsigned int mtu_of(Tcb tcb, unsigned int mss) noexcept
cdef unsigned int _options_len(Tcb tcb) noexcept
cpdef unsigned int send_mss(Tcb tcb) noexcept
cpdef unsigned int bounded_mss(Tcb tcb, unsigned int mss) noexcept
cpdef unsigned int max_payload(Tcb tcb, unsigned int mss) noexcept
cdef unsigned int _sack_octets(Tcb tcb) noexcept
cdef int _signed_sacks(Tcb tcb) noexcept
cdef int _option_room(Tcb tcb) noexcept
cdef int _blocks(unsigned int sacks) noexcept
cpdef int transmit(Tcb tcb, unsigned int seq, unsigned int n, unsigned int flags, unsigned int mss, long long now) except? -1
cdef int _hand_down(Tcb tcb, Path path, Packet packet, long long now) except? -1
cdef Packet _header(Tcb tcb, unsigned int seq, unsigned int n, unsigned int flags, long long now)
cdef void _address(Tcb tcb, Packet packet) noexcept
cdef unsigned int _add_text(Tcb tcb, Packet packet, unsigned int seq, unsigned int n, unsigned int mss) except? 0xFFFFFFFF
cdef void _write_urgent(Tcb tcb, bytearray buf, Py_ssize_t at, unsigned int seq) except *
cdef void _write_sacks(Tcb tcb, bytearray buf, Py_ssize_t at, unsigned int octets) noexcept
cdef void _ack_sent(Tcb tcb) noexcept
cpdef void send_ack(Tcb tcb, long long now) except *
cpdef int send_probe(Tcb tcb, long long now) except? -1
cpdef void send_reset(Tcb tcb, long long now) except *
cpdef void send_syn(Tcb tcb, unsigned int flags, long long now) except *
cdef void add_text(Packet packet, Tcb tcb, unsigned int n) except *
cpdef Packet control_packet(Path path, unsigned int sport, unsigned int dport, unsigned int seq, unsigned int ack, unsigned int flags, unsigned int wnd, bytes options, Auth auth=*)
cpdef Packet control_header(Path path, unsigned int sport, unsigned int dport, unsigned int seq, unsigned int ack, unsigned int flags, unsigned int wnd, unsigned int room)
