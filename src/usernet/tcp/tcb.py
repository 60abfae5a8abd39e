"""Transmission control block: the variables of RFC 9293 3.3.1 and what they need around them.

Invariants: ``snd_una <= snd_nxt <= snd_una + octets queued (+1 for FIN)``; the octet with sequence number ``snd_una``
stands at ``queue.base`` once the SYN is acknowledged; ``rcv_wup + rcv_wnd`` is the right edge promised to the peer,
which moves left only where net.ipv4.tcp_shrink_window or a lack of memory say so; of the pool's octets
``outq() + available() + ofo.memory`` are this connection's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.bytequeue import ByteQueue, SendQueue
from ..core.const import MASK32, NEVER
from ..core.context import Context
from ..core.counters import Counters, TcpExtMib, TcpMib
from ..core.entropy import KeyedHash
from ..core.pool import MemoryPool
from ..core.ready import Pollable
from ..core.sender import Path, Sender, Transport
from ..core.timers import Timer, TimerOwner, Timers
from ..wire.tcp import Segment
from .accecn import Ecn
from .acked import Acked
from .arrivals import Arrivals
from .auth import Auth
from .chrono import Chrono
from .compression import Compression
from .congestion import Controls
from .congestion.base import CongestionControl
from .const import CLOSED, DEFAULT_MSS, INIT_CWND, KIND_TCB, T_DELACK, T_KEEP, T_RETRANSMIT, URG_NONE
from .cookies import SynCookies
from .cwv import WindowValidation
from .errqueue import ErrorQueue
from .fastopen import FastOpen, FastOpens
from .marks import SendMarks
from .mtu import MtuProbe
from .pacing import Pacer
from .peers import Peers
from .prr import Prr
from .rack import Rack
from .rate import AckSample, DeliveryRate
from .reassembly import Reassembly
from .rtt import RttEstimator
from .scoreboard import Scoreboard
from .settings import Settings
from .space import ReceiveSpace
from .sysctls import Sysctls
from .tlp import LossProbe
from .trace import Trace
from .tx_delay import TxDelay
from .undo import Undo
from .urgent_state import Urgent

if TYPE_CHECKING:
    import cython


class Endpoint(TimerOwner):
    """What the demultiplexing table holds. ``key`` is its place there: remote and local address, then ports.

    ``auth`` is what signs and checks its segments, None where nothing does.
    """

    __slots__ = ("auth", "binding", "key", "kind", "state")

    def __init__(self, kind: cython.int, key: bytes, state: cython.int) -> None:
        self.kind = kind
        self.state = state
        self.key: bytes = key
        self.binding: Binding | None = None
        self.auth: Auth | None = None


class Binding:
    """A local address and port somebody holds. ``address`` b"" is any; ``oif`` is SO_BINDTODEVICE's interface or 0.

    ``users`` counts the connections made through it; it stays taken until they are gone, TIME-WAIT included (Linux).
    """

    __slots__ = ("address", "family", "flags", "is_listening", "is_open", "oif", "port", "users")

    def __init__(self, address: bytes, port: int, family: int, flags: int, oif: int = 0) -> None:
        self.address: bytes = address
        self.port = port
        self.family = family
        self.flags = flags
        self.oif = oif
        self.is_open = True
        self.is_listening = False
        self.users = 0


class Engine(Transport):
    """What all connections of a stack share. The protocol (protocol.py) is one."""

    __slots__ = (
        "ack_sample", "acked", "challenge_count", "challenge_until", "context", "controls", "cookies", "counters",
        "ext", "fast_opens", "isn_hash", "mib", "net_bind_service", "orphans", "peers", "pool", "segment", "sender",
        "sysctls", "timers",
    )  # fmt: skip

    def __init__(self, context: Context, sender: Sender) -> None:
        counters: Counters = context.counters
        self.context = context
        self.sender = sender
        self.counters = counters
        self.mib: TcpMib = counters.tcp
        self.ext: TcpExtMib = counters.tcp_ext
        self.pool: MemoryPool = context.pool
        self.timers: Timers = context.timers
        self.sysctls = Sysctls(context.sysctl)
        self.controls = Controls(context.sysctl, context.entropy.fork("congestion"))
        self.isn_hash = KeyedHash(context.entropy.octets(16))
        self.cookies = SynCookies(context.entropy.fork("syn cookies"))
        self.fast_opens = FastOpens(context.sysctl, context.entropy.fork("fast open"))
        self.peers = Peers(counters)
        self.segment = Segment()
        self.ack_sample = AckSample()
        self.acked = Acked()
        self.orphans = 0
        self.challenge_count = 0
        self.challenge_until = 0
        self.net_bind_service = True

    def forget(self, endpoint: Endpoint) -> None:
        """Take an endpoint out of the table and give its port back."""
        raise NotImplementedError

    def enter_time_wait(self, tcb: Tcb, now: cython.longlong) -> None:
        """Put a TIME-WAIT entry in the place of this connection."""
        raise NotImplementedError


class Tcb(Endpoint):
    """One connection. What users call is in :class:`usernet.tcp.user_calls.Connection`."""

    __slots__ = (
        "ack_pending",
        "ack_timer",
        "advmss",
        "arrivals",
        "ato",
        "backoff",
        "board",
        "bytes_acked",
        "bytes_received",
        "bytes_retrans",
        "bytes_sent",
        "ca_state",
        "cc",
        "challenge_at",
        "chrono",
        "compression",
        "cwnd_stamp",
        "cwnd_used",
        "cwv",
        "data_segs_in",
        "data_segs_out",
        "dsack_count",
        "dsack_dups",
        "dsack_left",
        "dsack_right",
        "ecn",
        "engine",
        "err",
        "errors",
        "family",
        "fastopen",
        "fin_queued",
        "fin_sent",
        "high_seq",
        "init_cwnd",
        "irs",
        "is_orphan",
        "is_reneged",
        "iss",
        "keep_timer",
        "last_ack_sent",
        "local",
        "local_port",
        "lrcv_at",
        "lsnd_at",
        "marks",
        "max_packets_seq",
        "max_window",
        "more",
        "more_end",
        "mss",
        "mss_clamp",
        "mtu",
        "nospace",
        "ofo",
        "owner",
        "pacer",
        "path",
        "peer_fin_seq",
        "piece_at",
        "pingpong",
        "probe",
        "probes_at",
        "probes_out",
        "prr",
        "pushed_at",
        "pushes",
        "pushes_one",
        "queue",
        "quick",
        "rack",
        "rate",
        "rcv_at",
        "rcv_buf",
        "rcv_buf_locked",
        "rcv_fin",
        "rcv_mss",
        "rcv_nxt",
        "rcv_ooopack",
        "rcv_queue",
        "rcv_wnd",
        "rcv_wscale",
        "rcv_wup",
        "remote",
        "remote_port",
        "reordering",
        "retrans_at",
        "retransmits",
        "rtt",
        "rtx_kind",
        "rtx_timer",
        "sack_count",
        "sack_left",
        "sack_ok",
        "sack_right",
        "saved_syn",
        "seen_fin",
        "segs_in",
        "segs_out",
        "settings",
        "shutdown",
        "snd_buf",
        "snd_buf_locked",
        "snd_nxt",
        "snd_sml",
        "snd_una",
        "snd_wl1",
        "snd_wnd",
        "snd_wscale",
        "soft_err",
        "space",
        "stamp_base",
        "syn_sent_at",
        "total_retrans",
        "trace",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "ts_recent_at",
        "tx_delay",
        "undo",
        "urgent",
        "window_clamp",
        "writers",
        "wscale_ok",
    )  # fmt: skip

    def __init__(
        self, engine: Engine, key: bytes, path: Path, local_port: cython.uint, remote_port: cython.uint
    ) -> None:
        self.kind = KIND_TCB
        self.key = key
        self.binding = None
        self.auth = None
        self.engine = engine
        self.path: Path = path
        self.family = path.family
        self.local: bytes = path.src
        self.remote: bytes = path.dst
        self.local_port = local_port
        self.remote_port = remote_port
        self.owner: Pollable | None = None
        self.state = CLOSED
        self.settings: Settings
        # None without ECN; whoever calls on it has looked.
        self.ecn: Ecn = None  # type: ignore[assignment]
        self._zero_send_side()
        self._zero_receive_side()
        self.err = self.soft_err = 0
        self.shutdown = 0
        self.is_orphan = False
        self.fastopen: FastOpen | None = None
        self.writers = 0
        self.saved_syn: bytes | None = None
        self.rtx_timer: Timer = Timer(engine.timers, self, T_RETRANSMIT)
        self.ack_timer: Timer = Timer(engine.timers, self, T_DELACK)
        self.keep_timer: Timer = Timer(engine.timers, self, T_KEEP)
        self.rtx_kind = 0

    def _zero_send_side(self) -> None:
        sysctls: Sysctls = self.engine.sysctls
        self.queue: SendQueue = SendQueue()
        self.rate: DeliveryRate = DeliveryRate()
        self.pacer: Pacer = Pacer(sysctls)
        self.init_cwnd = INIT_CWND
        self.rack: Rack = Rack()
        self.board: Scoreboard = Scoreboard(self.rate, self.rack, self.engine.ext)
        self.undo: Undo = Undo()
        self.probe: LossProbe = LossProbe()
        self.is_reneged = False
        self.rtt: RttEstimator = RttEstimator(sysctls.rto_min_ns, sysctls.rto_max_ns)
        self.cc: CongestionControl
        self.iss = self.snd_una = self.snd_nxt = 0
        self.snd_wnd = self.snd_wl1 = self.max_window = 0
        self.snd_wscale = 0
        self.snd_sml = 0
        self.mss = self.mss_clamp = DEFAULT_MSS
        self.mtu: MtuProbe = MtuProbe()
        self.fin_queued = self.fin_sent = False
        self.more = self.pushes = self.pushes_one = False
        self.chrono: Chrono = Chrono()
        self.marks: SendMarks | None = None
        self.errors: ErrorQueue | None = None
        self.urgent: Urgent | None = None
        self.trace: Trace | None = None
        self.tx_delay: TxDelay | None = None
        self.piece_at = self.more_end = self.pushed_at = self.stamp_base = 0
        self.nospace = False
        self.snd_buf = 0
        self.snd_buf_locked = False
        self.ca_state = 0
        self.high_seq = 0
        self.prr: Prr = Prr()
        self.reordering = sysctls.reordering
        self.retransmits = self.backoff = self.probes_out = 0
        self.retrans_at = self.probes_at = -1
        self.syn_sent_at = -1
        self.lsnd_at = -1
        self.cwnd_stamp = 0
        self.cwnd_used = self.max_packets_seq = 0
        # None without RFC 7661; whoever calls on it has looked.
        self.cwv: WindowValidation = None  # type: ignore[assignment]
        self.bytes_acked = self.bytes_sent = self.bytes_retrans = 0
        self.total_retrans = self.segs_out = self.data_segs_out = 0
        self.dsack_dups = 0

    def _zero_receive_side(self) -> None:
        self.rcv_queue: ByteQueue = ByteQueue()
        self.ofo: Reassembly = Reassembly()
        self.space: ReceiveSpace = ReceiveSpace()
        self.irs = self.rcv_nxt = self.rcv_wup = self.rcv_wnd = 0
        self.rcv_wscale = 0
        self.window_clamp = 0
        self.rcv_buf = 0
        self.rcv_buf_locked = False
        self.rcv_fin = self.seen_fin = False
        self.peer_fin_seq = 0
        self.advmss = DEFAULT_MSS
        self.rcv_mss = 0
        self.ack_pending = self.quick = self.pingpong = 0
        self.ato = 0
        self.lrcv_at = self.rcv_at = 0
        self.challenge_at = -(1 << 62)
        self.last_ack_sent = 0
        self.ts_ok = self.sack_ok = self.wscale_ok = False
        self.ts_recent = self.ts_offset = 0
        self.ts_recent_at = 0
        self.sack_count = 0
        self.sack_left = [0, 0, 0, 0]
        self.sack_right = [0, 0, 0, 0]
        self.dsack_count = self.dsack_left = self.dsack_right = 0
        self.compression: Compression | None = None
        self.arrivals: Arrivals | None = None
        self.segs_in = self.rcv_ooopack = self.data_segs_in = self.bytes_received = 0

    def unsent(self) -> cython.longlong:
        """Octets queued and never sent; none once the FIN is, which goes last."""
        return 0 if self.fin_sent else self.queue.end - self.position(self.snd_nxt)

    def position(self, seq: cython.uint) -> cython.ulonglong:
        """Where in the send queue the octet with this sequence number stands."""
        return self.queue.base + ((seq - self.snd_una) & MASK32)

    def receive_window(self) -> cython.uint:
        """What is left of the window last promised."""
        used: cython.uint = (self.rcv_nxt - self.rcv_wup) & MASK32
        return self.rcv_wnd - used if used < self.rcv_wnd else 0

    def peer_room(self) -> cython.longlong:
        """What is left of the peer's window; below 0 where it shrank under what was sent."""
        room: cython.longlong = self.snd_wnd
        room -= (self.snd_nxt - self.snd_una) & MASK32
        return room

    def has_new(self) -> cython.bint:
        """Is there anything never sent that the peer's window lets go?"""
        return self.peer_room() > 0 and (self.unsent() > 0 or (self.fin_queued and not self.fin_sent))

    def is_unproved(self) -> cython.bint:
        """Opened by its SYN alone (RFC 7413): until an ACK proves the peer, the timer is the SYN,ACK's."""
        return self.fastopen is not None and self.fastopen.queue is not None

    def report_room(self) -> cython.longlong:
        """What the error queue's timestamps may take of the receive buffer."""
        return self.rcv_buf - self.space.held - self.ofo.memory

    def wake(self, events: cython.uint) -> None:
        """Tell the owner, if there is one."""
        if self.owner is not None:
            self.owner.wake(events)

    def outq(self) -> cython.longlong:
        """Octets not yet acknowledged (SIOCOUTQ)."""
        return self.queue.end - self.queue.base

    def available(self) -> cython.longlong:
        """Octets a reader can take now (SIOCINQ)."""
        return self.rcv_queue.length

    def is_readable(self) -> cython.bint:
        """True when enough has come for a reader that waits (SO_RCVLOWAT), or as much as there is room for (Linux)."""
        n: cython.longlong = self.rcv_queue.length
        if n > 0 and self.urgent is not None and self._is_urgent_next(self.urgent):
            # Read with MSG_OOB; recv() skips it, and would wait for what is behind it.
            n -= 1
        if n == 0:
            return False
        if n >= self.settings.rcvlowat or self.receive_window() <= self.rcv_mss:
            return True
        return self.space.held > self.rcv_buf - (self.rcv_buf >> 3) or self.engine.pool.under_pressure()

    def _is_urgent_next(self, urgent: Urgent) -> cython.bint:
        # The octet at the front is one that stands out of line.
        return urgent.state != URG_NONE and not self.settings.oobinline and urgent.seq == self.copied_seq()

    def copied_seq(self) -> cython.uint:
        """The number of the next octet a reader gets."""
        return (self.rcv_nxt - self.rcv_queue.length - (1 if self.rcv_fin else 0)) & MASK32

    def is_rtx_armed(self) -> cython.bint:
        """True while the retransmission or probe timer runs."""
        return self.rtx_timer.expires_at != NEVER

    # What users call; see user_calls.py.

    def open_fast(self, octets: bytes, now: cython.longlong) -> cython.longlong:
        """Send the SYN that connect() put off, with as much of octets as it may carry; returns how many (RFC 7413)."""
        raise NotImplementedError

    def may_open_fast(self, now: cython.longlong) -> cython.bint:
        """True when a SYN to this peer may carry text: its cookie is known, or none is needed."""
        raise NotImplementedError

    def send(
        self, octets: bytes, now: cython.longlong, flags: cython.uint = 0, done: cython.Py_ssize_t = 0
    ) -> cython.longlong:
        """RFC 9293 3.10.2: queue octets[done:]. Returns how many were taken, 0 when the buffer is full, or -errno.

        ``flags`` are MSG_MORE, MSG_EOR, MSG_OOB, MSG_ZEROCOPY, and SEND_COPIED.
        """
        raise NotImplementedError

    def recv(self, n: cython.Py_ssize_t, peek: cython.bint, now: cython.longlong) -> bytes | None:
        """RFC 9293 3.10.3: up to n octets; None when there is nothing yet or an error is pending, b"" at the end."""
        raise NotImplementedError

    def recv_into(self, into: memoryview, peek: cython.bint, now: cython.longlong) -> cython.Py_ssize_t:
        """As recv, into a writable buffer: the count, 0 at the end, -EAGAIN where recv gives None."""
        raise NotImplementedError

    def poll(self) -> cython.uint:
        """POLL bits that hold now."""
        raise NotImplementedError

    def take_error(self) -> cython.int:
        """The pending errno, 0 for none; asking clears it (SO_ERROR)."""
        raise NotImplementedError

    def shutdown_send(self, now: cython.longlong) -> None:
        """RFC 9293 3.10.4's CLOSE: no more will be sent."""
        raise NotImplementedError

    def shutdown_recv(self, now: cython.longlong) -> None:
        """Nothing more will be read."""
        raise NotImplementedError

    def close(self, now: cython.longlong) -> None:
        """Let go of the connection: it ends by itself, with a RST if data was left unread (RFC 2525 2.17)."""
        raise NotImplementedError

    def abort(self, now: cython.longlong) -> None:
        """RFC 9293 3.10.5: end it with a RST."""
        raise NotImplementedError

    def push(self, now: cython.longlong) -> None:
        """Send what waits for more: TCP_NODELAY was set."""
        raise NotImplementedError

    def recv_urgent(self, peek: cython.bint) -> cython.int:
        """recv(MSG_OOB): the urgent octet, or -errno; URG_AT_END at the end of the stream."""
        raise NotImplementedError

    def is_open_fast(self) -> cython.bint:
        """True in SYN_RECEIVED when the connection was opened by its SYN alone (RFC 7413)."""
        raise NotImplementedError

    def settings_changed(self, now: cython.longlong) -> None:
        """Look at ``settings`` again."""
        raise NotImplementedError

    def set_quickack(self, value: cython.int, now: cython.longlong) -> None:
        """TCP_QUICKACK: 0 expects replies that carry ACKs, 1 does not; an even number sends what is owed, then does."""
        raise NotImplementedError

    def quickack(self) -> cython.bint:
        """True while replies are not expected to carry ACKs."""
        raise NotImplementedError

    def set_keepidle(self, span_ns: cython.longlong, now: cython.longlong) -> None:
        """TCP_KEEPIDLE: how long nothing came before the first keep-alive probe, from the next one on."""
        raise NotImplementedError

    def set_low_water(self, octets: cython.longlong) -> None:
        """SO_RCVLOWAT, bounded by half of the buffer; the buffer grows to hold as much."""
        raise NotImplementedError

    def info(self, now: cython.longlong = 0) -> dict[str, int | str]:
        """RFC 9293 3.10.6, with the field names of Linux's struct tcp_info; spans in microseconds as there.

        Spans that still grow count until ``now``, if that is given.
        """
        raise NotImplementedError
