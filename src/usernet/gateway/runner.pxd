cimport cython

from ..core.ready cimport Pollable
from ..core.scheduler cimport FdWatcher
from ..core.timers cimport Timer, TimerOwner, Timers


cdef class Task(TimerOwner):
    cdef public bint queued
    cdef public unsigned int events

    cpdef bint turn(self, long long now) except *


cdef class Relay(Task):
    pass


@cython.final
cdef class Runner(TimerOwner):
    cdef list _ready, _stalled
    cdef bint _running
    cdef Timer _timer, _retry

    cpdef void soon(self, Task task) except *
    cpdef void later(self, Task task, long long now) except *


@cython.final
cdef class GuestEnd(Pollable):
    cdef public Runner runner
    cdef public Task task


@cython.final
cdef class KernelEnd(FdWatcher):
    cdef public Runner runner
    cdef public Task task
