cimport cython

from ..core.timers cimport Alarm

cdef extern from *:
    """
    #include <errno.h>
    #include <sys/epoll.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    #ifndef SYS_epoll_pwait2
    #define SYS_epoll_pwait2 441
    #endif

    /* Results belong to the thread that waited: two threads may sit in one epoll at a hand-over. */
    static __thread struct epoll_event usernet_events[64];

    static inline int usernet_epoll_wait(int epfd, long long timeout_ns) {
        int n, saved;
        struct timespec limit;
        limit.tv_sec = timeout_ns / 1000000000;
        limit.tv_nsec = timeout_ns % 1000000000;
        if (timeout_ns == 0) {
            n = epoll_wait(epfd, usernet_events, 64, 0);
            saved = errno;
        } else {
            Py_BEGIN_ALLOW_THREADS
            n = (int)syscall(SYS_epoll_pwait2, epfd, usernet_events, 64,
                             timeout_ns < 0 ? NULL : &limit, NULL, (size_t)8);
            if (n < 0 && errno == ENOSYS)
                n = epoll_wait(epfd, usernet_events, 64,
                               timeout_ns < 0 ? -1 : (int)((timeout_ns + 999999) / 1000000));
            saved = errno;
            Py_END_ALLOW_THREADS
        }
        if (n >= 0)
            return n;
        if (saved == EINTR)
            return PyErr_CheckSignals() < 0 ? -1 : 0;
        errno = saved;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    static inline int usernet_ready_fd(int i) { return usernet_events[i].data.fd; }
    static inline unsigned int usernet_ready_events(int i) { return usernet_events[i].events; }
    """
    int epoll_wait_ns "usernet_epoll_wait"(int epfd, long long timeout_ns) except -1
    int epoll_ready_fd "usernet_ready_fd"(int i) noexcept
    unsigned int epoll_ready_events "usernet_ready_events"(int i) noexcept

cdef bint COMPILED
cdef long long LONGEST_SLEEP


@cython.final
cdef class Poller:
    cdef object _epoll
    cdef int _epfd
    cdef list _ready

    cpdef int wait(self, long long timeout_ns) except -1
    cpdef int fd(self, int i) except? -1
    cpdef unsigned int events(self, int i) except? 0xFFFFFFFF


@cython.final
cdef class WakeUp(Alarm):
    cdef public int fd
