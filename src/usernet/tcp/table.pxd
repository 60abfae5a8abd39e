cimport cython

from ..core.packet cimport Packet, octets_in
from ..core.sender cimport Path
from ..core.seq cimport seq_add, seq_lt
from ..core.timers cimport Timer
from ..wire.tcp cimport Segment
from .transmit cimport control_packet
from .sysctls cimport Sysctls
from .tcb cimport Binding, Endpoint, Engine, Tcb

cdef extern from *:
    """
    #include <string.h>

    static inline PyObject *usernet_listen_key(PyObject *address, unsigned int port, int family) {
        char key[18];
        Py_ssize_t n = PyBytes_GET_SIZE(address);
        if (n > 16) n = 16;
        memcpy(key, PyBytes_AS_STRING(address), (size_t)n);
        if (n == 0) key[n++] = (char)family;
        key[n++] = (char)(port >> 8);
        key[n++] = (char)port;
        return PyBytes_FromStringAndSize(key, n);
    }
    """
    bytes joined_key "usernet_listen_key"(bytes address, unsigned int port, int family)

cdef bint COMPILED
cdef unsigned int MASK32, ACK, RST, SYN
cdef long long MS, PAWS_24DAYS, TIME_WAIT_LEN
cdef int KIND_TIME_WAIT, T_TIME_WAIT, TIME_WAIT, TW_DONE, TW_NEW_CONNECTION

cpdef bytes demux_key(Packet packet)
cpdef bytes listen_key(bytes address, unsigned int port, int family)


@cython.final
cdef class TimeWait(Endpoint):
    cdef public Engine engine
    cdef public Path path
    cdef public bytes local, remote
    cdef public int family
    cdef public unsigned int local_port, remote_port, snd_nxt, rcv_nxt, rcv_wnd, ts_recent, ts_offset, tos, mark
    cdef public bint ts_ok
    cdef public long long ts_recent_at, started_at, last_answer_at
    cdef public Timer timer

    cpdef void end(self) except *
    cpdef int arrives(self, Segment seg, long long now) except -1
    cdef bint _may_answer(self, long long now) noexcept
    cpdef unsigned int next_iss(self) noexcept
    cpdef void acknowledge(self, long long now) except *


cpdef bint is_reusable(TimeWait waiting, Sysctls sysctls, long long now) noexcept
