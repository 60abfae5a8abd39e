from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_lt
from ..wire.tcp cimport Segment
from .arrivals cimport Arrivals
from .fastopen cimport FastOpen
from .metrics cimport use_metrics
from .rtx_timer cimport arm_rtx, cancel_rtx
from .plpmtud cimport begin_search
from .transmit cimport bounded_mss, echoed_rtt, sync_mss
from .send_buffer cimport grow_send_buffer
from .settings cimport Settings, buffer_locks, keepidle
from .space cimport first_window, window_scale
from .tcb cimport Engine, Tcb
from .tx_delay cimport TxDelay
from .validation cimport begin_validation
from .window cimport begin

cdef unsigned int POLLOUT, DEFAULT_MSS, INFINITE_SSTHRESH, INIT_CWND, MIN_MSS, RCVBUF_LOCK, SNDBUF_LOCK
cdef int ESTABLISHED, RTX_RETRANSMIT
cdef long long NEVER
cdef unsigned int STAMP_OCTETS

cpdef void prepare(Tcb tcb, Settings settings, long long now) except *
cpdef void set_buffers(Tcb tcb) except *
cpdef void set_tx_delay(Tcb tcb, long long now) except *
cpdef unsigned int advertised_mss(Path path, Settings settings) noexcept
cpdef unsigned int offered_mss(Segment seg, Settings settings) noexcept
cpdef void take_syn_options(Tcb tcb, Segment seg, long long now) except *
cpdef void begin_sending(Tcb tcb, Segment seg, long long now) except *
cdef void _count_timestamps(Tcb tcb) noexcept
cpdef void first_guess(Tcb tcb) noexcept
cpdef void syn_acknowledged(Tcb tcb, Segment seg, long long now) except *
cpdef void establish(Tcb tcb, Segment seg, long long now) except *
cpdef bint fast_open_proved(Tcb tcb, Segment seg, long long now) except *
