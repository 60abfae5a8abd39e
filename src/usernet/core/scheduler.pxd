from .ready cimport Pollable
from .timers cimport Timers


cdef class FdWatcher:
    cpdef void fd_ready(self, int fd, unsigned int events, long long now) except *


cdef class Scheduler:
    cdef public object fds
    cdef public object lock
    cdef public unsigned long long cookies
    cdef public Timers timers

    cpdef long long now(self) except *
    cpdef bint wait(self, Pollable source, unsigned int events, long long deadline) except *
    cpdef void watch_fd(self, int fd, unsigned int events, FdWatcher watcher) except *
    cpdef void unwatch_fd(self, int fd, FdWatcher watcher) except *
