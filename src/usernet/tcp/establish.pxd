from ..core.seq cimport seq_add
from ..wire.tcp cimport Segment
from .rtx_timer cimport cancel_rtx
from .transmit cimport sync_mss
from .send_buffer cimport grow_send_buffer
from .settings cimport Settings, keepidle
from .tcb cimport Engine, Tcb

cdef unsigned int POLLOUT, DEFAULT_MSS, INFINITE_SSTHRESH, MAX_WSCALE, MIN_MSS

cpdef void prepare(Tcb tcb, Settings settings, long long now) except *
cpdef void set_buffers(Tcb tcb) except *
cpdef unsigned int advertised_mss(unsigned int mtu, unsigned int header_len, Settings settings) noexcept
cpdef unsigned int window_scale(Tcb tcb) noexcept
cpdef unsigned int first_window(Tcb tcb) noexcept
cpdef void take_syn_options(Tcb tcb, Segment seg, long long now) except *
cpdef void establish(Tcb tcb, Segment seg, long long now) except *
