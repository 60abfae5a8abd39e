"""SYNs for addresses that are not ours, and who answers for them (a gateway)."""

from __future__ import annotations

from errno import ECONNABORTED
from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.packet import Packet
from ..core.ready import Pollable
from ..core.sender import Path
from ..core.seq import seq_add
from ..core.timers import Timer
from ..wire.tcp import Segment
from .const import ACK, KIND_FORWARD, RST, RTX_RETRANSMIT, SYN, SYN_RECEIVED, T_REQUEST
from .ecn import asked_by
from .establish import prepare, take_syn_options
from .isn import initial_sequence, timestamp_offset
from .listen import Acceptor
from .rtx_timer import arm_rtx
from .settings import Settings
from .tcb import Endpoint, Tcb
from .transmit import control_packet, send_syn
from .user_calls import Connection

if TYPE_CHECKING:
    import cython

# A SYN held for a Forwarder that does not decide is given up after this.
FORWARD_PATIENCE = 60 * SECOND


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
        tcb.ecn = asked_by(engine, settings, self.path, seg)
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
