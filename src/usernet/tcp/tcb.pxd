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
from .accecn cimport Ecn
from .auth cimport Auth
from .chrono cimport Chrono
from .compression cimport Compression
from .arrivals cimport Arrivals
from .errqueue cimport ErrorQueue
from .marks cimport SendMarks
from .acked cimport Acked
from .congestion.base cimport CongestionControl
from .prr cimport Prr
from .pacing cimport Pacer
from .peers cimport Peers
from .mtu cimport MtuProbe
from .rack cimport Rack
from .rate cimport AckSample, DeliveryRate
from .cookies cimport SynCookies
from .cwv cimport WindowValidation
from .fastopen cimport FastOpen, FastOpens
from .reassembly cimport Reassembly
from .rtt cimport RttEstimator
from .scoreboard cimport Scoreboard
from .settings cimport Settings
from .space cimport ReceiveSpace
from .sysctls cimport Sysctls
from .trace cimport Trace
from .tx_delay cimport TxDelay
from .urgent_state cimport Urgent
from .tlp cimport LossProbe
from .undo cimport Undo

cdef unsigned int MASK32, DEFAULT_MSS, INIT_CWND
cdef long long NEVER
cdef int CLOSED, KIND_TCB, T_DELACK, T_KEEP, T_RETRANSMIT, URG_NONE


cdef class Endpoint(TimerOwner):
    cdef public int kind, state
    cdef public bytes key
    cdef public Binding binding
    cdef public Auth auth


@cython.final
cdef class Binding:
    cdef public bytes address
    cdef public int port, family, flags, users
    cdef public int oif
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
    cdef public object controls
    cdef public KeyedHash isn_hash
    cdef public SynCookies cookies
    cdef public FastOpens fast_opens
    cdef public Peers peers
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
    cdef public bytes local
    cdef public bytes remote
    cdef public FastOpen fastopen
    cdef public int writers
    cdef public bytes saved_syn
    cdef public Pollable owner
    cdef public Settings settings
    cdef public MtuProbe mtu
    cdef public SendQueue queue
    cdef public Scoreboard board
    cdef public RttEstimator rtt
    cdef public Prr prr
    cdef public Rack rack
    cdef public Undo undo
    cdef public LossProbe probe
    cdef public bint is_reneged
    cdef public DeliveryRate rate
    cdef public Pacer pacer
    cdef public unsigned int init_cwnd
    cdef public CongestionControl cc
    cdef public Ecn ecn
    cdef public ByteQueue rcv_queue
    cdef public Reassembly ofo
    cdef public ReceiveSpace space
    cdef public Chrono chrono
    cdef public SendMarks marks
    cdef public ErrorQueue errors
    cdef public Arrivals arrivals
    cdef public Urgent urgent
    cdef public Trace trace
    cdef public TxDelay tx_delay
    cdef public unsigned long long piece_at
    cdef public unsigned long long more_end
    cdef public unsigned long long pushed_at
    cdef public long long stamp_base
    cdef public Compression compression
    cdef public Timer rtx_timer
    cdef public Timer ack_timer
    cdef public Timer keep_timer
    cdef public int family
    cdef public int ca_state
    cdef public int rtx_kind
    cdef public int err
    cdef public int soft_err
    cdef public int shutdown
    cdef public int reordering
    cdef public unsigned int local_port
    cdef public unsigned int remote_port
    cdef public unsigned int iss
    cdef public unsigned int snd_una
    cdef public unsigned int snd_nxt
    cdef public unsigned int snd_wnd
    cdef public unsigned int snd_wl1
    cdef public unsigned int max_window
    cdef public unsigned int snd_sml
    cdef public unsigned int mss
    cdef public unsigned int mss_clamp
    cdef public unsigned int high_seq
    cdef public unsigned int irs
    cdef public unsigned int rcv_nxt
    cdef public unsigned int rcv_wup
    cdef public unsigned int rcv_wnd
    cdef public unsigned int last_ack_sent
    cdef public unsigned int ts_recent
    cdef public unsigned int ts_offset
    cdef public unsigned int peer_fin_seq
    cdef public unsigned int snd_wscale
    cdef public unsigned int rcv_wscale
    cdef public unsigned int advmss
    cdef public unsigned int rcv_mss
    cdef public unsigned int window_clamp
    cdef public unsigned int cwnd_used
    cdef public WindowValidation cwv
    cdef public unsigned int max_packets_seq
    cdef public int retransmits
    cdef public int backoff
    cdef public int probes_out
    cdef public long long probes_at
    cdef public int ack_pending
    cdef public int quick
    cdef public int pingpong
    cdef public bint fin_queued
    cdef public bint fin_sent
    cdef public bint more
    cdef public bint pushes
    cdef public bint pushes_one
    cdef public bint nospace
    cdef public bint snd_buf_locked
    cdef public bint rcv_buf_locked
    cdef public bint rcv_fin
    cdef public bint seen_fin
    cdef public bint ts_ok
    cdef public bint sack_ok
    cdef public bint wscale_ok
    cdef public bint is_orphan
    cdef public long long retrans_at
    cdef public long long syn_sent_at
    cdef public long long lsnd_at
    cdef public long long cwnd_stamp
    cdef public long long ato
    cdef public long long lrcv_at
    cdef public long long rcv_at
    cdef public long long challenge_at
    cdef public long long ts_recent_at
    cdef public long long snd_buf
    cdef public long long rcv_buf
    cdef public int sack_count
    cdef public int dsack_count
    cdef public unsigned int sack_left[4]
    cdef public unsigned int sack_right[4]
    cdef public unsigned int dsack_left
    cdef public unsigned int dsack_right
    cdef public unsigned long long bytes_acked
    cdef public unsigned long long bytes_sent
    cdef public unsigned long long bytes_retrans
    cdef public unsigned long long bytes_received
    cdef public unsigned int total_retrans
    cdef public unsigned int segs_out
    cdef public unsigned int data_segs_out
    cdef public unsigned int segs_in
    cdef public unsigned int data_segs_in
    cdef public unsigned int rcv_ooopack
    cdef public unsigned int dsack_dups

    cdef void _zero_send_side(self) except *
    cdef void _zero_receive_side(self) except *
    cpdef long long unsent(self) noexcept
    cpdef unsigned long long position(self, unsigned int seq) noexcept
    cpdef unsigned int receive_window(self) noexcept
    cdef long long peer_room(self) noexcept
    cdef bint has_new(self) noexcept
    cpdef bint is_unproved(self) noexcept
    cdef long long report_room(self) noexcept
    cpdef void wake(self, unsigned int events) except *
    cpdef long long outq(self) noexcept
    cpdef long long available(self) noexcept
    cpdef bint is_readable(self) noexcept
    cdef bint _is_urgent_next(self, Urgent urgent) noexcept
    cpdef unsigned int copied_seq(self) noexcept
    cpdef bint is_rtx_armed(self) noexcept
    cpdef long long open_fast(self, bytes octets, long long now) except? -1
    cpdef bint may_open_fast(self, long long now) except *
    cpdef long long send(self, bytes octets, long long now, unsigned int flags=*, Py_ssize_t done=*) except? -1
    cpdef bytes recv(self, Py_ssize_t n, bint peek, long long now)
    cpdef Py_ssize_t recv_into(self, memoryview into, bint peek, long long now) except? -1
    cpdef unsigned int poll(self) except? 0xFFFFFFFF
    cpdef int take_error(self) except? -1
    cpdef void shutdown_send(self, long long now) except *
    cpdef void shutdown_recv(self, long long now) except *
    cpdef void close(self, long long now) except *
    cpdef void abort(self, long long now) except *
    cpdef void push(self, long long now) except *
    cpdef int recv_urgent(self, bint peek) except? -1
    cpdef bint is_open_fast(self) noexcept
    cpdef void settings_changed(self, long long now) except *
    cpdef void set_quickack(self, int value, long long now) except *
    cpdef bint quickack(self) noexcept
    cpdef void set_keepidle(self, long long span_ns, long long now) except *
    cpdef void set_low_water(self, long long octets) except *
    cpdef dict info(self, long long now=*)
