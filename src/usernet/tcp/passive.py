"""What a SYN for a listener makes (RFC 9293 3.10.7.2, third)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.packet import Packet
from ..wire.tcp import Segment
from .auth import Auth
from .const import FIN, RTO_INITIAL
from .isn import initial_sequence
from .keys import welcome
from .listen import Acceptor, Listener, path_back
from .request import Request

if TYPE_CHECKING:
    import cython


def syn_arrives(
    listener: Listener, key: bytes, packet: Packet, seg: Segment, iss: cython.longlong, now: cython.longlong
) -> None:
    """3.10.7.2, third: a SYN for a listener. ``iss`` below 0: choose one."""
    engine: Acceptor = listener.engine
    request: Request
    auth: Auth | None = None
    if seg.auth or listener.settings.keys is not None:
        welcomed, auth = welcome(listener.settings.keys, engine.ext, key, packet, seg)
        if not welcomed:
            return
    if seg.flags & FIN:
        engine.counters.drop("tcp_syn_fin")
        return
    if len(listener.accepted) > listener.backlog:
        engine.ext.ListenOverflows += 1
        engine.ext.ListenDrops += 1
        return
    if len(listener.requests) > listener.backlog or len(listener.requests) >= engine.sysctls.max_syn_backlog:
        # Here SYN cookies (RFC 4987) will answer without remembering.
        engine.ext.TCPReqQFullDrop += 1
        engine.ext.ListenDrops += 1
        return
    path = path_back(engine, packet)
    if path is None:
        engine.ext.ListenDrops += 1
        return
    request = Request(listener, key, path, seg, now)
    if auth is not None:
        request.sign_with(auth)
    request.iss = initial_sequence(engine, key, now) if iss < 0 else iss
    listener.requests[key] = request
    engine.enter(request)
    request.send_syn_ack(now)
    request.timer.arm(now + RTO_INITIAL)
