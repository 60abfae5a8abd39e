cimport cython

from .fastopen cimport FastOpenKeys
from .sysctls cimport Sysctls

cdef unsigned int PMTUDISC_WANT, RCVBUF_LOCK, SNDBUF_LOCK


@cython.final
cdef class Settings:
    cdef public bint nodelay
    cdef public bint cork
    cdef public bint keepalive
    cdef public long long keepidle_ns
    cdef public long long keepintvl_ns
    cdef public long long user_timeout_ns
    cdef public long long linger2_ns
    cdef public int keepcnt
    cdef public int syncnt
    cdef public int defer_accept
    cdef public bint fastopen_connect
    cdef public bint fastopen_no_cookie
    cdef public int fastopen_limit
    cdef public FastOpenKeys fastopen_keys
    cdef public int save_syn
    cdef public int oif
    cdef public unsigned int maxseg
    cdef public long long rto_max_ns
    cdef public long long rto_min_ns
    cdef public long long delack_max_ns
    cdef public bint thin_linear
    cdef public unsigned int window_clamp
    cdef public unsigned int tos
    cdef public unsigned int ttl
    cdef public unsigned int mark
    cdef public unsigned int min_ttl
    cdef public unsigned int port_range
    cdef public unsigned int pmtudisc
    cdef public bint quickack
    cdef public long long notsent_lowat
    cdef public bint oobinline
    cdef public bint recverr
    cdef public unsigned int timestamping
    cdef public bint stamps_arrivals
    cdef public long long rcvbuf
    cdef public long long rcvlowat
    cdef public long long sndbuf
    cdef public unsigned int unlocked
    cdef public str congestion
    cdef public long long max_pacing_rate
    cdef public long long tx_delay_ns
    cdef public object keys

    cpdef Settings copy(self)


cpdef unsigned int buffer_locks(Settings settings) noexcept
cpdef long long keepidle(Settings settings, Sysctls sysctls) except? -1
cpdef long long keepintvl(Settings settings, Sysctls sysctls) except? -1
