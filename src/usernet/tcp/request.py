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
from .auth import Auth
from .const import ACK, DEFAULT_MSS, FIN, KIND_REQUEST, MAX_WSCALE, RST, RTO_INITIAL, SYN, SYN_RECEIVED, T_REQUEST
from .establish import advertised_mss, prepare
from .isn import timestamp_offset
from .listen import Acceptor, Listener
from .segment_arrives import segment_arrives
from .settings import Settings
from .tcb import Endpoint, Engine
from .transmit import control_packet, sync_mss
from .user_calls import Connection

if TYPE_CHECKING:
    import cython


class Request(Endpoint):
    """SYN_RECEIVED after a passive open: what must be remembered of a SYN until its handshake completes."""

    __slots__ = (
        "answered_at", "irs", "is_acked", "iss", "listener", "mss", "path", "rcv_wnd", "rcv_wscale", "retransmits",
        "sack_ok", "sent_at", "timer", "ts_offset", "ts_ok", "ts_recent", "wscale",
    )  # fmt: skip

    def __init__(self, listener: Listener, key: bytes, path: Path, seg: Segment, now: cython.longlong) -> None:
        engine: Engine = listener.engine
        settings: Settings = listener.settings
        space: cython.longlong = (settings.rcvbuf if settings.rcvbuf > 0 else engine.sysctls.rmem_default) >> 1
        advmss: cython.uint = advertised_mss(path.mtu, path.header_len, settings)
        self.kind = KIND_REQUEST
        self.state = SYN_RECEIVED
        self.key = key
        self.binding = listener.binding
        self.auth = None
        self.listener: Listener = listener
        self.path: Path = path
        self.irs = seg.seq
        self.iss = 0
        self.mss = seg.mss if seg.mss > 0 else DEFAULT_MSS
        self.wscale = seg.wscale if engine.sysctls.window_scaling else -1
        self.sack_ok = seg.sack_permitted and engine.sysctls.sack
        self.ts_ok = seg.ts_ok and engine.sysctls.timestamps != 0
        self.ts_recent = seg.tsval
        self.ts_offset = timestamp_offset(engine, key)
        self.rcv_wscale = _scale_for(settings, engine) if self.wscale >= 0 else 0
        if 0 < settings.window_clamp < space:
            space = settings.window_clamp
        if space > 65535:
            space = 65535
        self.rcv_wnd = space - space % advmss if space > advmss else space
        self.retransmits = 0
        self.is_acked = False
        self.sent_at = now
        self.answered_at = now
        self.timer: Timer = Timer(engine.timers, self, T_REQUEST)

    @property
    def local(self) -> bytes:
        """The local address."""
        return self.path.src

    @property
    def remote(self) -> bytes:
        """The remote address."""
        return self.path.dst

    @property
    def local_port(self) -> int:
        """The local port."""
        return int.from_bytes(self.key[-2:], "big")

    @property
    def remote_port(self) -> int:
        """The remote port."""
        return int.from_bytes(self.key[-4:-2], "big")

    def sign_with(self, auth: Auth) -> None:
        """The SYN was signed. Signatures leave no room for timestamps beside SACK blocks (Linux)."""
        self.auth = auth
        if self.sack_ok:
            self.ts_ok = False

    def send_syn_ack(self, now: cython.longlong) -> None:
        """<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>."""
        listener: Listener = self.listener
        settings: Settings = listener.settings
        stamps = ((now // MS + self.ts_offset) & MASK32, self.ts_recent) if self.ts_ok else None
        mss: cython.uint = advertised_mss(self.path.mtu, self.path.header_len, settings)
        options = syn_options(mss, self.rcv_wscale if self.wscale >= 0 else -1, self.sack_ok, stamps)
        self._send(SYN | ACK, self.iss, self.rcv_wnd, options, now)

    def _send(
        self, flags: cython.uint, seq: cython.uint, wnd: cython.uint, options: bytes, now: cython.longlong
    ) -> None:
        listener: Listener = self.listener
        engine: Engine = listener.engine
        packet: Packet = control_packet(
            self.path, self.local_port, self.remote_port, seq, seq_add(self.irs, 1), flags, wnd, options, self.auth
        )
        packet.tos = listener.settings.tos
        packet.ttl = listener.settings.ttl
        packet.mark = listener.settings.mark
        engine.mib.OutSegs += 1
        engine.sender.send(self.path, packet, now)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The SYN,ACK was not acknowledged."""
        listener: Listener = self.listener
        engine: Engine = listener.engine
        if self.retransmits >= engine.sysctls.synack_retries:
            engine.mib.AttemptFails += 1
            self.drop()
            return
        self.retransmits += 1
        engine.mib.RetransSegs += 1
        engine.ext.TCPSynRetrans += 1
        engine.ext.TCPTimeouts += 1
        self.send_syn_ack(now)
        self.timer.arm(now + (RTO_INITIAL << self.retransmits))

    def drop(self) -> None:
        """Forget it."""
        listener: Listener = self.listener
        self.timer.destroy()
        listener.requests.pop(self.key, None)
        listener.engine.forget(self)

    def arrives(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        """3.10.7.4 in SYN_RECEIVED, in the RFC's order (Linux's tcp_check_req)."""
        listener: Listener = self.listener
        engine: Acceptor = listener.engine
        rcv_nxt: cython.uint = seq_add(self.irs, 1)
        old: cython.bint = self.ts_ok and seg.ts_ok and seq_lt(seg.tsval, self.ts_recent)
        if seg.flags & (SYN | RST | ACK) == SYN and seg.seq == self.irs and not old:
            # The SYN again: so is the answer, at a limited rate.
            if self._may_answer(now):
                self.send_syn_ack(now)
            else:
                engine.ext.TCPACKSkippedSynRecv += 1
            return
        # First.
        if self.ts_ok and not seg.ts_ok and not seg.flags & RST:
            # RFC 7323 3.2, and the connection that it would become drops it too.
            engine.counters.drop("tcp_no_timestamp")
            return
        if old or seq_lt(seg.end_seq, rcv_nxt) or seq_lt(seq_add(rcv_nxt, self.rcv_wnd), seg.seq):
            if old:
                engine.ext.PAWSEstab += 1
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
        if seg.flags & SYN:
            if self._may_answer(now):
                self._acknowledge(now)
            return
        # Fifth.
        if not seg.flags & ACK:
            return
        if seg.ack != seq_add(self.iss, 1):
            engine.mib.OutRsts += 1
            self._reset(seg, now)
            return
        self._complete(packet, seg, now)

    def _complete(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        listener: Listener = self.listener
        engine: Acceptor = listener.engine
        child: Connection
        if (
            listener.settings.defer_accept
            and seg.length == 0
            and not seg.flags & FIN
            and self.retransmits < _deferrals(listener.settings.defer_accept)
        ):
            engine.ext.TCPDeferAcceptDrop += 1
            self.is_acked = True
            return
        if len(listener.accepted) > listener.backlog:
            engine.ext.ListenOverflows += 1
            engine.ext.ListenDrops += 1
            self.is_acked = True
            if engine.sysctls.abort_on_overflow:
                engine.mib.OutRsts += 1
                self._reset(seg, now)
                self.drop()
            return
        child = self._child(now)
        self.timer.destroy()
        listener.requests.pop(self.key, None)
        engine.enter(child)
        engine.mib.PassiveOpens += 1
        segment_arrives(child, packet, seg, now)
        listener.accepted.append(child)
        if listener.owner is not None:
            listener.owner.wake(POLLIN)

    def _child(self, now: cython.longlong) -> Connection:
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
        child.retransmits = self.retransmits
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
        if self.ts_ok:
            options = timestamp_option((now // MS + self.ts_offset) & MASK32, self.ts_recent)
        self._send(ACK, seq_add(self.iss, 1), self.rcv_wnd >> self.rcv_wscale, options, now)

    def _reset(self, seg: Segment, now: cython.longlong) -> None:
        self._send(RST, seg.ack, 0, b"", now)


def _scale_for(settings: Settings, engine: Engine) -> cython.uint:
    # RFC 7323 2.3: enough for the largest buffer the connection may get.
    space: cython.longlong = settings.rcvbuf >> 1 if settings.rcvbuf > 0 else engine.sysctls.rmem_max
    shift: cython.uint = 0
    if 0 < settings.window_clamp < space:
        space = settings.window_clamp
    while space > 65535 and shift < MAX_WSCALE:
        space >>= 1
        shift += 1
    return shift


def _deferrals(seconds: cython.int) -> cython.int:
    # How many SYN,ACK retransmissions fit into TCP_DEFER_ACCEPT's seconds (Linux's secs_to_retrans).
    count: cython.int = 1
    span: cython.int = 1
    step: cython.int = 1
    while seconds > span and count < 255:
        count += 1
        step = step * 2 if step < 60 else 120
        span += step
    return count
