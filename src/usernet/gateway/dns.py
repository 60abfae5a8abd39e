"""DNS at the gateway's address, over UDP and TCP: the machine's own names answered, the rest relayed (RFC 1035 4.2).

Queries are passed on as they came, so EDNS, DNSSEC and whatever comes next work as far as the machine's name server
does.
"""

from __future__ import annotations

from collections import OrderedDict
from errno import EINPROGRESS
from typing import TYPE_CHECKING

from ..core.const import POLLERR, POLLOUT, SECOND
from ..core.timers import Timer
from ..tcp.const import SYN_RECEIVED
from .flows import DNS_IDLE_NS, Flow
from .kernel import Socket, connect_datagram, connect_stream, pending_error
from .outbound import Service, reject
from .resolver import PORT, BadQuery
from .runner import GuestEnd, KernelEnd, Relay, Task
from .splice import Splice
from .udp import DatagramService, Return

if TYPE_CHECKING:
    import cython

    from ..tcp.forward import ForwardRequest
    from ..tcp.tcb import Tcb
    from .nat import Nat

# Unanswered queries one guest port may have outstanding; a stub resolver has two.
OUTSTANDING = 16
# RFC 7766 6.2.3: an idle client may be closed; so may one that takes long to write its first query.
TCP_IDLE_NS = 10 * SECOND
PATIENCE = 0
# RFC 1035 4.2.2: two octets of length before each message.
LENGTH = 2
LONGEST = 65535
MAX_MESSAGE = LENGTH + LONGEST
# Queries of one connection answered in one turn.
QUERIES = 16


class DnsService(DatagramService, Service):
    """Port 53 of the gateway's DNS address."""

    __slots__ = ("nat",)

    def __init__(self, nat: Nat) -> None:
        self.nat = nat

    def flow(self, key: bytes, guest: bytes, port: int) -> Flow:
        """Queries of one guest port."""
        return DnsFlow(self.nat, key, guest, port)

    def task(self, request: ForwardRequest) -> Task:
        """Queries over one TCP connection."""
        return DnsConnection(self.nat, request)


class DnsFlow(Flow):
    """Queries of one guest port. A name server that refuses or stays silent makes room for the next."""

    __slots__ = ("back", "pending", "server", "untried")

    def __init__(self, nat: Nat, key: bytes, guest: bytes, guest_port: int) -> None:
        super().__init__(nat, key, DNS_IDLE_NS)
        self.back = Return(nat, guest, guest_port, nat.dns, PORT)
        self.pending: OrderedDict[bytes, bytes] = OrderedDict()
        self.untried: list[str] = []
        self.server = ""

    def send(self, payload: memoryview, now: cython.longlong) -> None:
        """One query."""
        nat = self.nat
        query = bytes(payload)
        try:
            answer = nat.resolver.answer(query)
        except BadQuery:
            nat.counters.drop("gateway_dns_bad_query")
            return
        if answer is not None:
            nat.stats.dns_answered += 1
            self.back.send(answer, now)
            return
        nat.stats.dns_forwarded += 1
        again = self.pending.pop(query[:2], None) == query
        if not self.pending and not again:
            self.untried = [server for server in nat.resolver.servers() if self.kernel is None or server != self.server]
        elif again and not self.untried:
            self.untried = nat.resolver.servers()
        while len(self.pending) >= OUTSTANDING:
            self.pending.popitem(last=False)
        self.pending[query[:2]] = query
        # The same query again: nobody answered it.
        if again or self.kernel is None or not self._ask(query):
            self._next_server(now)

    def _next_server(self, now: int) -> None:
        """Ask everything that is unanswered of the next name server; without one, say SERVFAIL."""
        nat = self.nat
        while self.untried:
            self.server = self.untried.pop(0)
            try:
                kernel, err = nat.open(connect_datagram, self.server, nat.resolver.port, 0)
            except OSError:
                break
            if err:
                kernel.close()
                continue
            self.use(kernel)
            if self._ask_pending():
                return
        self._drop_kernel()
        pending, self.pending = self.pending, OrderedDict()
        for query in pending.values():
            self.back.send(nat.resolver.servfail(query), now)

    def _ask_pending(self) -> bool:
        there = True
        for query in self.pending.values():
            there = self._ask(query) and there
        return there

    def _ask(self, query: bytes) -> bool:
        """False when the name server is known not to be there."""
        kernel = self.kernel
        if kernel is not None:
            try:
                kernel.send(query)
            except BlockingIOError:
                self.nat.counters.drop("gateway_datagram_not_sent")
            except OSError:
                return False
        return True

    def answered(self, octets: bytes, now: cython.longlong) -> None:
        """A response; only one that was asked for goes to the guest."""
        if self.pending.pop(octets[:2], None) is None:
            self.nat.counters.drop("gateway_dns_unasked")
            return
        self.nat.resolver.preferred = self.server
        self.back.send(octets, now)

    def failed(self, err: int, now: cython.longlong) -> None:
        """Nobody there: the next one."""
        self._next_server(now)


class DnsConnection(Relay):
    """Queries over TCP, until one must be asked elsewhere: from there on the connection is the name server's."""

    __slots__ = ("closed", "guest_end", "kernel", "kernel_end", "nat", "request", "servers", "tcb", "timer", "to_guest",
                 "unread")  # fmt: skip

    def __init__(self, nat: Nat, request: ForwardRequest) -> None:
        super().__init__()
        self.nat = nat
        self.request = request
        self.guest_end = GuestEnd(nat.runner, self)
        self.kernel_end = KernelEnd(nat.runner, self)
        self.timer = Timer(nat.host.timers, self, PATIENCE)
        self.tcb: Tcb | None = None
        self.kernel: Socket | None = None
        self.servers: list[str] = []
        self.unread = b""
        self.to_guest = b""
        self.closed = False

    def turn(self, now: cython.longlong) -> cython.bint:
        """Accept, read, answer, or hear of the name server's connect."""
        events: cython.uint = self.events
        self.events = 0
        if self.closed:
            return False
        if self.tcb is None:
            self._accept(now)
        elif self.tcb.poll() & POLLERR:
            self._leave(now)
        elif self.kernel is not None:
            if events:
                self._connected(self.kernel, now)
        elif self.tcb.state != SYN_RECEIVED:
            return self._serve(self.tcb, now)
        return False

    def _accept(self, now: int) -> None:
        nat = self.nat
        if not nat.in_net(self.request.remote) or not nat.has_room():
            self.closed = True
            reject(self.request, now)
            return
        nat.relays[self] = None
        self.timer.arm(now + TCP_IDLE_NS)
        try:
            self.tcb = self.request.accept(self.guest_end, nat.settings(), now)
        except OSError:
            self._leave(now)

    def _serve(self, tcb: Tcb, now: int) -> bool:
        if not self._flush(tcb, now):
            return False
        if not self._first_end():
            octets = tcb.recv(MAX_MESSAGE - len(self.unread), False, now)
            if octets == b"":
                self._leave(now)
                return False
            self.unread += octets or b""
        for _ in range(QUERIES):
            end = self._first_end()
            if not end:
                return tcb.available() > 0
            self.timer.arm(now + TCP_IDLE_NS)
            self._query(tcb, self.unread[LENGTH:end], now)
            if self.closed or self.kernel is not None:
                return False
        return True

    def _first_end(self) -> int:
        """Where the first query in ``unread`` ends; 0 while it is not all there."""
        end = LENGTH + int.from_bytes(self.unread[:LENGTH], "big")
        return end if LENGTH <= len(self.unread) >= end else 0

    def _query(self, tcb: Tcb, query: bytes, now: int) -> None:
        nat = self.nat
        try:
            answer = nat.resolver.answer(query, LONGEST)
        except BadQuery:
            nat.counters.drop("gateway_dns_bad_query")
            self._leave(now)
            return
        if answer is not None:
            nat.stats.dns_answered += 1
            self._respond(tcb, query, answer, now)
            return
        nat.stats.dns_forwarded += 1
        self.servers = nat.resolver.servers()
        self._connect(now)

    def _respond(self, tcb: Tcb, query: bytes, answer: bytes, now: int) -> None:
        self.unread = self.unread[LENGTH + len(query) :]
        self.to_guest += len(answer).to_bytes(LENGTH, "big") + answer
        self._flush(tcb, now)

    def _flush(self, tcb: Tcb, now: int) -> bool:
        if self.to_guest:
            taken = tcb.send(self.to_guest, now)
            if taken > 0:
                self.to_guest = self.to_guest[taken:]
        return not self.to_guest

    def _connect(self, now: int) -> None:
        """Dial the next name server; without one, say SERVFAIL to the query at the front."""
        while self.servers:
            server = self.servers.pop(0)
            try:
                kernel, err = self.nat.open(connect_stream, server, self.nat.resolver.port, 0)
            except OSError:
                break
            if err == EINPROGRESS:
                self.kernel = kernel
                self.nat.host.watch_fd(kernel.fileno(), POLLOUT, self.kernel_end)
                return
            if err == 0:
                self._relay(kernel)
                return
            kernel.close()
        if self.tcb is not None:
            query = self.unread[LENGTH : LENGTH + int.from_bytes(self.unread[:LENGTH], "big")]
            self._respond(self.tcb, query, self.nat.resolver.servfail(query), now)
            self.nat.runner.soon(self)

    def _connected(self, kernel: Socket, now: int) -> None:
        self.nat.host.unwatch_fd(kernel.fileno(), self.kernel_end)
        self.kernel = None
        if pending_error(kernel):
            kernel.close()
            self._connect(now)
        else:
            self._relay(kernel)

    def _relay(self, kernel: Socket) -> None:
        self._retire()
        splice = Splice(self.nat, kernel)
        splice.to_kernel = self.unread
        splice.to_guest = self.to_guest
        self.guest_end.task = splice
        tcb, self.tcb = self.tcb, None
        if tcb is not None:
            splice.begin(tcb)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Neither a query nor a name server in time."""
        self._leave(now)

    def abort(self, now: int) -> None:
        """The network is taken down."""
        self._leave(now)

    def _leave(self, now: int) -> None:
        self._retire()
        kernel, self.kernel = self.kernel, None
        if kernel is not None:
            self.nat.host.unwatch_fd(kernel.fileno(), self.kernel_end)
            kernel.close()
        tcb, self.tcb = self.tcb, None
        if tcb is not None:
            tcb.close(now)

    def _retire(self) -> None:
        self.closed = True
        self.timer.destroy()
        self.nat.relays.pop(self, None)
