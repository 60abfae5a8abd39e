cimport cython

from ..core.bytequeue cimport ByteQueue, SendQueue
from ..core.context cimport Context
from ..core.counters cimport Counters, TcpExtMib, TcpMib
from ..core.entropy cimport KeyedHash
from ..core.pool cimport MemoryPool
from ..core.ready cimport Pollable
from ..core.sender cimport Path, Sender, Transport
from ..core.timers cimport Timer, TimerOwner, Timers
from ..wire.tcp cimport Segment
from .congestion.base cimport AckSample, CongestionControl
from .reassembly cimport Reassembly
from .rtt cimport RttEstimator
from .scoreboard cimport Acked, Scoreboard
from .settings cimport Settings, Sysctls

cdef unsigned int MASK32, DEFAULT_MSS
cdef long long NEVER
cdef int CLOSED, KIND_TCB, T_DELACK, T_KEEP, T_RETRANSMIT


cdef class Endpoint(TimerOwner):
    cdef public int kind, state
    cdef public bytes key
    cdef public Binding binding


@cython.final
cdef class Binding:
    cdef public bytes address
    cdef public int port, family, flags, users
    cdef public bint is_open, is_listening


cdef class Engine(Transport):
    cdef public Context context
    cdef public Sender sender
    cdef public Counters counters
    cdef public TcpMib mib
    cdef public TcpExtMib ext
    cdef public MemoryPool pool
    cdef public Timers timers
    cdef public Sysctls sysctls
    cdef public KeyedHash isn_hash
    cdef public Segment segment
    cdef public AckSample ack_sample
    cdef public Acked acked
    cdef public int orphans, challenge_count
    cdef public long long challenge_until
    cdef public bint net_bind_service

    cpdef void forget(self, Endpoint endpoint) except *
    cpdef void enter_time_wait(self, Tcb tcb, long long now) except *


cdef class Tcb(Endpoint):
    cdef public Engine engine
    cdef public Path path
    cdef public bytes local, remote
    cdef public Pollable owner
    cdef public Settings settings
    cdef public SendQueue queue
    cdef public Scoreboard board
    cdef public RttEstimator rtt
    cdef public CongestionControl cc
    cdef public ByteQueue rcv_queue
    cdef public Reassembly ofo
    cdef public Timer rtx_timer, ack_timer, keep_timer
    cdef public int family, ca_state, rtx_kind, err, soft_err, shutdown, reordering
    cdef public unsigned int local_port, remote_port
    cdef public unsigned int iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, max_window, snd_sml, mss, mss_clamp, high_seq
    cdef public unsigned int irs, rcv_nxt, rcv_wup, rcv_wnd, last_ack_sent, ts_recent, ts_offset, peer_fin_seq
    cdef public unsigned int snd_wscale, rcv_wscale, advmss, rcv_mss, window_clamp
    cdef public unsigned int prior_ssthresh, prr_delivered, prr_out, cwnd_used, max_packets_seq
    cdef public int retransmits, backoff, probes_out, ack_pending, quick, pingpong
    cdef public bint quickack, fin_queued, fin_sent, more, nospace, snd_buf_locked, rcv_buf_locked, rcv_fin, seen_fin, ts_ok, sack_ok, is_orphan
    cdef public long long retrans_at, syn_sent_at, lsnd_at, cwnd_stamp, delivered_at, first_sent_at, ato, lrcv_at, rcv_at
    cdef public long long challenge_at, ts_recent_at, snd_buf, rcv_buf, drs_copied, drs_copied_at, drs_space, drs_rtt, drs_rtt_at
    cdef public unsigned int drs_rtt_seq
    cdef public int sack_count, dsack_count
    cdef public unsigned int sack_left[4]
    cdef public unsigned int sack_right[4]
    cdef public unsigned int dsack_left, dsack_right
    cdef public unsigned long long delivered, app_limited, lost, bytes_acked, bytes_sent, bytes_retrans, bytes_received
    cdef public unsigned int total_retrans, segs_out, data_segs_out, segs_in, data_segs_in, dsack_dups

    cdef void _zero_send_side(self) except *
    cdef void _zero_receive_side(self) except *
    cpdef long long unsent(self) noexcept
    cpdef unsigned long long position(self, unsigned int seq) noexcept
    cpdef unsigned int receive_window(self) noexcept
    cpdef void wake(self, unsigned int events) except *
    cpdef long long outq(self) noexcept
    cpdef long long available(self) noexcept
    cpdef bint is_rtx_armed(self) noexcept
    cpdef long long send(self, bytes octets, long long now, bint more=*) except? -1
    cpdef bytes recv(self, Py_ssize_t n, bint peek, long long now)
    cpdef Py_ssize_t recv_into(self, memoryview into, bint peek, long long now) except? -1
    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef int take_error(self) except? -1
    cpdef void shutdown_send(self, long long now) except *
    cpdef void shutdown_recv(self, long long now) except *
    cpdef void close(self, long long now) except *
    cpdef void abort(self, long long now) except *
    cpdef void settings_changed(self, long long now) except *
    cpdef dict info(self)
