cimport cython

cdef int IDLE, BUSY, RWND_LIMITED, SNDBUF_LIMITED


@cython.final
cdef class Chrono:
    cdef public int kind
    cdef public long long since
    cdef public long long busy
    cdef public long long rwnd_limited
    cdef public long long sndbuf_limited

    cpdef void start(self, int kind, long long now) noexcept
    cpdef void stop(self, int kind, bint has_data, long long now) noexcept
    cpdef void set(self, int kind, long long now) noexcept
