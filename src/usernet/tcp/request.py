"""SYN_RECEIVED after a passive open: the SYN-RECEIVED half of RFC 9293 3.10.7.4 for it.

A Request is a small entry with its own SYN,ACK timer: the SYN queue. The ACK that completes the handshake turns it
into a Connection in its listener's accept queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLIN
from ..core.packet import Packet
from ..core.sender import Path
from ..core.seq import seq_add, seq_lt
from ..core.timers import Timer
from ..wire.tcp import Segment, syn_options, timestamp_option
from .accecn import Ecn
from .auth import Auth
from .const import (
    ACK,
    FIN,
    KIND_REQUEST,
    MAX_OPTIONS,
    RST,
    RTO_INITIAL,
    SYN,
    SYN_ACCECN,
    SYN_RECEIVED,
    T_REQUEST,
)
from .deferral import deferred_retries
from .ecn import asked_again, asked_by, syn_ack_flags, syn_ack_option
from .establish import advertised_mss, offered_mss, prepare
from .isn import timestamp_offset
from .listen import Acceptor, Listener
from .segment_arrives import segment_arrives
from .settings import Settings
from .space import first_window, window_scale
from .tcb import Endpoint, Engine
from .transmit import control_packet, sync_mss
from .tx_delay import TxDelay
from .user_calls import Connection

if TYPE_CHECKING:
    import cython


class Request(Endpoint):
    """SYN_RECEIVED after a passive open: what must be remembered of a SYN until its handshake completes.

    ``extra`` are options for the first SYN,ACK only. ``timeouts`` counts its timer, ``retransmits`` what was sent.
    """

    __slots__ = (
        "answered_at",
        "ecn",
        "extra",
        "irs",
        "is_acked",
        "iss",
        "listener",
        "local_port",
        "mss",
        "path",
        "rcv_wnd",
        "rcv_wscale",
        "remote_port",
        "retransmits",
        "sack_ok",
        "saved_syn",
        "sent_at",
        "stamp_first",
        "stamp_last",
        "timeouts",
        "timer",
        "tos",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "wscale",
    )

    def __init__(self, listener: Listener, key: bytes, path: Path, seg: Segment, now: cython.longlong) -> None:
        engine: Engine = listener.engine
        settings: Settings = listener.settings
        advmss: cython.uint = advertised_mss(path, settings)
        self.kind = KIND_REQUEST
        self.state = SYN_RECEIVED
        self.key = key
        ports: cython.p_const_uchar = key
        at: cython.Py_ssize_t = len(key) - 4
        self.remote_port = ports[at] << 8 | ports[at + 1]
        self.local_port = ports[at + 2] << 8 | ports[at + 3]
        self.binding = listener.binding
        self.auth = None
        self.listener: Listener = listener
        self.path: Path = path
        self.irs = seg.seq
        self.iss = 0
        self.mss = offered_mss(seg, settings)
        self.wscale = seg.wscale if engine.sysctls.window_scaling else -1
        self.sack_ok = seg.sack_permitted and engine.sysctls.sack
        self.ts_ok = seg.ts_ok and engine.sysctls.timestamps != 0
        self.ts_recent = seg.tsval
        self.stamp_first = self.stamp_last = 0
        self.ts_offset = timestamp_offset(engine, key)
        self.rcv_wscale = window_scale(settings, engine.sysctls) if self.wscale >= 0 else 0
        self.rcv_wnd = first_window(settings, engine.sysctls, advmss - 12 if self.ts_ok else advmss, path.initrwnd)
        self.tos = settings.tos
        self.extra: bytes = b""
        self.saved_syn: bytes | None = None
        self.retransmits = self.timeouts = 0
        self.is_acked = False
        self.sent_at = now
        # Linux: the first SYN that comes again is answered at once.
        self.answered_at = -(1 << 62)
        self.ecn: Ecn = asked_by(engine, settings, path, seg)
        self.timer: Timer = Timer(engine.timers, self, T_REQUEST)

    @property
    def local(self) -> bytes:
        """The local address."""
        return self.path.src

    @property
    def remote(self) -> bytes:
        """The remote address."""
        return self.path.dst

    def sign_with(self, auth: Auth) -> None:
        """The SYN was signed. Signatures leave no room for timestamps beside SACK blocks (Linux)."""
        self.auth = auth
        if self.sack_ok:
            self.ts_ok = False

    def enter(self, now: cython.longlong) -> None:
        """Take a place in the SYN queue, and answer."""
        listener: Listener = self.listener
        listener.requests[self.key] = self
        listener.young += 1
        listener.engine.enter(self)
        self.send_syn_ack(now)
        self.timer.arm(now + RTO_INITIAL)

    def send_syn_ack(self, now: cython.longlong) -> None:
        """<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>."""
        listener: Listener = self.listener
        settings: Settings = listener.settings
        stamps = None
        if self.ts_ok:
            self.stamp_last = (now // MS + self.ts_offset) & MASK32
            if self.timeouts == 0 and self.retransmits == 0:
                self.stamp_first = self.stamp_last
            stamps = (self.stamp_last, self.ts_recent)
        mss: cython.uint = advertised_mss(self.path, settings)
        flags: cython.uint = SYN | ACK
        wscale: cython.int = self.rcv_wscale if self.wscale >= 0 else -1
        accecn: cython.bint = False
        options = syn_options(mss, wscale, self.sack_ok, stamps)
        if self.ecn is not None:
            flags |= syn_ack_flags(self.ecn, self.retransmits if self.timeouts > 0 else 0)
            accecn = self.auth is None and syn_ack_option(listener.engine, self.ecn)
        if accecn and len(options) + len(self.extra) + SYN_ACCECN <= MAX_OPTIONS:
            options = syn_options(mss, wscale, self.sack_ok, stamps, accecn=True)
        if self.extra:
            if len(options) + len(self.extra) <= MAX_OPTIONS:
                options += self.extra
            self.extra = b""
        self._send(flags, self.iss, seq_add(self.irs, 1), self._first_window(), options, now)

    def _send_again(self, now: cython.longlong) -> None:
        engine: Engine = self.listener.engine
        self.retransmits += 1
        engine.mib.RetransSegs += 1
        engine.ext.TCPSynRetrans += 1
        self.send_syn_ack(now)

    def _send(
        self,
        flags: cython.uint,
        seq: cython.uint,
        ack: cython.uint,
        wnd: cython.uint,
        options: bytes,
        now: cython.longlong,
    ) -> None:
        listener: Listener = self.listener
        engine: Engine = listener.engine
        packet: Packet = control_packet(
            self.path, self.local_port, self.remote_port, seq, ack, flags, wnd, options, self.auth
        )
        packet.tos = self.tos
        if flags & SYN and self.ecn is not None:
            packet.tos |= self.ecn.syn_ect_sent
        packet.ttl = listener.settings.ttl
        packet.mark = listener.settings.mark
        engine.mib.OutSegs += 1
        if listener.settings.tx_delay_ns > 0 and listener.tx_delay is None:
            listener.tx_delay = TxDelay(engine.timers, engine.sender, engine.counters, engine.pool)
        delay: TxDelay | None = listener.tx_delay
        if delay is not None:
            # The listener's: who accepts it may delay what follows by something else.
            delay.span = listener.settings.tx_delay_ns
            delay.send(self.path, packet, now)
        else:
            engine.sender.send(self.path, packet, now)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The SYN,ACK was not acknowledged, or its ACK was put off (TCP_DEFER_ACCEPT)."""
        listener: Listener = self.listener
        engine: Engine = listener.engine
        deferrals: cython.int = deferred_retries(listener.settings.defer_accept)
        tries: cython.int = self._patience()
        if self.timeouts >= tries and (not self.is_acked or self.timeouts >= deferrals):
            engine.mib.AttemptFails += 1
            self.drop()
            return
        engine.ext.TCPTimeouts += 1
        if deferrals == 0 or not self.is_acked or self.timeouts >= deferrals - 1:
            # While text is waited for, the peer knows all; at the end it gets a last chance to send some.
            self._send_again(now)
        if self.timeouts == 0:
            listener.young -= 1
        self.timeouts += 1
        self._arm(now)

    def _arm(self, now: cython.longlong) -> None:
        span: cython.longlong = RTO_INITIAL
        if self.timeouts < 24:
            span <<= self.timeouts
        most: cython.longlong = self.listener.settings.rto_max_ns
        if most == 0:
            most = self.listener.engine.sysctls.rto_max_ns
        self.timer.arm(now + (span if self.timeouts < 24 and span < most else most))

    def _patience(self) -> cython.int:
        # Half the queue is for the young: the fuller it is with old ones, the sooner these go (Linux).
        listener: Listener = self.listener
        tries: cython.int = listener.settings.syncnt
        waiting: cython.Py_ssize_t = len(listener.requests)
        young: cython.Py_ssize_t = 2 * listener.young
        if tries == 0:
            tries = listener.engine.sysctls.synack_retries
        if 2 * waiting > max(8, listener.backlog):
            while tries > 2 and waiting >= young:
                tries -= 1
                young <<= 1
        return tries

    def drop(self) -> None:
        """Forget it."""
        self._leave()
        self.listener.engine.forget(self)

    def _leave(self) -> None:
        listener: Listener = self.listener
        self.timer.destroy()
        if listener.requests.pop(self.key, None) is not None and self.timeouts == 0:
            listener.young -= 1

    def arrives(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        """3.10.7.4 in SYN_RECEIVED, in the RFC's order (Linux's tcp_check_req)."""
        listener: Listener = self.listener
        engine: Acceptor = listener.engine
        rcv_nxt: cython.uint = seq_add(self.irs, 1)
        old: cython.bint = self.ts_ok and seg.ts_ok and seq_lt(seg.tsval, self.ts_recent)
        foreign: cython.bint = self._echoes_a_stranger(seg)
        if seg.flags & (SYN | RST | ACK) == SYN and seg.seq == self.irs and not old:
            self._syn_came_again(seg, now)
            return
        # First.
        if old or foreign or not self._is_in_window(seg):
            if old:
                engine.ext.PAWSEstab += 1
            elif foreign:
                engine.ext.TSEcrRejected += 1
            if not seg.flags & RST and self._may_answer(now):
                self._acknowledge(now)
            return
        # Second, RFC 5961: only the exact number resets.
        if seg.flags & RST:
            if seg.seq == rcv_nxt:
                engine.ext.EmbryonicRsts += 1
                engine.mib.AttemptFails += 1
                self.drop()
            elif self._may_answer(now):
                self._acknowledge(now)
            return
        # Fourth.
        if seg.flags & SYN and seg.seq == self.irs:
            # Its text only is in the window.
            if self._may_answer(now):
                self._acknowledge(now)
            return
        if seg.flags & SYN:
            # Back to LISTEN; whoever sent it hears of it (Linux).
            engine.ext.EmbryonicRsts += 1
            engine.mib.AttemptFails += 1
            self._reset(seg, now)
            self.drop()
            return
        # Fifth.
        if not seg.flags & ACK:
            return
        if seg.ack != seq_add(self.iss, 1):
            self._reset(seg, now)
            return
        self._complete(packet, seg, now)

    def _syn_came_again(self, seg: Segment, now: cython.longlong) -> None:
        # So is the answer sent again, at a limited rate.
        engine: Acceptor = self.listener.engine
        if self.ecn is not None and not asked_again(engine, self.ecn, seg):
            engine.counters.drop("tcp_ecn_mixed")
            self._reset(seg, now)
            self.drop()
        elif self._may_answer(now):
            self._send_again(now)
            self._arm(now)
        else:
            engine.ext.TCPACKSkippedSynRecv += 1

    def _echoes_a_stranger(self, seg: Segment) -> cython.bint:
        # A timestamp that no SYN,ACK of ours had: whoever sends it has not seen one (Linux).
        if not (self.ts_ok and seg.ts_ok) or seg.tsecr == 0:
            return False
        return seq_lt(seg.tsecr, self.stamp_first) or seq_lt(self.stamp_last, seg.tsecr)

    def _first_window(self) -> cython.uint:
        # RFC 7323 2.2: that of a SYN,ACK is never scaled.
        return self.rcv_wnd if self.rcv_wnd < 0xFFFF else 0xFFFF

    def _is_in_window(self, seg: Segment) -> cython.bint:
        # As Linux judges it: something of it is in the window that the SYN,ACK told, or it is empty and at its edge.
        rcv_nxt: cython.uint = seq_add(self.irs, 1)
        edge: cython.uint = seq_add(rcv_nxt, self._first_window())
        if seg.seq == rcv_nxt or (seq_lt(rcv_nxt, seg.end_seq) and seq_lt(seg.seq, edge)):
            return True
        return seg.seq == edge and seg.end_seq == edge

    def _complete(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        listener: Listener = self.listener
        engine: Acceptor = listener.engine
        if (
            seg.length == 0
            and not seg.flags & FIN
            and listener.settings.defer_accept
            and self.timeouts < deferred_retries(listener.settings.defer_accept)
        ):
            engine.ext.TCPDeferAcceptDrop += 1
            self.is_acked = True
            return
        if listener.is_accept_queue_full():
            engine.ext.ListenOverflows += 1
            engine.ext.ListenDrops += 1
            self.is_acked = True
            if engine.sysctls.abort_on_overflow:
                self._reset(seg, now)
                engine.ext.EmbryonicRsts += 1
                self.drop()
            return
        self._leave()
        self.open(packet, seg, now)

    def open(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        """The handshake is complete: a connection takes the request's place, and waits to be accepted."""
        listener: Listener = self.listener
        engine: Acceptor = listener.engine
        child: Connection = self.child(now)
        engine.enter(child)
        engine.mib.PassiveOpens += 1
        # Its SYN.
        child.segs_in = 1
        segment_arrives(child, packet, seg, now)
        listener.accepted.append(child)
        if listener.owner is not None:
            listener.owner.wake(POLLIN)

    def child(self, now: cython.longlong) -> Connection:
        """A connection in SYN_RECEIVED, as this request knows it, which is then done with."""
        self.timer.destroy()
        listener: Listener = self.listener
        child: Connection = Connection(listener.engine, self.key, self.path, self.local_port, self.remote_port)
        prepare(child, listener.settings.copy(), now)
        child.binding = listener.binding
        child.auth = self.auth
        if listener.settings.keys is not None:
            child.settings.keys = listener.settings.keys.inherited(self.auth, self.path.dst)
        child.state = SYN_RECEIVED
        child.irs = self.irs
        child.rcv_nxt = child.rcv_wup = child.last_ack_sent = seq_add(self.irs, 1)
        child.iss = child.snd_una = self.iss
        child.snd_nxt = child.snd_sml = seq_add(self.iss, 1)
        child.sack_ok = self.sack_ok
        child.ts_ok = self.ts_ok
        child.ts_recent = self.ts_recent
        child.ts_recent_at = now
        child.ts_offset = self.ts_offset
        child.snd_wscale = self.wscale if self.wscale > 0 else 0
        child.rcv_wscale = self.rcv_wscale
        child.rcv_wnd = self.rcv_wnd
        child.mss_clamp = self.mss
        child.wscale_ok = self.wscale >= 0
        child.ecn = self.ecn
        child.retransmits = child.total_retrans = self.retransmits
        if self.timeouts > 0:
            child.chrono.timeouts = self.timeouts
            child.chrono.timeout_recoveries = 1
            child.chrono.timeout_span = now - self.sent_at
        child.settings.tos = self.tos
        child.saved_syn = self.saved_syn
        child.syn_sent_at = self.sent_at
        sync_mss(child)
        return child

    def _may_answer(self, now: cython.longlong) -> cython.bint:
        listener: Listener = self.listener
        if now - self.answered_at < listener.engine.sysctls.invalid_ratelimit_ns:
            return False
        self.answered_at = now
        return True

    def _acknowledge(self, now: cython.longlong) -> None:
        options = b""
        wnd: cython.uint = self.rcv_wnd >> self.rcv_wscale
        if self.ts_ok:
            options = timestamp_option((now // MS + self.ts_offset) & MASK32, self.ts_recent)
        if wnd > 0xFFFF:
            wnd = 0xFFFF
        self._send(ACK, seq_add(self.iss, 1), seq_add(self.irs, 1), wnd, options, now)

    def _reset(self, seg: Segment, now: cython.longlong) -> None:
        # 3.10.7.1.
        self.listener.engine.mib.OutRsts += 1
        if seg.flags & ACK:
            self._send(RST, seg.ack, 0, 0, b"", now)
        else:
            self._send(RST | ACK, 0, seg.end_seq, 0, b"", now)
