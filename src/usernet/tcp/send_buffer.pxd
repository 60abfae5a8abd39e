from .tcb cimport Tcb
from .transmit cimport max_payload, send_mss

cdef unsigned int POLLOUT
cdef int WAIT_SNDBUF
cdef long long PIECE_OVERHEAD, SEGMENT_ROOM, SEGMENT_OVERHEAD, LEAST_SEGMENTS

cpdef long long piece_size(Tcb tcb) noexcept
cpdef long long cost(Tcb tcb, long long unsent, long long piece) noexcept
cdef long long notsent_lowat(Tcb tcb) noexcept
cpdef bint has_room(Tcb tcb, long long unsent, long long piece) noexcept
cpdef bint is_writeable(Tcb tcb) noexcept
cpdef void wake_sender(Tcb tcb, long long now) except *
cpdef void grow_send_buffer(Tcb tcb) noexcept
