cimport cython

from ..core.counters cimport Counters
from ..core.packet cimport Packet
from ..core.pool cimport MemoryPool
from ..core.sender cimport Path, Sender
from ..core.timers cimport Timer, TimerOwner, Timers

cdef int ENOBUFS, MOST_HELD, T_TX_DELAY


@cython.final
cdef class TxDelay(TimerOwner):
    cdef public Sender sender
    cdef public Counters counters
    cdef public MemoryPool pool
    cdef public Timer timer
    cdef public long long span
    cdef object _held

    cpdef int send(self, Path path, Packet packet, long long now) except? -1
