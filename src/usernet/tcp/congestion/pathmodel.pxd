cimport cython

from ..rate cimport AckSample, DeliveryRate
from .maxfilter cimport MaxFilter

cdef unsigned int NO_BOUND
cdef int FULL_BW_ROUNDS, STARTUP_LOSSES, ECN_STARTUP_ROUNDS
cdef long long EXTRA_ACKED_ROUNDS, ECN_MAX_RTT
cdef double NO_BANDWIDTH_BOUND, BETA, LOSS_THRESHOLD, FULL_BW_GROWTH, EXTRA_ACKED_MAX, ECN_GAIN, ECN_FACTOR, ECN_THRESHOLD


@cython.final
cdef class PathModel:
    cdef public DeliveryRate rate
    cdef public MaxFilter extra_acked_filter
    cdef public double bw
    cdef public double bw_before
    cdef public double bw_now
    cdef public double bw_latest
    cdef public double bw_shortterm
    cdef public double undo_bw_shortterm
    cdef public double sample_bw
    cdef public double full_bw
    cdef public double ecn_alpha
    cdef public double extra_acked_delivered
    cdef public long long extra_acked_at
    cdef public long long round_count
    cdef public unsigned long long next_round_delivered
    cdef public unsigned long long loss_round_delivered
    cdef public unsigned long long ecn_delivered
    cdef public unsigned long long ecn_ce
    cdef public unsigned int inflight_latest
    cdef public unsigned int inflight_shortterm
    cdef public unsigned int undo_inflight_shortterm
    cdef public int full_bw_count
    cdef public int loss_events
    cdef public int ecn_rounds
    cdef public bint ecn_eligible
    cdef public bint ecn_in_round
    cdef public bint full_bw_now
    cdef public bint full_bw_reached
    cdef public bint loss_in_round
    cdef public bint loss_round_start
    cdef public bint round_start

    cpdef void start(self, DeliveryRate rate, long long now) noexcept
    cpdef void begin_round(self) noexcept
    cpdef void take(self, AckSample sample, long long min_rtt) noexcept
    cpdef double max_bw(self) noexcept
    cpdef void advance_max_bw(self) noexcept
    cpdef void advance_latest(self, AckSample sample) noexcept
    cpdef void reset_full_bw(self, double baseline) noexcept
    cpdef void check_full_bw(self, bint is_app_limited) noexcept
    cpdef bint startup_too_high(self, AckSample sample, bint recovers) noexcept
    cpdef void update_aggregation(self, unsigned int delivered, unsigned int cwnd, long long now) noexcept
    cpdef unsigned int extra_acked(self) noexcept
    cpdef bint is_too_high(self, AckSample sample) noexcept
    cpdef void note_loss(self) noexcept
    cpdef void save_bounds(self) noexcept
    cpdef void undo(self) noexcept
    cpdef void bound_inflight(self, unsigned int cwnd) noexcept
    cpdef void adapt_lower_bounds(self, bint is_probing, unsigned int cwnd) noexcept
    cdef void _lower(self, bint by_loss) noexcept
    cpdef void reset_latest(self) noexcept
    cpdef void reset_shortterm(self) noexcept
    cdef void _update_ecn_alpha(self) noexcept
