cimport cython
from cpython.exc cimport PyErr_CheckSignals

from .core.entropy cimport Entropy
from .core.ready cimport Nothing, Pollable, Watcher
from .core.ring cimport Ring
from .core.scheduler cimport FdWatcher, Scheduler
from .core.timers cimport Timers
from .link.device cimport Device, ReadySink
from .link.lock cimport HostLock
from .link.poller cimport Poller, WakeUp

cdef extern from *:
    """
    #include <time.h>

    static inline long long usernet_monotonic_ns(void) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        return at.tv_sec * 1000000000LL + at.tv_nsec;
    }
    """
    long long monotonic_ns "usernet_monotonic_ns"() noexcept

cdef bint COMPILED
cdef long long LONGEST_SLEEP, NEVER
cdef unsigned int POLLERR, POLLHUP, POLLIN
cdef int BATCH


cdef class Follower(Watcher):
    cdef public long long deadline
    cdef public object gate
    cdef public bint queued
    cdef public list woken


@cython.final
cdef class MemoryDevices(ReadySink):
    cdef public Host host
    cdef public Ring queue


cdef class Host(Scheduler):
    cdef public str mode
    cdef public Entropy entropy
    cdef public list stacks
    cdef public bint closed
    cdef bint _leaving
    cdef long long _virtual
    cdef MemoryDevices _memory
    cdef Poller _poller
    cdef WakeUp _wake, _stand_back
    cdef dict _devices, _fd_watchers, _followers
    cdef object _driver, _background, _background_poll
    cdef unsigned long long _drives
    cdef list _abandoned, _woken

    cpdef void interrupt(self) except *
    cdef bint _lead(self, Pollable source, unsigned int events, long long deadline) except *
    cdef bint _drive(self, Pollable source, unsigned int events, long long deadline) except *
    cdef void _sleep(self, long long now, long long deadline) except *
    cdef void _sleep_virtual(self, long long until) except *
    cdef int _poll_kernel(self, long long timeout, long long until) except -1
    cdef void _run_device(self, Device device, long long now) except *
    cdef void _run_memory(self, long long now) except *
    cdef int _run_timers(self, long long now) except -1
    cdef void _relock(self) except *
    cdef void _hand_over(self) except *
    cdef void _run_fd(self, int fd, unsigned int events, long long now) except *
