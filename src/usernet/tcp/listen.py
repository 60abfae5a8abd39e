"""LISTEN: the queues of a passive open (RFC 9293 3.10.7.2).

Beside it: passive.py, what a SYN for a listener makes; request.py, SYN_RECEIVED after it. Both queues are bounded by
min(backlog, somaxconn), as in Linux.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..core.const import POLLIN
from ..core.packet import Packet, octets_in
from ..core.ready import Pollable
from ..core.sender import Path
from .const import LISTEN, TFO_EVERY_LISTENER, TFO_SERVER
from .fastopen import FastOpenQueue
from .settings import Settings
from .tcb import Binding, Endpoint, Engine, Tcb
from .tx_delay import TxDelay
from .user_calls import Connection

if TYPE_CHECKING:
    import cython

    from .request import Request


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
    """A socket in LISTEN. ``owner`` is woken with POLLIN when a connection can be accepted.

    ``young`` counts the requests whose SYN,ACK was sent once; ``cookies_until`` is how long an ACK may still bring a
    SYN cookie back; ``fast`` are the connections opened by their SYN alone; ``tx_delay`` holds SYN,ACKs back.
    """

    __slots__ = (
        "accepted",
        "backlog",
        "binding",
        "cookies_until",
        "engine",
        "fast",
        "owner",
        "requests",
        "settings",
        "tx_delay",
        "young",
    )

    def __init__(self, engine: Acceptor, owner: Pollable, binding: Binding, backlog: int, settings: Settings) -> None:
        self.engine = engine
        self.owner: Pollable | None = owner
        self.binding = binding
        self.settings = settings
        self.accepted: deque[Connection] = deque()
        self.requests: dict[bytes, Request] = {}
        self.young = 0
        self.cookies_until = -1
        self.fast = FastOpenQueue()
        self.tx_delay: TxDelay | None = None
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
        flags = self.engine.sysctls.fastopen
        if flags & TFO_SERVER and flags & TFO_EVERY_LISTENER and self.settings.fastopen_limit == 0:
            self.settings.fastopen_limit = self.backlog

    def is_queue_full(self) -> cython.bint:
        """True when a SYN more has no place among the half-open connections."""
        return len(self.requests) > self.backlog

    def is_accept_queue_full(self) -> cython.bint:
        """True when a connection more has no place until one is accepted."""
        return len(self.accepted) > self.backlog

    def accept(self, now: cython.longlong) -> Tcb | None:
        """The oldest finished connection, or None. It has no owner yet: set one, then look at its poll()."""
        child: Connection
        if not self.accepted:
            return None
        child = self.accepted.popleft()
        if child.fastopen is not None:
            child.fastopen.is_accepted = True
        return child

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


def path_back(engine: Engine, packet: Packet, oif: cython.int) -> Path | None:
    """The way back to the source of a packet, from its destination (``oif``: out of this interface); None: no route."""
    at: cython.Py_ssize_t = packet.addr_off
    size: cython.Py_ssize_t = packet.addr_len
    try:
        return engine.sender.path(octets_in(packet.buf, at, size), octets_in(packet.buf, at + size, size), oif)
    except OSError:
        engine.counters.drop("tcp_no_route_back")
        return None


def answer_path(engine: Engine, packet: Packet, oif: cython.int) -> Path | None:
    """As path_back, for one answer to who may be nobody: it leaves nothing behind, and is good for one packet."""
    at: cython.Py_ssize_t = packet.addr_off
    size: cython.Py_ssize_t = packet.addr_len
    try:
        return engine.sender.answering(octets_in(packet.buf, at, size), octets_in(packet.buf, at + size, size), oif)
    except OSError:
        engine.counters.drop("tcp_no_route_back")
        return None
