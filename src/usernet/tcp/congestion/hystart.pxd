cimport cython

from ..rate cimport AckSample
from .base cimport CongestionControl

cdef unsigned int INFINITE_SSTHRESH, LOW_WINDOW, CSS_GROWTH_DIVISOR
cdef int SAMPLES, CSS_ROUNDS
cdef long long MS, NO_RTT, MIN_RTT_THRESHOLD, MAX_RTT_THRESHOLD, TRAIN_GAP, TRAIN_SLACK, TRAIN_SLACK_OCTETS

cpdef long long rtt_threshold(long long rtt) noexcept
cdef void _leave_by_train(CongestionControl cc) noexcept
cdef void _leave_by_delay(CongestionControl cc) noexcept


@cython.final
cdef class AckTrain:
    cdef public long long delay_min
    cdef public long long last_ack_at
    cdef public long long round_at

    cpdef void begin(self, long long now) noexcept
    cpdef bint fills_path(self, CongestionControl cc, long long rtt, long long now) noexcept


cdef class Hystart:
    cdef public long long current_min
    cdef public int samples
    cdef public unsigned long long round_end

    cpdef void setup(self) except *
    cpdef void begin(self, unsigned long long delivered, unsigned int in_flight) noexcept
    cpdef unsigned int acknowledged(self, CongestionControl cc, AckSample sample, long long now) noexcept
    cpdef void reset(self) noexcept


cdef class HystartPlusPlus(Hystart):
    cdef public long long last_min
    cdef public long long baseline
    cdef public bint in_css
    cdef public int css_rounds
    cdef public unsigned int growth
    cdef public AckTrain train

    cpdef void setup(self) except *
    cpdef unsigned int acknowledged(self, CongestionControl cc, AckSample sample, long long now) noexcept
    cdef void _judge(self) noexcept
    cdef void _round_ends(self, CongestionControl cc) noexcept
    cpdef void reset(self) noexcept


cdef class HystartLinux(Hystart):
    cdef public bint found
    cdef public AckTrain train

    cpdef void setup(self) except *
    cpdef unsigned int acknowledged(self, CongestionControl cc, AckSample sample, long long now) noexcept
    cdef void _look(self, CongestionControl cc, AckSample sample, long long now) noexcept
    cpdef void reset(self) noexcept


cdef class HystartWithTrain(HystartPlusPlus):
    cpdef void setup(self) except *
