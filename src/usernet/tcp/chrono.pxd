cimport cython

cdef int WAIT_NONE, WAIT_BUSY, WAIT_RWND, WAIT_SNDBUF


@cython.final
cdef class Chrono:
    cdef public int kind
    cdef public long long since
    cdef public long long busy
    cdef public long long rwnd_limited
    cdef public long long sndbuf_limited
    cdef public unsigned int timeouts
    cdef public unsigned int timeout_recoveries
    cdef public long long timeout_since
    cdef public long long timeout_span

    cpdef void start(self, int kind, long long now) noexcept
    cpdef void stop(self, int kind, bint has_data, long long now) noexcept
    cpdef void set(self, int kind, long long now) noexcept
    cpdef void timed_out(self, long long now) noexcept
    cpdef void heard(self, long long now) noexcept
