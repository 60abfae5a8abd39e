from ...core.entropy cimport Entropy
from ..rate cimport AckSample
from .base cimport CongestionControl

cdef int CA_RECOVERY
cdef unsigned int INFINITE_SSTHRESH, INIT_CWND, MIN_PIPE_CWND, MOST_SEGMENTS
cdef long long MS, NO_RTT, SLOW_RATE, PROBE_RTT_DURATION
cdef double PACING_MARGIN


cpdef unsigned int whole_segments(double segs) noexcept


cdef class Bbr(CongestionControl):
    cdef public Entropy entropy
    cdef public int prior_ca_state
    cdef public unsigned int saved_cwnd
    cdef public long long min_rtt
    cdef public long long min_rtt_at
    cdef public long long probe_rtt_done_at
    cdef public double cwnd_gain
    cdef public double first_gain
    cdef public double pacing_gain
    cdef public bint has_seen_rtt
    cdef public bint idle_restart
    cdef public bint probe_rtt_round_done

    cdef void _forget(self, long long now) noexcept
    cdef void _begin(self, long long now) noexcept
    cpdef double bandwidth(self) noexcept
    cdef void _begin_round(self) noexcept
    cdef bint _probes_rtt(self) noexcept
    cdef unsigned int _probe_rtt_cwnd(self) noexcept
    cdef void _leave_probe_rtt(self, long long now) except *
    cdef void _probe_rtt(self, AckSample sample, bint round_start, long long now) except *
    cdef void _check_probe_rtt_done(self, long long now) except *
    cpdef void on_ack(self, AckSample sample, long long now) except *
    cpdef unsigned int on_loss(self, long long now) except? 0xFFFFFFFF
    cpdef unsigned int on_echo(self, long long now) except? 0xFFFFFFFF
    cdef void _first_pacing_rate(self) noexcept
    cdef void _set_pacing_rate(self, double gain, bint full_bw_reached) noexcept
    cdef unsigned int _bdp(self, double bw, double gain) noexcept
    cdef void _approach(self, unsigned int target, unsigned int delivered, bint full_bw_reached) noexcept
    cdef void _cap_cwnd(self) noexcept
    cdef void _save_cwnd(self) noexcept
    cdef void _restore_cwnd(self) noexcept
