from .ready cimport Pollable
from .timers cimport Timers


cdef class FdWatcher:
    cpdef void fd_ready(self, int fd, unsigned int events, long long now) except *


cdef class Lock:
    cpdef void acquire(self) except *
    cpdef bint try_acquire(self) except -1
    cpdef void release(self) except *
    cpdef bint is_owned(self) except -1


cdef class Scheduler:
    cdef public object fds
    cdef public Lock lock
    cdef public unsigned long long cookies
    cdef public Timers timers

    cpdef long long now(self) except *
    cpdef bint wait(self, Pollable source, unsigned int events, long long deadline) except *
    cpdef void watch_fd(self, int fd, unsigned int events, FdWatcher watcher) except *
    cpdef void unwatch_fd(self, int fd, FdWatcher watcher) except *
