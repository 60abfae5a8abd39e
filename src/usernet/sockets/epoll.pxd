cimport cython

from ..core.ready cimport Pollable, Watcher
from ..core.scheduler cimport Lock
from .file cimport File

cdef long long NEVER
cdef unsigned int POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, CLOSED_EVENTS
cdef unsigned int EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, PRIVATE, POLLRDNORM, POLLWRNORM
cdef int FD_BASE


@cython.final
cdef class EpollItem(Watcher):
    cdef public Epoll epoll
    cdef public File file
    cdef public int fd
    cdef public unsigned int events
    cdef public bint queued
    cdef public EpollItem next, previous

    cpdef unsigned int level(self) except? 0xFFFFFFFF


cdef class Epoll(File):
    cdef dict _items
    cdef EpollItem _first, _last

    cpdef void drop(self, EpollItem item) except *
    cpdef void enqueue(self, EpollItem item) except *
    cpdef void dequeue(self, EpollItem item) except *
    cpdef list wait(self, long long timeout_ns, Py_ssize_t maxevents)
    cdef list _collect(self, Py_ssize_t maxevents)


cpdef unsigned int wide(unsigned int events) noexcept
