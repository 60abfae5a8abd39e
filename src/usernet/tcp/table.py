"""Demultiplexing, ports and TIME-WAIT (RFC 9293 3.10.7.1, RFC 6056, RFC 6191, RFC 1337).

The key of a connection is how its packets begin: remote and local address, remote and local port, as they lie side by
side on the wire (12 octets in IPv4, 36 in IPv6). No tuples are made to find a connection.
"""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL
from typing import TYPE_CHECKING

from ..core.const import MASK32, MS
from ..core.entropy import Entropy, KeyedHash
from ..core.packet import Packet, octets_in
from ..core.sender import Path
from ..core.seq import seq_add, seq_lt
from ..core.timers import Timer
from ..wire.tcp import Segment, timestamp_option
from .const import (
    ACK,
    CONNECTED,
    FORCE_REUSE,
    KIND_TIME_WAIT,
    PAWS_24DAYS,
    REUSEADDR,
    REUSEPORT,
    RST,
    SYN,
    T_TIME_WAIT,
    TIME_WAIT,
    TIME_WAIT_LEN,
    TW_DONE,
    TW_NEW_CONNECTION,
)  # fmt: skip
from .sysctls import Sysctls
from .tcb import Binding, Endpoint, Engine, Tcb
from .transmit import control_packet

if TYPE_CHECKING:
    import cython

COMPILED = not __file__.endswith(".py")

# RFC 6056 3.3.4, algorithm 4: counters of the double hash.
COUNTERS = 256


def demux_key(packet: Packet) -> bytes:
    """The key of the connection an incoming packet belongs to."""
    at: cython.Py_ssize_t = packet.addr_off
    size: cython.Py_ssize_t = 2 * packet.addr_len
    if packet.l4 == at + size:
        return octets_in(packet.buf, at, size + 4)
    # IP options or extension headers stand between addresses and ports.
    return bytes(packet.buf[at : at + size] + packet.buf[packet.l4 : packet.l4 + 4])


def make_key(remote: bytes, local: bytes, remote_port: int, local_port: int) -> bytes:
    """The key of a connection by its ends."""
    return remote + local + remote_port.to_bytes(2, "big") + local_port.to_bytes(2, "big")


def listen_key(address: bytes, port: cython.uint, family: cython.int) -> bytes:
    """The key of a listener; address b"" is any, for which the family counts."""
    if COMPILED:
        return joined_key(address, port, family)  # type: ignore[name-defined,no-any-return]  # noqa: F821
    return (address or bytes((family,))) + port.to_bytes(2, "big")


class TimeWait(Endpoint):
    """TIME_WAIT, in a few fields: enough to acknowledge a FIN again and to know old segments from a new connection."""

    __slots__ = (
        "engine", "family", "last_answer_at", "local", "local_port", "mark", "path", "rcv_nxt", "rcv_wnd", "remote",
        "remote_port", "snd_nxt", "started_at", "timer", "tos", "ts_offset", "ts_ok", "ts_recent", "ts_recent_at",
    )  # fmt: skip

    def __init__(self, tcb: Tcb, now: cython.longlong) -> None:
        engine: Engine = tcb.engine
        self.kind = KIND_TIME_WAIT
        self.state = TIME_WAIT
        self.key = tcb.key
        self.binding = tcb.binding
        self.auth = tcb.auth
        self.engine = engine
        self.path: Path = tcb.path
        self.family = tcb.family
        self.local: bytes = tcb.local
        self.remote: bytes = tcb.remote
        self.local_port = tcb.local_port
        self.remote_port = tcb.remote_port
        self.snd_nxt = tcb.snd_nxt
        self.rcv_nxt = tcb.rcv_nxt
        self.rcv_wnd = tcb.receive_window() >> tcb.rcv_wscale
        self.ts_ok = tcb.ts_ok
        self.ts_recent = tcb.ts_recent
        self.ts_recent_at = tcb.ts_recent_at
        self.ts_offset = tcb.ts_offset
        self.tos = tcb.settings.tos
        self.mark = tcb.settings.mark
        self.started_at = now
        self.last_answer_at = -(1 << 62)
        self.timer: Timer = Timer(engine.timers, self, T_TIME_WAIT)
        self.timer.arm(now + TIME_WAIT_LEN)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """2 MSL have passed."""
        self.end()

    def end(self) -> None:
        """Leave the table."""
        self.timer.destroy()
        self.engine.forget(self)

    def arrives(self, seg: Segment, now: cython.longlong) -> cython.int:
        """RFC 9293 3.10.7.4 for TIME_WAIT, with RFC 6191: TW_NEW_CONNECTION says that a SYN may open a new one."""
        engine: Engine = self.engine
        old: cython.bint = False
        if self.ts_ok and seg.ts_ok:
            old = seq_lt(seg.tsval, self.ts_recent) and now - self.ts_recent_at < PAWS_24DAYS
        if not old and seg.seq == self.rcv_nxt and (seg.seq == seg.end_seq or seg.flags & RST):
            if seg.flags & RST:
                # RFC 1337: assassination is prevented where the sysctl asks for it.
                if not engine.sysctls.rfc1337:
                    engine.ext.TWKilled += 1
                    self.end()
                return TW_DONE
            self.timer.arm(now + TIME_WAIT_LEN)
            if self.ts_ok and seg.ts_ok:
                self.ts_recent = seg.tsval
                self.ts_recent_at = now
            return TW_DONE
        if (
            seg.flags & (SYN | RST | ACK) == SYN
            and not old
            and (seq_lt(self.rcv_nxt, seg.seq) or (self.ts_ok and seg.ts_ok and seq_lt(self.ts_recent, seg.tsval)))
        ):
            engine.ext.TWRecycled += 1
            return TW_NEW_CONNECTION
        if old:
            engine.ext.PAWSTimewait += 1
        if not seg.flags & RST:
            if old or seg.flags & ACK:
                self.timer.arm(now + TIME_WAIT_LEN)
            # Text and FIN come again until they are acknowledged. For the rest two confused ends would answer each
            # other for ever.
            if (seg.seq != seg.end_seq and not seg.flags & SYN) or self._may_answer(now):
                self.acknowledge(now)
        return TW_DONE

    def _may_answer(self, now: cython.longlong) -> cython.bint:
        # Linux's tcp_invalid_ratelimit.
        if now - self.last_answer_at < self.engine.sysctls.invalid_ratelimit_ns:
            self.engine.ext.TCPACKSkippedTimeWait += 1
            return False
        self.last_answer_at = now
        return True

    def next_iss(self) -> cython.uint:
        """An ISS beyond what this connection can have used (RFC 6191 2, Linux's choice of distance)."""
        return seq_add(self.snd_nxt, 65537)

    def acknowledge(self, now: cython.longlong) -> None:
        """The peer's FIN again, or something that does not belong here: say what is expected."""
        engine: Engine = self.engine
        options = b""
        if self.ts_ok:
            options = timestamp_option((now // MS + self.ts_offset) & MASK32, self.ts_recent)
        packet = control_packet(
            self.path, self.local_port, self.remote_port, self.snd_nxt, self.rcv_nxt, ACK, self.rcv_wnd, options,
            self.auth,
        )  # fmt: skip
        packet.tos = self.tos
        packet.mark = self.mark
        engine.mib.OutSegs += 1
        engine.sender.send(self.path, packet, now)


class Ports:
    """Who holds which local port, and the choice of a free one."""

    __slots__ = ("_buckets", "_counters", "_entropy", "_hash")

    def __init__(self, entropy: Entropy) -> None:
        self._buckets: dict[int, list[Binding]] = {}
        self._entropy = entropy
        self._hash = KeyedHash(entropy.octets(16))
        self._counters = [entropy.u32() for _ in range(COUNTERS)]

    def bind(self, address: bytes, port: int, family: int, flags: int, oif: int, low: int, high: int) -> Binding:
        """Take a port, 0 for an ephemeral one in low..high. Raises OSError(EADDRINUSE)."""
        wanted = Binding(address, port, family, flags, oif)
        if port == 0:
            self._choose(wanted, low, high)
        elif not flags & FORCE_REUSE and self._conflict(wanted):
            raise OSError(EADDRINUSE, "Address already in use")
        self._buckets.setdefault(wanted.port, []).append(wanted)
        return wanted

    def unbind(self, binding: Binding) -> None:
        """Its owner lets go; connections made through it keep it until they end."""
        binding.is_open = False
        binding.is_listening = False
        self.settle(binding)

    def settle(self, binding: Binding) -> None:
        """Free the port when neither an owner nor a connection is left."""
        if binding.is_open or binding.users > 0:
            return
        bucket = self._buckets.get(binding.port)
        if bucket is not None and binding in bucket:
            bucket.remove(binding)
            if not bucket:
                del self._buckets[binding.port]

    def may_listen(self, binding: Binding) -> bool:
        """False when another socket listens where this one would."""
        for other in self._buckets.get(binding.port, ()):
            if other is binding or not other.is_listening or other.flags & binding.flags & REUSEPORT:
                continue
            if _overlap(other, binding):
                return False
        return True

    def for_connect(
        self,
        table: dict[bytes, Endpoint],
        path: Path,
        remote_port: int,
        sysctls: Sysctls,
        low: int,
        high: int,
        now: int,
    ) -> Binding:
        """A port in low..high whose 4-tuple is free (RFC 6056 3.3.4, double hash), or in a TIME-WAIT to be reused.

        Raises OSError(EADDRNOTAVAIL).
        """
        count = high - low + 1
        mark = self._hash.of(path.src + path.dst + remote_port.to_bytes(2, "big"))
        slot = (mark >> 32) % COUNTERS
        start = (mark & MASK32) + self._counters[slot]
        for step in range(count):
            port = low + (start + step) % count
            bucket = self._buckets.get(port)
            if bucket is not None and not bucket[0].flags & CONNECTED:
                continue
            earlier = table.get(make_key(path.dst, path.src, remote_port, port))
            if earlier is not None and not (isinstance(earlier, TimeWait) and is_reusable(earlier, sysctls, now)):
                continue
            # Linux steps on by a small random amount, so that one observer learns little.
            self._counters[slot] = (self._counters[slot] + step + 1 + self._entropy.below(8)) & MASK32
            if bucket is not None:
                return bucket[0]
            binding = Binding(b"", port, path.family, CONNECTED)
            binding.is_open = False
            self._buckets[port] = [binding]
            return binding
        raise OSError(EADDRNOTAVAIL, "Cannot assign requested address")

    def _choose(self, wanted: Binding, low: int, high: int) -> None:
        # RFC 6056 3.3.1: a random start, then the next that is free.
        count = high - low + 1
        start = self._entropy.below(count)
        for step in range(count):
            wanted.port = low + (start + step) % count
            # A port chosen for the caller is shared with nobody, whatever the flags.
            if wanted.port not in self._buckets:
                return
        raise OSError(EADDRINUSE, "Address already in use")

    def _conflict(self, wanted: Binding) -> bool:
        # Linux's inet_csk_bind_conflict.
        for other in self._buckets.get(wanted.port, ()):
            if not _overlap(other, wanted):
                continue
            if other.flags & wanted.flags & REUSEADDR and not other.is_listening:
                continue
            if other.flags & wanted.flags & REUSEPORT:
                continue
            return True
        return False


def local_ports(port_range: int, sysctls: Sysctls) -> tuple[int, int]:
    """Of the ports to choose from those IP_LOCAL_PORT_RANGE leaves: each end counts where it lies inside (Linux)."""
    low, high = sysctls.port_low, sysctls.port_high
    least, most = port_range & 0xFFFF, port_range >> 16
    if low <= least <= high:
        low = least
    if low <= most <= high:
        high = most
    return low, high


def _overlap(one: Binding, other: Binding) -> bool:
    if one.family != other.family or (one.oif and other.oif and one.oif != other.oif):
        return False
    return not one.address or not other.address or one.address == other.address


def is_reusable(waiting: TimeWait, sysctls: Sysctls, now: cython.longlong) -> cython.bint:
    """May connect() take the place of this TIME_WAIT entry? Timestamps tell its segments from ours (RFC 6191)."""
    reuse: cython.int = sysctls.tw_reuse
    if reuse == 0 or (reuse == 2 and not waiting.path.local):
        return False
    return waiting.ts_ok and now - waiting.ts_recent_at >= sysctls.tw_reuse_delay_ns
