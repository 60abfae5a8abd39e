cimport cython

from .counters cimport Counters
from .entropy cimport Entropy
from .pool cimport MemoryPool
from .timers cimport Timers


@cython.final
cdef class Context:
    cdef public Timers timers
    cdef public Entropy entropy
    cdef public Counters counters
    cdef public object sysctl
    cdef public MemoryPool pool
