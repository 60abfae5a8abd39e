cimport cython

from ..core.entropy cimport Entropy
from ..core.packet cimport Packet
from ..core.timers cimport Timer, TimerOwner, Timers
from ..wire.ecn cimport set_ce
from .device cimport Device, Stage
from .gso cimport segment

cdef unsigned int CSUM_NONE
cdef Py_ssize_t COMPACT
cdef double DEVIATIONS
cdef long long LATE


@cython.final
cdef class Chance:
    cdef Entropy _entropy
    cdef double _correlation, _last, _probability

    cpdef double draw(self) except? -1
    cpdef bint happens(self) except? -1


@cython.final
cdef class GilbertElliott:
    cdef Entropy _entropy
    cdef double _loss_bad, _loss_good, _to_bad, _to_good
    cdef bint _bad

    cpdef bint happens(self) except? -1


@cython.final
cdef class Held:
    cdef Packet packet
    cdef long long at


@cython.final
cdef class DelayLine(TimerOwner):
    cdef Device _device
    cdef bint _outgoing
    cdef Timer _timer
    cdef list _held
    cdef Py_ssize_t _first
    cdef public unsigned long long forwarded
    cdef public unsigned long long late
    cdef public long long worst

    cdef Py_ssize_t length(self) except -1
    cdef long long last_at(self) except *
    cdef void insert(self, Packet packet, long long at, long long now) except *
    cdef void forward(self, Packet packet, long long now) except *
    cdef void close(self) except *


cdef class Impairment(Stage):
    cdef Chance _corrupt, _duplicate, _loss, _reorder, _shape
    cdef Entropy _where
    cdef GilbertElliott _gemodel
    cdef Device _device
    cdef long long _ce_threshold, _delay, _jitter
    cdef bint _ecn
    cdef str _kind
    cdef double _rate
    cdef Py_ssize_t _limit
    cdef unsigned int _counter, _gap
    cdef public DelayLine line
    cdef public object netem
    cdef public unsigned long long corrupted, duplicated, lost, malformed, marked, overlimit, reordered

    cdef void _admit(self, Packet packet, long long now, bint original) except *
    cdef long long _due_at(self, Packet packet, long long now) except? -1
    cdef bint _mark(self, Packet packet) except *
    cdef long long _transmission(self, double octets) except? -1
    cdef long long _deviation(self) except? -1
    cdef void _flip_bit(self, Packet packet) except *
