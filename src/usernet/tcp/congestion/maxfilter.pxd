cimport cython


@cython.final
cdef class MaxFilter:
    cdef public double best
    cdef public double second
    cdef public double third
    cdef public long long best_at
    cdef public long long second_at
    cdef public long long third_at

    cpdef void reset(self, double value, long long at) noexcept
    cpdef void update(self, double value, long long at, long long span) noexcept
    cdef void _age(self, double value, long long at, long long span) noexcept
    cdef void _move_up(self, double value, long long at) noexcept
