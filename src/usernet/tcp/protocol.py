"""The TCP of one stack: checksum, demultiplexing, opens, and what CLOSED answers (RFC 9293 3.10.1, 3.10.7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH
from typing import TYPE_CHECKING

from ..core.checksum import pseudo_sum
from ..core.const import CSUM_NONE, IPPROTO_TCP
from ..core.context import Context
from ..core.packet import Packet, octets_in
from ..core.ready import Pollable
from ..core.sender import IcmpError, Sender, is_multicast
from ..core.seq import seq_add, seq_in
from ..wire.tcp import Segment
from .auth import Auth, accepts
from .const import (
    ACK,
    FREEBIND,
    KIND_FORWARD,
    KIND_REQUEST,
    KIND_TCB,
    KIND_TIME_WAIT,
    RST,
    RTX_RETRANSMIT,
    SYN,
    TW_NEW_CONNECTION,
)  # fmt: skip
from .ecn import offer
from .establish import prepare
from .fastopen import FastOpen
from .forward import Forwarder, ForwardRequest
from .icmp import ends_request, icmp_arrives
from .isn import initial_sequence, timestamp_offset
from .keys import attach, closed_auth
from .lifecycle import move
from .listen import Acceptor, Listener, answer_path, path_back
from .passive import cookie_arrives, syn_arrives
from .repair import Repair, resume
from .request import Request
from .rtx_timer import arm_rtx
from .segment_arrives import segment_arrives
from .settings import Settings
from .state import ACTIVE_OPEN
from .table import Ports, TimeWait, demux_key, is_reusable, listen_key, local_ports, make_key
from .tcb import Binding, Endpoint, Tcb
from .transmit import control_packet, send_syn, sync_mss
from .user_calls import Connection

if TYPE_CHECKING:
    import cython

# SYNs a Forwarder may leave undecided.
MAX_FORWARDS = 4096


class Tcp(Acceptor):
    """TCP over whatever network layer the Sender stands for.

    ``forwarder``, if set, is asked about SYNs no listener wants. ``net_bind_service`` False refuses ports below
    net.ipv4.ip_unprivileged_port_start. ``heeds_ttl``: some socket has set IP_MINTTL.
    """

    __slots__ = ("_endpoints", "_forwards", "_listeners", "_ports", "_waiting", "forwarder", "heeds_ttl")

    def __init__(self, context: Context, sender: Sender) -> None:
        super().__init__(context, sender)
        self._endpoints: dict[bytes, Endpoint] = {}
        self._listeners: dict[bytes, list[Listener]] = {}
        self._ports = Ports(context.entropy.fork("tcp ports"))
        self._waiting = 0
        self._forwards = 0
        self.forwarder: Forwarder | None = None
        self.heeds_ttl = False

    # What users call.

    def bind(self, address: bytes, port: int, family: int, flags: int, oif: int = 0, port_range: int = 0) -> Binding:
        """Take a local port. ``address`` b"" or all zeros is any; port 0 asks for an ephemeral one (RFC 6056).

        ``flags`` are REUSEADDR, REUSEPORT and FREEBIND (any address will do), ``oif`` is SO_BINDTODEVICE's interface:
        bound to different ones, two may have the same name; ``port_range`` is IP_LOCAL_PORT_RANGE's. Raises OSError:
        EACCES (well-known port), EADDRNOTAVAIL (not ours), EADDRINUSE.
        """
        if not any(address):
            address = b""
        if not 0 <= port <= 65535:
            raise OSError(EINVAL, "Invalid argument")
        if address and not flags & FREEBIND and not self.sender.is_local(address):
            raise OSError(EADDRNOTAVAIL, "Cannot assign requested address")
        if 0 < port < self.sysctls.unprivileged_port_start and not self.net_bind_service:
            raise OSError(EACCES, "Permission denied")
        low, high = local_ports(port_range, self.sysctls)
        return self._ports.bind(address, port, family, flags, oif, low, high)

    def unbind(self, binding: Binding) -> None:
        """Let go of a port; it is free once its connections are gone too."""
        self._ports.unbind(binding)

    def listen(self, owner: Pollable, binding: Binding, backlog: int, settings: Settings) -> Listener:
        """Passive OPEN. Raises OSError(EADDRINUSE) where another socket already listens."""
        if not self._ports.may_listen(binding):
            raise OSError(EADDRINUSE, "Address already in use")
        listener = Listener(self, owner, binding, backlog, settings)
        binding.is_listening = True
        key = listen_key(binding.address, binding.port, binding.family)
        self._listeners.setdefault(key, []).append(listener)
        return listener

    def connect(
        self,
        owner: Pollable,
        binding: Binding | None,
        remote: bytes,
        port: int,
        settings: Settings,
        now: cython.longlong,
        fast: bool = False,
        repair: Repair | None = None,
    ) -> Tcb:
        """Active OPEN: the SYN is sent, the connection is in SYN_SENT. ``owner`` is woken with POLLOUT when it is open.

        With ``fast`` the SYN waits for the connection's ``open_fast``, which gives it text to carry (RFC 7413). With
        a ``repair`` that is on nothing is sent: it is ESTABLISHED at once. Without a binding an ephemeral port is
        chosen. Raises OSError: EADDRNOTAVAIL, EADDRINUSE, and what the route says (ENETUNREACH, EHOSTUNREACH, EACCES).
        """
        remote = self._destination(remote)
        path = self.sender.path(remote, binding.address or None if binding is not None else None, settings.oif)
        if settings.keys is not None:
            settings.keys.check_connect(path.dst)
        if binding is None:
            low, high = local_ports(settings.port_range, self.sysctls)
            binding = self._ports.for_connect(self._endpoints, path, port, self.sysctls, low, high, now)
        key = make_key(path.dst, path.src, port, binding.port)
        earlier = self._endpoints.get(key)
        if earlier is not None and not (isinstance(earlier, TimeWait) and is_reusable(earlier, self.sysctls, now)):
            self._ports.settle(binding)
            raise OSError(EADDRNOTAVAIL, "Cannot assign requested address")
        tcb = Connection(self, key, path, binding.port, port)
        tcb.iss = tcb.snd_una = self._first_number(key, earlier, repair, now)
        tcb.snd_nxt = tcb.snd_sml = seq_add(tcb.iss, 1)
        try:
            prepare(tcb, settings, now)
        except OSError:
            self._ports.settle(binding)
            raise
        tcb.binding = binding
        tcb.owner = owner
        if settings.keys is not None:
            attach(tcb)
        tcb.ts_offset = timestamp_offset(self, key)
        tcb.syn_sent_at = now
        self.enter(tcb)
        if isinstance(earlier, TimeWait):
            # Not before: the port must never be nobody's in between.
            earlier.end()
        move(tcb, ACTIVE_OPEN)
        if repair is not None and repair.is_on:
            resume(tcb, repair, now)
            return tcb
        self.mib.ActiveOpens += 1
        offer(tcb)
        if fast:
            tcb.fastopen = FastOpen()
            tcb.fastopen.is_deferred = True
            return tcb
        send_syn(tcb, SYN, now)
        arm_rtx(tcb, RTX_RETRANSMIT, now)
        return tcb

    def _destination(self, remote: bytes) -> bytes:
        # What connect() is meant to reach.
        if len(remote) not in (4, 16):
            raise OSError(EAFNOSUPPORT, "Address family not supported by protocol")
        if not any(remote):
            # The unspecified address means this host (Linux).
            remote = b"\x7f\0\0\1" if len(remote) == 4 else bytes(15) + b"\1"
        if is_multicast(remote) or self.sender.is_broadcast(remote):
            # RFC 9293 3.9.1.1 (MUST-46), with Linux's errno.
            raise OSError(ENETUNREACH, "Network is unreachable")
        return remote

    def _first_number(self, key: bytes, earlier: Endpoint | None, repair: Repair | None, now: int) -> int:
        # Of our SYN: beyond the one before (RFC 6191), what TCP_QUEUE_SEQ asked for, or nobody's guess (RFC 6528).
        if isinstance(earlier, TimeWait):
            self.ext.TWRecycled += 1
            return earlier.next_iss()
        if repair is not None and not repair.is_on:
            return repair.take_iss() or initial_sequence(self, key, now)
        return initial_sequence(self, key, now)

    def tcbs(self) -> Iterator[Listener | Endpoint]:
        """Listeners, then everything with a 4-tuple: Tcb, Request, TimeWait, ForwardRequest. All have ``state``."""
        for listeners in list(self._listeners.values()):
            yield from listeners
        yield from list(self._endpoints.values())

    # The table.

    def enter(self, endpoint: Endpoint) -> None:
        """Put an endpoint into the table, in the place of whatever has its key."""
        binding: Binding | None = endpoint.binding
        if endpoint.kind == KIND_TCB and binding is not None:
            binding.users += 1
        self._endpoints[endpoint.key] = endpoint

    def forget(self, endpoint: Endpoint) -> None:
        """Take an endpoint out of the table and give its port back."""
        binding: Binding | None = endpoint.binding
        if self._endpoints.get(endpoint.key) is endpoint:
            del self._endpoints[endpoint.key]
        if endpoint.kind == KIND_TIME_WAIT:
            self._waiting -= 1
        elif endpoint.kind == KIND_FORWARD:
            self._forwards -= 1
        elif endpoint.kind == KIND_REQUEST:
            return
        if binding is not None:
            endpoint.binding = None
            binding.users -= 1
            if binding.users == 0 and not binding.is_open:
                self._ports.settle(binding)

    def enter_time_wait(self, tcb: Tcb, now: cython.longlong) -> None:
        """RFC 9293 3.6.1: the connection's key stays taken for 2 MSL, unless too many do."""
        waiting: TimeWait
        if self._waiting >= self.sysctls.max_tw_buckets:
            self.ext.TCPTimeWaitOverflow += 1
            return
        waiting = TimeWait(tcb, now)
        if tcb.binding is not None:
            tcb.binding.users += 1
        self._waiting += 1
        self.ext.TW += 1
        self._endpoints[tcb.key] = waiting

    def stop_listening(self, listener: Listener) -> None:
        """Take a listener out of the table."""
        binding = listener.binding
        key = listen_key(binding.address, binding.port, binding.family)
        listeners = self._listeners.get(key, [])
        if listener in listeners:
            listeners.remove(listener)
            if not listeners:
                del self._listeners[key]
        binding.is_listening = False

    # What the network layer calls.

    def receive(self, packet: Packet, now: cython.longlong) -> None:
        """A segment came in (RFC 9293 3.10.7)."""
        seg: Segment = self.segment
        key: bytes
        endpoint: Endpoint | None
        signed: cython.bint
        self.mib.InSegs += 1
        if not seg.parse(packet):
            self.mib.InErrs += 1
            self.counters.drop("tcp_bad_header")
            return
        if packet.csum == CSUM_NONE and not self._verifies(packet):
            self.mib.InErrs += 1
            self.mib.InCsumErrors += 1
            self.counters.drop("tcp_bad_checksum")
            return
        key = demux_key(packet)
        endpoint = self._endpoints.get(key)
        if self.heeds_ttl and packet.ttl < self._least_ttl(endpoint, packet, seg):
            self.ext.TCPMinTTLDrop += 1
            return
        signed = endpoint is not None and (seg.auth != 0 or endpoint.auth is not None)
        if signed and not self._is_genuine(endpoint, packet, seg):  # type: ignore[arg-type]
            return
        if endpoint is not None and endpoint.kind == KIND_TCB:
            segment_arrives(endpoint, packet, seg, now)  # type: ignore[arg-type]
        else:
            self._others(endpoint, key, packet, seg, now)

    def _least_ttl(self, endpoint: Endpoint | None, packet: Packet, seg: Segment) -> cython.uint:
        # IP_MINTTL of whoever it is for (RFC 5082). In its handshake, too, where Linux looks at the SYN only.
        if isinstance(endpoint, Tcb):
            return endpoint.settings.min_ttl
        if isinstance(endpoint, Request):
            return endpoint.listener.settings.min_ttl
        listener = self._find_listener(packet, seg) if endpoint is None else None
        return listener.settings.min_ttl if listener is not None else 0

    def _verifies(self, packet: Packet) -> cython.bint:
        size: cython.uint = packet.tail - packet.l4 + packet.frags_len
        acc: cython.uint = pseudo_sum(packet.buf, packet.addr_off, packet.addr_len, IPPROTO_TCP, size)
        return packet.sum_from(packet.l4, acc) == 0xFFFF

    def _is_genuine(self, endpoint: Endpoint, packet: Packet, seg: Segment) -> cython.bint:
        auth: Auth | None = endpoint.auth
        room = auth.room if auth is not None else 0
        if not accepts(auth, self.ext, packet, seg):
            return False
        if auth is not None and auth.room != room and endpoint.kind == KIND_TCB:
            # The peer asked for a key whose signatures have another length.
            sync_mss(endpoint)  # type: ignore[arg-type]
        return True

    def _others(
        self, endpoint: Endpoint | None, key: bytes, packet: Packet, seg: Segment, now: cython.longlong
    ) -> None:
        # Whatever has no TCB: requests, TIME_WAIT, listeners, nobody.
        iss: cython.longlong = -1
        if endpoint is None:
            self._listen_or_closed(key, packet, seg, -1, now)
        elif isinstance(endpoint, Request):
            endpoint.arrives(packet, seg, now)
        elif isinstance(endpoint, TimeWait):
            if endpoint.arrives(seg, now) == TW_NEW_CONNECTION:
                if self._find_listener(packet, seg) is None and self.forwarder is None:
                    endpoint.acknowledge(now)
                    return
                iss = endpoint.next_iss()
                endpoint.end()
                self._listen_or_closed(key, packet, seg, iss, now)
        elif isinstance(endpoint, ForwardRequest):
            endpoint.arrives(seg)

    def _listen_or_closed(
        self, key: bytes, packet: Packet, seg: Segment, iss: cython.longlong, now: cython.longlong
    ) -> None:
        listener: Listener | None
        at: cython.Py_ssize_t = packet.addr_off + packet.addr_len
        if seg.flags & RST:
            return
        if self.sender.is_broadcast(octets_in(packet.buf, at, packet.addr_len)):
            # RFC 1122 4.2.3.10: a segment for everybody opens nothing and is not answered.
            self.counters.drop("tcp_broadcast")
            return
        if seg.flags & ACK == 0:
            listener = self._find_listener(packet, seg)
            if listener is not None:
                if seg.flags & SYN:
                    syn_arrives(listener, key, packet, seg, iss, now)
                else:
                    # 3.10.7.2, fourth: neither a connection to open nor one to reset.
                    self.counters.drop("tcp_listen_without_syn")
                return
            if seg.flags & SYN and self.forwarder is not None:
                self._forward(key, packet, seg, now)
                return
        elif seg.flags & SYN == 0:
            listener = self._find_listener(packet, seg)
            if listener is not None and cookie_arrives(listener, key, packet, seg, now):
                return
        self._answer_closed(packet, seg, now)

    def _find_listener(self, packet: Packet, seg: Segment) -> Listener | None:
        at: cython.Py_ssize_t = packet.addr_off + packet.addr_len
        family: cython.int = 4 if packet.addr_len == 4 else 6
        address: bytes = octets_in(packet.buf, at, packet.addr_len)
        listener: Listener | None = self._listener_at(listen_key(address, seg.dport, family), packet)
        if listener is None:
            listener = self._listener_at(listen_key(b"", seg.dport, family), packet)
        return listener

    def _listener_at(self, key: bytes, packet: Packet) -> Listener | None:
        listener: Listener
        found = self._listeners.get(key)
        if found is None:
            return None
        listener = found[0]
        if len(found) == 1 and listener.settings.oif == 0:
            return listener
        # SO_BINDTODEVICE: what came in elsewhere is for those that are bound to no device.
        index = getattr(packet.device, "index", 0)
        wanted = [each for each in found if each.settings.oif == index] or [
            each for each in found if each.settings.oif == 0
        ]
        # SO_REUSEPORT: one peer always meets the same listener.
        return wanted[self.isn_hash.of(demux_key(packet)) % len(wanted)] if wanted else None

    def _forward(self, key: bytes, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        if self._forwards >= MAX_FORWARDS:
            self.counters.drop("tcp_forward_full")
            return
        path = path_back(self, packet, 0)
        if path is None:
            return
        request = ForwardRequest(self, key, packet, path, seg, now)
        self._forwards += 1
        self._endpoints[key] = request
        assert self.forwarder is not None
        self.forwarder.syn(request, now)

    def _answer_closed(self, packet: Packet, seg: Segment, now: cython.longlong) -> None:
        # 3.10.7.1. A RST is never answered; the caller saw to that.
        auth: Auth | None = None
        path = answer_path(self, packet, 0)
        if path is None:
            return
        listener = self._find_listener(packet, seg)
        if seg.auth or (listener is not None and listener.settings.keys is not None):
            answerable, auth = closed_auth(listener.settings.keys if listener else None, self.ext, path, packet, seg)
            if not answerable:
                return
        if seg.flags & ACK:
            answer = control_packet(path, seg.dport, seg.sport, seg.ack, 0, RST, 0, b"", auth)
        else:
            answer = control_packet(path, seg.dport, seg.sport, 0, seg.end_seq, RST | ACK, 0, b"", auth)
        self.mib.OutRsts += 1
        self.mib.OutSegs += 1
        self.sender.send(path, answer, now)

    def error(self, error: IcmpError, now: cython.longlong) -> None:
        """An ICMP error (RFC 5927 4): believed only when the quoted sequence number is in flight."""
        buf = error.buf
        at: int = error.l4
        size: int = error.addr_len
        if error.end - at < 8:
            return
        seq = int.from_bytes(buf[at + 4 : at + 8], "big")
        ours = bytes(buf[error.addr_off : error.addr_off + size])
        theirs = bytes(buf[error.addr_off + size : error.addr_off + 2 * size])
        key = theirs + ours + bytes(buf[at + 2 : at + 4]) + bytes(buf[at : at + 2])
        endpoint = self._endpoints.get(key)
        if isinstance(endpoint, Request):
            if seq != endpoint.iss:
                self.ext.OutOfWindowIcmps += 1
            elif ends_request(error):
                self.ext.ListenDrops += 1
                endpoint.drop()
        elif isinstance(endpoint, Tcb):
            if self.heeds_ttl and size == 4 and buf[error.addr_off - 4] < endpoint.settings.min_ttl:
                # What the quoted segment had left says how far the reporter is.
                self.ext.TCPMinTTLDrop += 1
                return
            oldest = endpoint.iss if endpoint.is_unproved() else endpoint.snd_una
            if not seq_in(seq, oldest, endpoint.snd_nxt):
                self.ext.OutOfWindowIcmps += 1
            else:
                icmp_arrives(endpoint, error, seq, now)

    def paths_changed(self) -> None:
        """Nothing to do: every connection asks its path whether it is alive before it sends."""
