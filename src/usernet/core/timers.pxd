cimport cython

cdef long long NEVER


cdef class TimerOwner:
    cpdef void timer_expired(self, int kind, long long now) except *


@cython.final
cdef class Timer:
    cdef public long long expires_at, key
    cdef public unsigned long long order
    cdef public Py_ssize_t index
    cdef public int kind
    cdef public Timers timers
    cdef public TimerOwner owner

    cpdef void arm(self, long long at) except *
    cpdef void cancel(self) noexcept
    cpdef bint is_armed(self) noexcept
    cpdef void destroy(self) except *


cdef class Alarm:
    cpdef void ring(self) except *


@cython.final
cdef class Timers:
    cdef public list heap
    cdef public Alarm alarm
    cdef public long long slept_until
    cdef public unsigned long long next_order

    cpdef long long next_at(self) except *
    cpdef int run(self, long long now) except -1
    cpdef void insert(self, Timer timer) except *
    cpdef void move_earlier(self, Timer timer) except *
    cpdef void remove(self, Timer timer) except *
    cdef void _wake_sleeper(self) except *
    cdef void _settle(self, Timer top) except *
    cdef void _sift_up(self, Py_ssize_t index) except *
    cdef void _sift_down(self, Py_ssize_t index) except *


cdef bint _before(Timer a, Timer b) noexcept
