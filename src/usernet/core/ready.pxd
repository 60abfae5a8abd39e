cimport cython


cdef class Watcher:
    cpdef void notify(self, Pollable source, unsigned int events) except *


cdef class Pollable:
    cdef public list watchers

    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef void watch(self, Watcher watcher) except *
    cpdef void unwatch(self, Watcher watcher) except *
    cpdef void wake(self, unsigned int events) except *


@cython.final
cdef class Nothing(Pollable):
    pass
