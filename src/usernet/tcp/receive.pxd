cimport cython

from ..core.packet cimport Packet
from ..core.seq cimport seq_add, seq_le, seq_lt
from ..wire.tcp cimport Segment
from .arrivals cimport Arrivals
from .delayed_ack cimport note_gap, quick_acks, send_compressed, text_left_queue
from .ecn cimport on_repeated_text
from .reassembly cimport Held, Reassembly
from .space cimport ReceiveSpace, packet_cost
from .tcb cimport Engine, Tcb
from .transmit cimport timestamp
from .window cimport grow_buffer, grow_window, measure_mss, measure_rtt, spare, text_copied

cdef unsigned int MASK32, POLLIN, FIN, PSH, RST, SYN, URG, REMNANT
cdef long long HELD_OVERHEAD, MS
cdef Py_ssize_t TELLING, JOINED
cdef int BLOCKS_EXPECTED
cdef int ACK_NOMEM, ACK_NOW, ACK_PUSHED, ACK_PUSHED2, ACK_SCHED

cpdef void take_text(Tcb tcb, Packet packet, Segment seg, unsigned int start, long long now) except *
cpdef void repeated(Tcb tcb, unsigned int start, unsigned int end) except *
cpdef void fin_beyond_gap(Tcb tcb, unsigned int at, bint known) except *
cpdef unsigned int wire_segments(Packet packet, Py_ssize_t n) noexcept
cdef void _refuse(Tcb tcb) noexcept
cdef bint _may_take(Tcb tcb, unsigned int start, Py_ssize_t n) except *
cdef bint _make_room(Tcb tcb, unsigned int start) except *
cdef bint _fits(Tcb tcb) noexcept
cdef bint _prune(Tcb tcb, unsigned int start) except *
cdef void _tell_no_more(Tcb tcb, unsigned int edge) noexcept
cdef void _queue(Tcb tcb, Packet packet, Segment seg, unsigned int skip, Py_ssize_t n, long long now) except *
cpdef void measure_echo(Tcb tcb, Segment seg, long long now) noexcept
cdef void _measure_mss(Tcb tcb, Packet packet, Segment seg, unsigned int header) noexcept
cpdef void note_dsack(Tcb tcb, unsigned int start, unsigned int end) noexcept
cdef void _hold(Tcb tcb, Packet packet, Segment seg, unsigned int start, unsigned int end, long long now) except *
cdef bint _extends_newest(Tcb tcb, unsigned int left, unsigned int right) noexcept
cpdef void note_sack(Tcb tcb, unsigned int left, unsigned int right) except *
cdef void _stamp(Tcb tcb, long long n, long long now) except *
cdef void _close_gap(Tcb tcb, long long now) except *
cpdef void text_was_read(Tcb tcb, Py_ssize_t n, long long now) except *
