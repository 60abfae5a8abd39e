cimport cython

from ..core.packet cimport Packet
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_le, seq_lt
from ..wire.tcp cimport Segment
from .ecn cimport mark_echoed, on_crossing_syn, on_repeated_text, on_segment, on_syn_ack, on_syn_ack_again, on_text, on_third_ack
from .establish cimport establish, fast_open_proved, first_guess, take_syn_options
from .fastopen_client cimport met_blackhole, syn_ack_arrived
from .lifecycle cimport drop_held, finish, move, orphan_waits, peer_reset, time_wait
from .metrics cimport save_metrics
from .output cimport output
from .transmit cimport control_packet, send_ack, send_syn, timestamp, usable_path
from .delayed_ack cimport acknowledge_text, longest_delay, quick_acks
from .receive cimport fin_beyond_gap, measure_echo, note_dsack, note_sack, repeated, take_text, wire_segments
from .urgent cimport urgent_arrives
from .window cimport widest_window
from .acknowledge cimport acknowledge, acknowledge_old
from .send_buffer cimport grow_send_buffer, wake_sender
from .rtx_timer cimport arm_rtx
from .tcb cimport Engine, Tcb

cdef unsigned int MASK32, POLLIN, POLLRDHUP, ACK, FIN, RST, SYN, URG
cdef int URG_NOT_YET
cdef int QUICK_ACKS
cdef long long ATO_MIN, MS, SECOND, PAWS_24DAYS, TIMEOUT_MIN
cdef int UNLIMITED
cdef int ACK_NOMEM, ACK_NOW, ACK_SCHED, CLOSE_WAIT, CLOSED, CLOSING, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, RCV_SHUTDOWN, RTX_RETRANSMIT, SYN_RECEIVED, SYN_SENT
cdef int ABORT, CLOSE, ECONNRESET, EPIPE, RCV_ACK_OF_FIN, RCV_ACK_OF_SYN, RCV_FIN, RCV_SYN, RCV_SYN_ACK

cpdef void segment_arrives(Tcb tcb, Packet packet, Segment seg, long long now) except *
cdef void _text_and_after(Tcb tcb, Packet packet, Segment seg, unsigned int start, long long now) except *
cdef void _syn_sent(Tcb tcb, Packet packet, Segment seg, long long now) except *
cdef bint _acknowledges_our_syn(Tcb tcb, Segment seg, long long now) except *
cdef void _put_off_third_ack(Tcb tcb, long long now) except *
cdef bint _echoes_our_syn(Tcb tcb, Segment seg, long long now) except *
cdef void _simultaneous_open(Tcb tcb, Segment seg, long long now) except *
cdef void _reset_reply(Tcb tcb, Segment seg, long long now) except *
cdef bint _first_sequence(Tcb tcb, Segment seg, long long now) except *
cdef bint _is_beyond(Tcb tcb, Segment seg) noexcept
cdef bint _paws_lets_in(Tcb tcb, Segment seg, long long now) except *
cdef bint _says_nothing_new(Tcb tcb, Segment seg) noexcept
cdef void _answer_unacceptable(Tcb tcb, Segment seg, long long now) except *
cdef void _send_duplicate_ack(Tcb tcb, Segment seg, long long now) except *
cdef bint _too_soon(Tcb tcb, Segment seg, long long now) noexcept
cdef bint _answered_just_now(Tcb tcb, long long now) noexcept
cpdef void challenge_ack(Tcb tcb, long long now) except *
cdef bint _may_challenge(Engine engine, long long now) except *
cdef void _second_rst(Tcb tcb, Segment seg, long long now) except *
cdef bint _resets_beyond_hole(Tcb tcb, Segment seg) noexcept
cdef bint _resets_after_fin(Tcb tcb, Segment seg) noexcept
cdef bint _fourth_syn(Tcb tcb, Segment seg, long long now) except *
cdef bint _fifth_ack(Tcb tcb, Segment seg, long long now) except *
cdef bint _opened(Tcb tcb, Segment seg, long long now) except *
cdef bint _is_too_old(Tcb tcb, Segment seg) noexcept
cdef void _remember_timestamp(Tcb tcb, Segment seg, long long now) noexcept
cdef bint _fin_acknowledged(Tcb tcb, Segment seg, long long now) except *
cdef bint _seventh_text(Tcb tcb, Packet packet, Segment seg, unsigned int start, long long now) except *
cdef void _refuse_text(Tcb tcb, Segment seg, int err, long long now) except *
cdef bint _after_fin(Tcb tcb, Segment seg, unsigned int start, long long now) except *
cdef bint _eighth_fin(Tcb tcb, Segment seg, long long now) except *
