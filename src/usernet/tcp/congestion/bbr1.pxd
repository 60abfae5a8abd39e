cimport cython

from ..rate cimport AckSample
from .bbr cimport Bbr, whole_segments
from .maxfilter cimport MaxFilter
from .policer cimport Policer

cdef int CA_LOSS, CA_RECOVERY, STARTUP, DRAIN, PROBE_BW, PROBE_RTT, CYCLE, EXTRA_ACKED_ROUNDS, FULL_BW_ROUNDS
cdef unsigned int GOAL_MAX
cdef long long BW_ROUNDS, MIN_RTT_WINDOW, EPOCH_MAX, GOAL_OCTETS_MAX
cdef double HIGH_GAIN, DRAIN_GAIN, CWND_GAIN, UP_GAIN, DOWN_GAIN, PACING_MARGIN, FULL_BW_GROWTH, EXTRA_ACKED_MAX


cdef class Bbr1(Bbr):
    cdef public MaxFilter bw_filter
    cdef public Policer policer
    cdef public int mode
    cdef public int cycle_index
    cdef public int extra_acked_rounds
    cdef public int full_bw_rounds
    cdef public unsigned int extra_acked
    cdef public unsigned int extra_acked_before
    cdef public unsigned long long next_round_delivered
    cdef public long long round_count
    cdef public long long cycle_at
    cdef public long long epoch_acked
    cdef public long long epoch_at
    cdef public double full_bw
    cdef public bint full_bw_reached
    cdef public bint packet_conservation
    cdef public bint round_start

    cdef void _reset(self) noexcept
    cpdef double bandwidth(self) noexcept
    cdef void _begin_round(self) noexcept
    cdef bint _probes_rtt(self) noexcept
    cdef void _leave_probe_rtt(self, long long now) except *
    cpdef bint control(self, AckSample sample, long long now) except *
    cpdef void on_timeout(self, long long now) except *
    cpdef unsigned int undo(self) except? 0xFFFFFFFF
    cpdef void on_restart(self, long long idle_ns, long long now) except *
    cpdef void start(self, long long now) except *
    cdef void _update_bandwidth(self, AckSample sample) except *
    cdef void _heed_policer(self, unsigned int losses, bint is_app_limited) except *
    cdef void _update_aggregation(self, AckSample sample) noexcept
    cdef bint _is_next_phase(self, AckSample sample, long long now) noexcept
    cdef unsigned int _in_network(self, unsigned int flight, AckSample sample, long long now) noexcept
    cdef void _next_phase(self) noexcept
    cdef void _check_full_bandwidth(self, AckSample sample) noexcept
    cdef void _check_drain(self, AckSample sample, long long now) except *
    cdef void _enter_probe_bw(self) except *
    cdef void _update_min_rtt(self, AckSample sample, long long now) except *
    cdef void _set_gains(self) noexcept
    cdef unsigned int _inflight(self, double gain) noexcept
    cdef unsigned int _with_quanta(self, unsigned int segs) noexcept
    cdef unsigned int _tso_goal(self) noexcept
    cdef void _set_cwnd(self, AckSample sample) noexcept
    cdef unsigned int _aggregated(self, double bw) noexcept
    cdef bint _recovers(self, AckSample sample) noexcept
