cimport cython

from ..rate cimport AckSample
from ..record cimport SentRecord
from .bbr cimport Bbr
from .pathmodel cimport PathModel

cdef int CA_LOSS, CA_RECOVERY, STARTUP, DRAIN, PROBE_BW_DOWN, PROBE_BW_CRUISE, PROBE_BW_REFILL, PROBE_BW_UP, PROBE_RTT
cdef int NO_STATE
cdef int ACKS_INIT, ACKS_REFILLING, ACKS_PROBE_STARTING, ACKS_PROBE_FEEDBACK, ACKS_PROBE_STOPPING
cdef unsigned int MIN_PIPE_CWND, NO_BOUND, RENO_ROUNDS
cdef long long SECOND, MIN_RTT_WINDOW, PROBE_RTT_INTERVAL, PROBE_WAIT, QUANTUM_MAX
cdef double STARTUP_PACING_GAIN, DRAIN_PACING_GAIN, DOWN_PACING_GAIN, UP_PACING_GAIN, DEFAULT_CWND_GAIN, UP_CWND_GAIN
cdef double PROBE_RTT_CWND_GAIN, HEADROOM, BETA, LOSS_THRESHOLD


cdef class Bbr3(Bbr):
    cdef public PathModel model
    cdef public int state
    cdef public int ack_phase
    cdef public unsigned int bw_probe_up_acks
    cdef public unsigned int bw_probe_up_rounds
    cdef public unsigned int inflight_longterm
    cdef public unsigned int probe_up_cnt
    cdef public unsigned int rounds_since_bw_probe
    cdef public unsigned int undo_inflight_longterm
    cdef public int undo_state
    cdef public long long bw_probe_wait
    cdef public long long cycle_at
    cdef public long long now
    cdef public long long probe_rtt_min_at
    cdef public long long probe_rtt_min_delay
    cdef public bint bw_probe_samples
    cdef public bint is_undo_saved
    cdef public bint probe_rtt_expired

    cdef void _reset(self, long long now) noexcept
    cpdef double bandwidth(self) noexcept
    cdef void _begin_round(self) noexcept
    cdef bint _probes_rtt(self) noexcept
    cdef void _leave_probe_rtt(self, long long now) except *
    cpdef void start(self, long long now) except *
    cpdef bint control(self, AckSample sample, long long now) except *
    cpdef void on_segment_lost(self, SentRecord record, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef void on_timeout(self, long long now) except *
    cpdef unsigned int undo(self) except? 0xFFFFFFFF
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cdef void _enter_startup(self) noexcept
    cdef void _check_startup_done(self, AckSample sample) noexcept
    cdef void _enter_probe_bw(self) except *
    cdef void _start_down(self) except *
    cdef void _start_cruise(self) noexcept
    cdef void _start_refill(self) noexcept
    cdef void _start_up(self) noexcept
    cdef void _update_probe_bw(self, AckSample sample) except *
    cdef bint _probes_now(self) noexcept
    cdef bint _is_time_to_cruise(self, AckSample sample) noexcept
    cdef bint _is_time_to_go_down(self) noexcept
    cdef bint _is_probing_bw(self) noexcept
    cdef unsigned int _target_inflight(self) noexcept
    cdef void _adapt_longterm(self, AckSample sample) except *
    cdef void _probe_longterm_upward(self, AckSample sample) noexcept
    cdef void _raise_slope(self) noexcept
    cdef void _inflight_too_high(self, double flight, bint is_app_limited) except *
    cdef void _update_min_rtt(self, AckSample sample) noexcept
    cdef void _check_probe_rtt(self, AckSample sample) except *
    cdef unsigned int _probe_rtt_cwnd(self) noexcept
    cdef unsigned int _inflight(self, double bw) noexcept
    cdef unsigned int _with_quanta(self, unsigned int segs) noexcept
    cdef unsigned int _inflight_with_headroom(self) noexcept
    cdef void _set_cwnd(self, AckSample sample) noexcept
    cdef void _bound_cwnd(self) noexcept
    cdef void _leave_recovery(self, AckSample sample) noexcept
    cdef void _save_for_undo(self) noexcept
