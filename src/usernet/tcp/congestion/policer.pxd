cimport cython

from ..rate cimport DeliveryRate

cdef long long MS
cdef unsigned int INTERVAL_MIN, INTERVAL_MAX, USE_MAX
cdef double LOSS_THRESHOLD, RATIO, DIFFERENCE


@cython.final
cdef class Policer:
    cdef public double bw
    cdef public bint in_use
    cdef public bint is_sampling
    cdef public long long last_at
    cdef public unsigned long long last_delivered
    cdef public unsigned long long last_lost
    cdef public unsigned int rounds

    cpdef void reset(self, DeliveryRate rate) noexcept
    cpdef bint is_over(self) noexcept
    cpdef bint sample(self, DeliveryRate rate, unsigned int losses, bint is_app_limited, bint round_start, unsigned int mss) noexcept
    cdef bint _ends_interval(self, DeliveryRate rate, unsigned int mss) noexcept
    cdef void _begin(self, DeliveryRate rate) noexcept
