cimport cython

from .settings cimport Settings, buffer_locks
from .sysctls cimport Sysctls

cdef long long PACKET_ROOM, PACKET_OVERHEAD, LINEAR_MAX, PAGE, SMALL_MAX, SMALL_COST
cdef unsigned int HALF_RATIO, RCVBUF_LOCK


@cython.final
cdef class ReceiveSpace:
    cdef public long long clamp
    cdef public long long ssthresh
    cdef public unsigned int max_edge
    cdef public unsigned int ratio
    cdef public long long held
    cdef public unsigned int last_seg_size
    cdef public unsigned int last_tsecr
    cdef public long long copied
    cdef public long long copied_at
    cdef public long long target
    cdef public long long rtt
    cdef public long long rtt_at
    cdef public unsigned int rtt_seq

    cpdef long long window_of(self, long long octets) noexcept
    cpdef long long buffer_for(self, long long window) noexcept


cpdef long long packet_cost(long long octets) noexcept
cpdef long long first_window(Settings settings, Sysctls sysctls, unsigned int mss, unsigned int initrwnd) noexcept
cpdef unsigned int window_scale(Settings settings, Sysctls sysctls) noexcept
cdef long long _first_space(Settings settings, Sysctls sysctls) noexcept
