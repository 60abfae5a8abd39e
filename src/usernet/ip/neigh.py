"""Neighbour unreachability detection (RFC 4861 7.3), as Linux runs it for ARP too (RFC 1122 2.3.2.1).

The states and their transitions are RFC 4861 7.3.2's; FAILED and PERMANENT are Linux's. The machine knows neither
ARP nor NDP: a Resolver asks and hears of what failed.

    INCOMPLETE  asked, no answer yet; packets wait           -> REACHABLE answer, FAILED no answer
    REACHABLE   confirmed within reachable time              -> STALE time passed, DELAY passed while in use
    STALE       has an address nobody vouches for            -> DELAY a packet was sent
    DELAY       a grace period for hints from above          -> REACHABLE confirmed, PROBE time passed
    PROBE       asking the address itself                    -> REACHABLE answer, FAILED no answer
    FAILED      the next packet starts over                  -> INCOMPLETE
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from errno import EINVAL, ENOBUFS
from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.context import Context
from ..core.packet import Packet
from ..core.timers import Timer, TimerOwner
from ..link.device import Device
from ..wire.ethernet import emit_ethernet
from ..wire.ip_const import ETH_ALEN
from .const import (
    NUD_CONNECTED,
    NUD_DELAY,
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_VALID,
)
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

# How often the reachable time is drawn anew (RFC 4861 6.3.4 says hours, Linux does it every five minutes).
REDRAW_NS = 300 * SECOND
# Linux's gc pause above gc_thresh2, and its locktime: how long a learnt address cannot be overwritten.
GC_PAUSE_NS = 5 * SECOND
LOCKTIME_NS = SECOND


class Resolver:
    """Base of the protocol that asks for addresses: ARP, NDP."""

    __slots__ = ()

    def solicit(self, table: NeighbourTable, neighbour: Neighbour, unicast: cython.bint, now: cython.longlong) -> None:
        """Ask once; unicast when there is an address to ask."""
        raise NotImplementedError

    def unreachable(self, table: NeighbourTable, packet: Packet, now: cython.longlong) -> None:
        """Nobody answered for the next hop of this packet, whose head is at its IP header."""
        raise NotImplementedError


class Neighbour(TimerOwner):
    """One next hop. ``header`` is its ready link header while the state is in NUD_VALID; ``connected`` that no
    question needs asking. A ``dead`` one left its table: look it up again.
    """

    __slots__ = (
        "address", "confirmed_at", "connected", "dead", "header", "lladdr", "probes", "queue", "queued", "state",
        "table", "timer", "updated_at", "used_at",
    )  # fmt: skip

    def __init__(self, table: NeighbourTable, address: bytes) -> None:
        self.table: NeighbourTable = table
        self.address: bytes = address
        self.state = NUD_NONE
        self.connected = False
        self.dead = False
        self.lladdr: bytes = b""
        self.header: bytes = b""
        self.probes = 0
        self.confirmed_at = self.updated_at = self.used_at = 0
        self.queue: deque[Packet] | None = None
        self.queued = 0
        self.timer: Timer = Timer(table.context.timers, self, 0)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """The time of this state is over."""
        self.table.expire(self, now)


class NeighbourTable:
    """The neighbours on one interface, at most gc_thresh3 of them."""

    __slots__ = (
        "_entries", "_gc_at", "_reachable_ns", "_redraw_at", "context", "device", "ether_type", "resolver", "settings",
    )  # fmt: skip

    def __init__(
        self, context: Context, settings: IpSettings, device: Device, ether_type: int, resolver: Resolver | None
    ) -> None:
        self.context: Context = context
        self.settings: IpSettings = settings
        self.device: Device = device
        self.ether_type = ether_type
        self.resolver: Resolver | None = resolver
        self._entries: dict[bytes, Neighbour] = {}
        self._reachable_ns = 0
        self._redraw_at = 0
        self._gc_at = 0

    def __iter__(self) -> Iterator[Neighbour]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, address: bytes) -> Neighbour | None:
        """The entry, if there is one."""
        return self._entries.get(address)

    def lookup(self, address: bytes, now: cython.longlong) -> Neighbour | None:
        """The entry, made when there is none; None, and counted, when the table is full of entries in use."""
        neighbour: Neighbour | None = self._entries.get(address)
        if neighbour is not None:
            return neighbour
        if not self._make_room(now):
            self.context.counters.drop("neigh_table_full")
            return None
        neighbour = Neighbour(self, address)
        neighbour.updated_at = now
        self._entries[address] = neighbour
        return neighbour

    def fixed(self, lladdr: bytes) -> Neighbour:
        """A neighbour outside the table whose address needs no asking: broadcast, multicast, a NOARP device."""
        neighbour = Neighbour(self, b"")
        self._set(neighbour, NUD_NOARP, lladdr)
        return neighbour

    def add_static(self, address: bytes, lladdr: bytes, now: cython.longlong = 0) -> None:
        """Pin an address down, as ``ip neigh replace ... nud permanent`` does. Raises OSError: EINVAL, ENOBUFS."""
        if len(lladdr) != ETH_ALEN:
            raise OSError(EINVAL, f"a hardware address has {ETH_ALEN} octets, {lladdr.hex(':')!r} has not")
        neighbour: Neighbour | None = self.lookup(address, now)
        if neighbour is None:
            raise OSError(ENOBUFS, "the neighbour table is full")
        neighbour.timer.cancel()
        neighbour.updated_at = now
        self._set(neighbour, NUD_PERMANENT, lladdr)
        self._flush(neighbour, now)

    def remove(self, address: bytes) -> bool:
        """Forget an entry and what waits for it; False when there is none."""
        neighbour: Neighbour | None = self._entries.pop(address, None)
        if neighbour is None:
            return False
        self._bury(neighbour)
        return True

    def clear(self) -> None:
        """Forget all entries."""
        for address in list(self._entries):
            self.remove(address)

    # Sending.

    def send(self, neighbour: Neighbour, packet: Packet, now: cython.longlong) -> cython.int:
        """Send a packet, head at its IP header, to a neighbour that is not connected: now, or when it answers."""
        settings: IpSettings = self.settings
        neighbour.used_at = now
        if neighbour.state == NUD_STALE:
            neighbour.state = NUD_DELAY
            neighbour.updated_at = now
            neighbour.timer.arm(now + settings.delay_probe_ns)
        if neighbour.state & NUD_VALID:
            send_framed(self.device, neighbour.header, packet, now)
            return 0
        result: cython.int = self._enqueue(neighbour, packet)
        if neighbour.state != NUD_INCOMPLETE:
            neighbour.state = NUD_INCOMPLETE
            neighbour.updated_at = now
            # Linux counts the unicast probes of PROBE as done, so that the rest are broadcast.
            neighbour.probes = settings.ucast_solicit
            self._probe(neighbour, now)
        return result

    def _enqueue(self, neighbour: Neighbour, packet: Packet) -> cython.int:
        size: cython.longlong = packet.length()
        limit: cython.longlong = self.settings.unres_qlen_bytes
        if neighbour.queue is None:
            neighbour.queue = deque()
        while neighbour.queue and neighbour.queued + size > limit:
            self._unqueue(neighbour)
            self.context.counters.drop("neigh_queue_full")
        if neighbour.queued + size > limit or not self.context.pool.charge(size):
            self.context.counters.drop("neigh_queue_full")
            return -ENOBUFS
        neighbour.queue.append(packet)
        neighbour.queued += size
        return 0

    def _unqueue(self, neighbour: Neighbour) -> Packet:
        packet: Packet = neighbour.queue.popleft()  # type: ignore[union-attr]
        size: cython.longlong = packet.length()
        neighbour.queued -= size
        self.context.pool.uncharge(size)
        return packet

    def _flush(self, neighbour: Neighbour, now: cython.longlong) -> None:
        while neighbour.queue and neighbour.state & NUD_VALID:
            send_framed(self.device, neighbour.header, self._unqueue(neighbour), now)

    def _probe(self, neighbour: Neighbour, now: cython.longlong) -> None:
        """Ask, or give up."""
        settings: IpSettings = self.settings
        most: cython.int = settings.ucast_solicit
        if neighbour.state == NUD_INCOMPLETE:
            most += settings.mcast_solicit
        else:
            most += settings.mcast_resolicit
        if neighbour.probes >= most or self.resolver is None:
            self._fail(neighbour, now)
            return
        neighbour.timer.arm(now + settings.retrans_ns)
        neighbour.probes += 1
        unicast: cython.bint = neighbour.state == NUD_PROBE and neighbour.probes <= settings.ucast_solicit
        self.resolver.solicit(self, neighbour, unicast, now)

    def _fail(self, neighbour: Neighbour, now: cython.longlong) -> None:
        neighbour.state = NUD_FAILED
        neighbour.connected = False
        neighbour.updated_at = now
        waiting: list[Packet] = []
        while neighbour.queue:
            waiting.append(self._unqueue(neighbour))
        # Whoever hears of it may send again, and so start over: only a finished state is shown.
        for packet in waiting:
            self.context.counters.drop("neigh_unreachable")
            if self.resolver is not None:
                self.resolver.unreachable(self, packet, now)

    # What comes in.

    def update(
        self, neighbour: Neighbour, lladdr: bytes, state: cython.int, override: cython.bint, now: cython.longlong
    ) -> None:
        """A neighbour named its address: REACHABLE when it answered us, STALE when we overheard it.

        ``override``: the address may replace a different one. Linux's neigh_update.
        """
        if neighbour.state & (NUD_PERMANENT | NUD_NOARP):
            return
        known: cython.bint = neighbour.state & NUD_VALID != 0
        if known and lladdr != neighbour.lladdr and not override:
            return
        if known and lladdr == neighbour.lladdr and state == NUD_STALE:
            return  # overhearing what we know says nothing about reachability
        if state == NUD_REACHABLE:
            neighbour.confirmed_at = now
        if state != neighbour.state or lladdr != neighbour.lladdr:
            neighbour.updated_at = now
        self._set(neighbour, state, lladdr)
        if state == NUD_REACHABLE:
            neighbour.timer.arm(now + self._reachable_time(now))
        else:
            neighbour.timer.cancel()
        self._flush(neighbour, now)

    def locked(self, neighbour: Neighbour, now: cython.longlong) -> bool:
        """True while an address learnt just now is not to be overwritten by the next answer to the same question."""
        return bool(now - neighbour.updated_at <= LOCKTIME_NS)

    def expire(self, neighbour: Neighbour, now: cython.longlong) -> None:
        """Linux's neigh_timer_handler."""
        settings: IpSettings = self.settings
        state: cython.int = neighbour.state
        fresh_until: cython.longlong = neighbour.confirmed_at + self._reachable_time(now)
        if state == NUD_REACHABLE:
            if now < fresh_until:
                neighbour.timer.arm(fresh_until)
            elif now <= neighbour.used_at + settings.delay_probe_ns:
                self._demote(neighbour, NUD_DELAY, now)
                neighbour.timer.arm(now + settings.delay_probe_ns)
            else:
                self._demote(neighbour, NUD_STALE, now)
        elif state == NUD_DELAY:
            if now <= neighbour.confirmed_at + settings.delay_probe_ns and now < fresh_until:
                self._set(neighbour, NUD_REACHABLE, neighbour.lladdr)
                neighbour.updated_at = now
                neighbour.timer.arm(fresh_until)
            else:
                neighbour.probes = 0
                self._demote(neighbour, NUD_PROBE, now)
                self._probe(neighbour, now)
        elif state & (NUD_INCOMPLETE | NUD_PROBE):
            self._probe(neighbour, now)

    def _demote(self, neighbour: Neighbour, state: cython.int, now: cython.longlong) -> None:
        neighbour.state = state
        neighbour.connected = False
        neighbour.updated_at = now

    def _set(self, neighbour: Neighbour, state: cython.int, lladdr: bytes) -> None:
        if lladdr != neighbour.lladdr:
            neighbour.lladdr = lladdr
            neighbour.header = emit_ethernet(lladdr, self.device.address, self.ether_type)
        neighbour.state = state
        neighbour.connected = state & NUD_CONNECTED != 0

    def _reachable_time(self, now: cython.longlong) -> cython.longlong:
        # RFC 4861 6.3.2: uniform between half and one and a half of the base, against synchronised probes.
        base: cython.longlong = self.settings.base_reachable_ns
        if now >= self._redraw_at or not base // 2 <= self._reachable_ns <= base // 2 + base:
            self._reachable_ns = base // 2 + int(base * self.context.entropy.unit())
            self._redraw_at = now + REDRAW_NS
        return self._reachable_ns

    # Bounds.

    def _make_room(self, now: cython.longlong) -> bool:
        count = len(self._entries)
        settings: IpSettings = self.settings
        if count >= settings.gc_thresh3 or (count >= settings.gc_thresh2 and now - self._gc_at >= GC_PAUSE_NS):
            self._collect(count - settings.gc_thresh2 + 1, now)
        return len(self._entries) < settings.gc_thresh3

    def _collect(self, most: int, now: cython.longlong) -> None:
        """Forget the entries longest unchanged that are not in use; several at once, so that a flood stays cheap."""
        self._gc_at = now
        unused = [
            entry for entry in self._entries.values() if entry.state & (NUD_STALE | NUD_FAILED) or not entry.state
        ]
        unused.sort(key=_last_change)
        for entry in unused[: max(1, most)]:
            self.context.counters.drop("neigh_collected")
            self.remove(entry.address)

    def _bury(self, neighbour: Neighbour) -> None:
        neighbour.dead = True
        neighbour.connected = False
        neighbour.state = NUD_FAILED
        neighbour.timer.destroy()
        while neighbour.queue:
            self._unqueue(neighbour)
            self.context.counters.drop("neigh_removed")


def _last_change(neighbour: Neighbour) -> int:
    return neighbour.updated_at


def send_framed(device: Device, header: bytes, packet: Packet, now: cython.longlong) -> None:
    """Put a 14-octet link header before a packet and send it."""
    at: cython.Py_ssize_t = packet.push(14)
    p: cython.p_uchar = packet.buf
    h: cython.p_const_uchar = header
    i: cython.Py_ssize_t = 0
    while i < 14:
        p[at + i] = h[i]
        i += 1
    device.send(packet, now)
