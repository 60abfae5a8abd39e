"""LISTEN and the passive open (RFC 9293 3.10.7.2; the SYN-RECEIVED half of 3.10.7.4 for it).

A SYN makes a Request, a small entry with its own SYN,ACK timer: the SYN queue. The ACK that completes the handshake
turns it into a Connection in the accept queue. Both queues are bounded by min(backlog, somaxconn), as in Linux.
"""

from __future__ import annotations

from collections import deque
from errno import ECONNABORTED
from typing import TYPE_CHECKING

from ..core.const import MASK32, MS, POLLIN, SECOND
from ..core.packet import Packet
from ..core.ready import Pollable
from ..core.sender import Path
from ..core.seq import seq_add, seq_lt
from ..core.timers import Timer
from ..wire.tcp import Segment, syn_options, timestamp_option
from .const import (
    ACK,
    DEFAULT_MSS,
    FIN,
    KIND_FORWARD,
    KIND_REQUEST,
    LISTEN,
    MAX_WSCALE,
    RST,
    RTX_RETRANSMIT,
    SYN,
    SYN_RECEIVED,
    T_REQUEST,
)  # fmt: skip
from .establish import advertised_mss, prepare, take_syn_options
from .isn import initial_sequence, timestamp_offset
from .output import arm_rtx
from .segment_arrives import segment_arrives
from .settings import Settings
from .tcb import Binding, Endpoint, Engine, Tcb
from .transmit import control_packet, send_syn, sync_mss
from .user_calls import Connection

if TYPE_CHECKING:
    import cython

SYN_RTO = SECOND
# A SYN held for a Forwarder that does not decide is given up after this.
FORWARD_PATIENCE = 60 * SECOND


class Acceptor(Engine):
    """What listeners need of the protocol; see protocol.py."""

    __slots__ = ()

    def enter(self, endpoint: Endpoint) -> None:
        """Put an endpoint into the table, in the place of whatever has its key."""
        raise NotImplementedError

    def stop_listening(self, listener: Listener) -> None:
        """Take a listener out of the table."""
        raise NotImplementedError


class Listener:
    """A socket in LISTEN. ``owner`` is woken with POLLIN when a connection can be accepted."""

    __slots__ = ("accepted", "backlog", "binding", "engine", "owner", "requests", "settings")

    def __init__(self, engine: Acceptor, owner: Pollable, binding: Binding, backlog: int, settings: Settings) -> None:
        self.engine = engine
        self.owner: Pollable | None = owner
        self.binding = binding
        self.settings = settings
        self.accepted: deque[Connection] = deque()
        self.requests: dict[bytes, Request] = {}
        self.backlog = 0
        self.set_backlog(backlog)

    @property
    def state(self) -> int:
        """Always LISTEN."""
        return LISTEN

    @property
    def local(self) -> bytes:
        """The local address; b"" is any."""
        return self.binding.address

    @property
    def local_port(self) -> int:
        """The local port."""
        return self.binding.port

    def set_backlog(self, backlog: int) -> None:
        """As a second listen(): min(backlog, somaxconn); negative means as much as there may be."""
        most = self.engine.sysctls.somaxconn
        self.backlog = backlog if 0 <= backlog < most else most

    def accept(self, now: cython.longlong) -> Tcb | None:
        """The oldest finished connection, or None. It has no owner yet: set one, then look at its poll()."""
        if not self.accepted:
            return None
        return self.accepted.popleft()

    def poll(self) -> cython.uint:
        """POLLIN when accept() would give one."""
        return POLLIN if self.accepted else 0

    def close(self, now: cython.longlong) -> None:
        """Stop: half-open connections vanish, those nobody accepted are reset (Linux's inet_csk_listen_stop)."""
        self.owner = None
        self.engine.stop_listening(self)
        for request in list(self.requests.values()):
            request.drop()
        while self.accepted:
            tcb = self.accepted.popleft()
            tcb.abort(now)
            tcb.close(now)

    def syn_arrives(self, key: bytes, packet: Packet, seg: Segment, iss: int, now: cython.longlong) -> None:
        """3.10.7.2, third: a SYN for this listener. ``iss`` below 0: choose one."""
        engine: Acceptor = self.engine
        request: Request
        if seg.flags & FIN:
            engine.counters.drop("tcp_syn_fin")
            return
        if len(self.accepted) > self.backlog:
            engine.ext.ListenOverflows += 1
            engine.ext.ListenDrops += 1
            return
        if len(self.requests) > self.backlog or len(self.requests) >= engine.sysctls.max_syn_backlog:
            # Here SYN cookies (RFC 4987) will answer without remembering.
            engine.ext.TCPReqQFullDrop += 1
            engine.ext.ListenDrops += 1
            return
        path = path_back(engine, packet)
        if path is None:
            engine.ext.ListenDrops += 1
            return
        request = Request(self, key, path, seg, now)
        request.iss = initial_sequence(engine, key, now) if iss < 0 else iss
        self.requests[key] = request
        engine.enter(request)
        request.send_syn_ack(now)
        request.timer.arm(now + SYN_RTO)


def path_back(engine: Engine, packet: Packet) -> Path | None:
    """The way back to the source of a packet, from its destination; None where there is no route."""
    at: cython.Py_ssize_t = packet.addr_off
    size: cython.Py_ssize_t = packet.addr_len
    buf: bytearray = packet.buf
    try:
        return engine.sender.path(bytes(buf[at : at + size]), bytes(buf[at + size : at + 2 * size]), 0)
    except OSError:
        engine.counters.drop("tcp_no_route_back")
        return None


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
            self.path, self.local_port, self.remote_port, seq, seq_add(self.irs, 1), flags, wnd, options
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
        self.timer.arm(now + (SYN_RTO << self.retransmits))

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


class Forwarder:
    """Base of whoever answers for addresses that are not ours (a gateway)."""

    __slots__ = ()

    def syn(self, request: ForwardRequest, now: cython.longlong) -> None:
        """A SYN no listener wants. Answer now or later with one of the request's three verbs."""
        raise NotImplementedError


class ForwardRequest(Endpoint):
    """A SYN held until its Forwarder decides; the SYN retransmitted meanwhile is absorbed."""

    __slots__ = ("_engine", "_syn", "local", "local_port", "path", "remote", "remote_port", "timer")

    def __init__(
        self, engine: Acceptor, key: bytes, packet: Packet, path: Path, seg: Segment, now: cython.longlong
    ) -> None:
        super().__init__(KIND_FORWARD, key, SYN_RECEIVED)
        # A copy of what was read: the packet may carry 64 KiB of text, which nobody here charges.
        syn: Segment = Segment()
        syn.parse(packet)
        self._engine = engine
        self._syn: Segment | None = syn
        self.path = path
        self.local: bytes = path.src
        self.remote: bytes = path.dst
        self.local_port = seg.dport
        self.remote_port = seg.sport
        self.timer: Timer = Timer(engine.timers, self, T_REQUEST)
        self.timer.arm(now + FORWARD_PATIENCE)

    def accept(self, owner: Pollable, settings: Settings, now: cython.longlong) -> Tcb:
        """Go on with the handshake. The connection is in SYN_RECEIVED; POLLOUT tells its owner when it is open.

        Raises OSError(ECONNABORTED) when the request was already answered, reset by its peer or given up.
        """
        engine = self._engine
        seg = self._take()
        tcb = Connection(engine, self.key, self.path, self.local_port, self.remote_port)
        prepare(tcb, settings, now)
        tcb.owner = owner
        tcb.state = SYN_RECEIVED
        tcb.ts_offset = timestamp_offset(engine, self.key)
        tcb.irs = seg.seq
        tcb.rcv_nxt = tcb.rcv_wup = tcb.last_ack_sent = seq_add(seg.seq, 1)
        take_syn_options(tcb, seg, now)
        tcb.snd_wnd = tcb.max_window = seg.wnd
        tcb.iss = tcb.snd_una = initial_sequence(engine, self.key, now)
        tcb.snd_nxt = tcb.snd_sml = seq_add(tcb.iss, 1)
        tcb.syn_sent_at = now
        engine.enter(tcb)
        engine.mib.PassiveOpens += 1
        send_syn(tcb, SYN | ACK, now)
        arm_rtx(tcb, RTX_RETRANSMIT, now)
        return tcb

    def reject(self, now: cython.longlong) -> None:
        """Answer with a RST."""
        seg = self._take()
        packet = control_packet(self.path, self.local_port, self.remote_port, 0, seg.end_seq, RST | ACK, 0, b"")
        self._engine.mib.OutRsts += 1
        self._engine.mib.OutSegs += 1
        self._engine.sender.send(self.path, packet, now)

    def drop(self) -> None:
        """Answer nothing. The peer's next SYN makes a new request."""
        self._take()

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Nobody decided."""
        self._engine.counters.drop("tcp_forward_undecided")
        self.drop()

    def arrives(self, seg: Segment) -> None:
        """Something for this 4-tuple while it is undecided."""
        syn = self._syn
        if syn is None or not seg.flags & RST:
            return
        if seg.seq == seq_add(syn.seq, 1) or seg.seq == syn.seq:
            self.drop()

    def _take(self) -> Segment:
        # However it is answered, it is undecided no more.
        syn = self._syn
        if syn is None:
            raise OSError(ECONNABORTED, "the request has already been answered, or its peer gave up")
        self._syn = None
        self.timer.destroy()
        self._engine.forget(self)
        return syn
