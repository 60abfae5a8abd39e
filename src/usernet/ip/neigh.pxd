cimport cython

from ..core.context cimport Context
from ..core.packet cimport Packet
from ..core.timers cimport Timer, TimerOwner
from ..link.device cimport Device
from .settings cimport IpSettings

cdef int EINVAL, ENOBUFS
cdef Py_ssize_t ETH_ALEN
cdef int NUD_CONNECTED, NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP, NUD_NONE, NUD_PERMANENT, NUD_PROBE
cdef int NUD_REACHABLE, NUD_STALE, NUD_VALID
cdef long long SECOND, REDRAW_NS, GC_PAUSE_NS, LOCKTIME_NS


cdef class Resolver:
    cpdef void solicit(self, NeighbourTable table, Neighbour neighbour, bint unicast, long long now) except *
    cpdef void unreachable(self, NeighbourTable table, Packet packet, long long now) except *


@cython.final
cdef class Neighbour(TimerOwner):
    cdef public NeighbourTable table
    cdef public bytes address, lladdr, header
    cdef public int state, probes
    cdef public bint connected, dead
    cdef public long long confirmed_at, updated_at, used_at, queued
    cdef public object queue
    cdef public Timer timer


@cython.final
cdef class NeighbourTable:
    cdef public Context context
    cdef public IpSettings settings
    cdef public Device device
    cdef public object ether_type
    cdef public Resolver resolver
    cdef dict _entries
    cdef long long _reachable_ns, _redraw_at, _gc_at

    cpdef Neighbour get(self, bytes address)
    cpdef Neighbour lookup(self, bytes address, long long now)
    cpdef int send(self, Neighbour neighbour, Packet packet, long long now) except? -1
    cdef int _enqueue(self, Neighbour neighbour, Packet packet) except? -1
    cdef Packet _unqueue(self, Neighbour neighbour)
    cdef void _flush(self, Neighbour neighbour, long long now) except *
    cdef void _probe(self, Neighbour neighbour, long long now) except *
    cdef void _fail(self, Neighbour neighbour, long long now) except *
    cpdef void update(self, Neighbour neighbour, bytes lladdr, int state, bint override, long long now) except *
    cpdef void expire(self, Neighbour neighbour, long long now) except *
    cdef void _demote(self, Neighbour neighbour, int state, long long now) except *
    cdef void _set(self, Neighbour neighbour, int state, bytes lladdr) except *
    cdef long long _reachable_time(self, long long now) except *


cpdef void send_framed(Device device, bytes header, Packet packet, long long now) except *
