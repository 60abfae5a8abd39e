cimport cython

from ..core.packet cimport Packet
from ..core.seq cimport seq_add, seq_le, seq_lt
from ..wire.tcp cimport Segment
from .transmit cimport send_ack, timestamp, window_offer
from .reassembly cimport Reassembly
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, POLLIN
cdef long long MS, ATO_MIN, DELACK_MAX, HELD_OVERHEAD
cdef int ACK_NOW, ACK_SCHED, QUICK_ACKS

cpdef void take_text(Tcb tcb, Packet packet, Segment seg, unsigned int start, long long now) except *
cdef void _old_text(Tcb tcb, unsigned int start, unsigned int end) noexcept
cdef void _note_dsack(Tcb tcb, unsigned int start, unsigned int end) noexcept
cdef void _hold(Tcb tcb, Packet packet, Segment seg, unsigned int start, unsigned int end, unsigned int window, long long now) except *
cpdef void note_sack(Tcb tcb, unsigned int left, unsigned int right) except *
cdef void _close_gap(Tcb tcb) except *
cdef void _quick(Tcb tcb) noexcept
cdef void _measure_mss(Tcb tcb, Packet packet, Segment seg) noexcept
cdef void _text_came(Tcb tcb, Packet packet, Segment seg, Py_ssize_t n, long long now) noexcept
cpdef void acknowledge_text(Tcb tcb, long long now) except *
cdef void _delay_ack(Tcb tcb, long long now) except *
cpdef void text_was_read(Tcb tcb, Py_ssize_t n, long long now) except *
cdef void _measure_rtt(Tcb tcb, Segment seg, long long now) noexcept
cdef void _grow_receive_buffer(Tcb tcb, long long now) noexcept
