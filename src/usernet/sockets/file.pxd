from ..core.ready cimport Pollable, Watcher
from ..core.scheduler cimport Lock, Scheduler
from ..core.timers cimport Timers

cdef unsigned int POLLERR, POLLHUP, POLLNVAL


cdef class File(Pollable):
    cdef public Scheduler host
    cdef public int refs
    cdef public bint closed, hurried

    cpdef void close(self) except *
    cpdef void close_locked(self) except *
    cpdef void release(self) except *
    cdef void _end_sleep(self) except *


cpdef bint in_midst(Scheduler host) except -1
