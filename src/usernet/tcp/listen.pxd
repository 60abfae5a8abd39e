cimport cython

from ..core.packet cimport Packet, octets_in
from ..core.ready cimport Pollable
from ..core.sender cimport Path
from .fastopen cimport FastOpenQueue
from .settings cimport Settings
from .tcb cimport Binding, Endpoint, Engine, Tcb
from .tx_delay cimport TxDelay
from .user_calls cimport Connection

cdef unsigned int POLLIN
cdef int LISTEN, TFO_EVERY_LISTENER, TFO_SERVER


cdef class Acceptor(Engine):
    cpdef void enter(self, Endpoint endpoint) except *
    cpdef void stop_listening(self, Listener listener) except *


@cython.final
cdef class Listener:
    cdef public Acceptor engine
    cdef public Pollable owner
    cdef public Binding binding
    cdef public Settings settings
    cdef public object accepted
    cdef public dict requests
    cdef public FastOpenQueue fast
    cdef public TxDelay tx_delay
    cdef public int backlog
    cdef public int young
    cdef public long long cookies_until

    cpdef bint is_queue_full(self) except *
    cpdef bint is_accept_queue_full(self) except *
    cpdef Tcb accept(self, long long now)
    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef void close(self, long long now) except *


cpdef Path path_back(Engine engine, Packet packet, int oif)
cpdef Path answer_path(Engine engine, Packet packet, int oif)
