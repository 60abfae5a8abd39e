"""Reassembly of IPv4 datagrams (RFC 791 3.2, RFC 815), hardened (RFC 1858, RFC 3128, RFC 5722, RFC 3168 5.3)."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from ..core.const import HEADROOM, MAX_DATAGRAM
from ..core.context import Context
from ..core.packet import Packet
from ..core.timers import Timer, TimerOwner
from ..wire.ip_const import ECN_CE, ECN_NOT_ECT
from ..wire.ipv4 import Ipv4Header, fix_checksum
from .settings import IpSettings

if TYPE_CHECKING:
    import cython

    from .icmp import Icmp

# A whole datagram over the smallest MTU Linux sets up by itself needs 120; more are an attack on our patience.
MAX_FRAGMENTS = 256
# What a fragment costs beside its buffer.
OVERHEAD = 512


class Datagram:
    """One datagram in pieces. ``spoiled``: pieces overlapped, and all that belongs to it is refused (RFC 5722 3)."""

    __slots__ = ("ecn", "expires_at", "first", "have", "key", "memory", "pieces", "spoiled", "total")

    def __init__(self, key: bytes, expires_at: int) -> None:
        self.key = key
        self.expires_at = expires_at
        # (start, end, packet), in order; payload at packet.l4.
        self.pieces: list[tuple[int, int, Packet]] = []
        self.first: Packet | None = None
        self.total = -1  # payload octets, once the last fragment came
        self.have = 0
        self.memory = 0
        self.ecn = 0  # one bit for each ECN codepoint seen
        self.spoiled = False


class Reassembler(TimerOwner):
    """All datagrams of a stack that wait for more, within ipfrag_high_thresh octets and ipfrag_time."""

    def __init__(self, context: Context, settings: IpSettings, icmp: Icmp) -> None:
        self._context = context
        self._settings = settings
        self._icmp = icmp
        self._datagrams: dict[bytes, Datagram] = {}
        self._timer = Timer(context.timers, self, 0)
        self.memory = 0

    def __len__(self) -> int:
        return len(self._datagrams)

    def add(self, packet: Packet, header: Ipv4Header, now: int) -> Packet | None:
        """Take a fragment whose l3, l4 and tail are set; the whole datagram when this was the last missing piece."""
        ip = self._context.counters.ip
        ip.ReasmReqds += 1
        packet.linearize()
        # Addresses, protocol and identification (RFC 791 3.2).
        at = packet.l3
        key = bytes(packet.buf[at + 12 : at + 20] + packet.buf[at + 9 : at + 10] + packet.buf[at + 4 : at + 6])
        start = header.offset
        end = start + packet.tail - packet.l4
        if header.mf:
            # Linux: all but the last come in units of eight octets, what is beyond is cut off.
            end -= end & 7
        if end <= start or end + header.hlen > MAX_DATAGRAM:
            self._refuse("ip_fragment_bad_length")
            return None
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = Datagram(key, now + self._settings.ipfrag_time_ns)
            if not self._charge(datagram, OVERHEAD):
                self._refuse("ip_fragment_no_memory")
                return None
            self._datagrams[key] = datagram
            if not self._timer.is_armed():
                self._timer.arm(datagram.expires_at)
        return self._place(datagram, packet, header, start, end)

    def _place(self, datagram: Datagram, packet: Packet, header: Ipv4Header, start: int, end: int) -> Packet | None:
        if datagram.spoiled:
            self._refuse("ip_fragment_spoiled")
            return None
        if any(piece[0] == start and piece[1] == end for piece in datagram.pieces):
            self._context.counters.drop("ip_fragment_duplicate")
            return None
        if any(start < piece[1] and piece[0] < end for piece in datagram.pieces):
            self._context.counters.ip_ext.ReasmOverlaps += 1
            self._spoil(datagram, "ip_fragment_overlap")
            return None
        if not self._fits(datagram, header.mf, end):
            self._refuse("ip_fragment_bad_length")
            return None
        if len(datagram.pieces) >= MAX_FRAGMENTS:
            self._spoil(datagram, "ip_fragment_too_many")
            return None
        if not self._charge(datagram, len(packet.buf) + OVERHEAD):
            self._refuse("ip_fragment_no_memory")
            return None
        insort(datagram.pieces, (start, end, packet), key=_start)
        datagram.have += end - start
        datagram.ecn |= 1 << (header.tos & 3)
        if not header.mf:
            datagram.total = end
        if start == 0:
            datagram.first = packet
        if datagram.have == datagram.total and datagram.first is not None:
            return self._whole(datagram, datagram.first)
        return None

    @staticmethod
    def _fits(datagram: Datagram, more: bool, end: int) -> bool:
        """The end of the datagram is said once, and nothing lies behind it."""
        if more:
            return datagram.total < 0 or end <= datagram.total
        last = datagram.pieces[-1][1] if datagram.pieces else 0
        return datagram.total in (-1, end) and end >= last

    def _whole(self, datagram: Datagram, first: Packet) -> Packet | None:
        """One linear packet under the header of the first fragment (RFC 815 7)."""
        ecn = self._ecn(datagram)
        if ecn < 0:
            self._forget(datagram)
            self._refuse("ip_fragment_ecn")
            return None
        head = first.buf[first.l3 : first.l4]
        if len(head) + datagram.total > MAX_DATAGRAM:
            # Only the first fragment carries all options: with them it is another ping of death.
            self._forget(datagram)
            self._refuse("ip_fragment_bad_length")
            return None
        head[1] = (head[1] & 0xFC) | ecn
        head[2:4] = (len(head) + datagram.total).to_bytes(2, "big")
        head[6:8] = b"\0\0"
        buf = bytearray(HEADROOM) + head
        for start, end, piece in datagram.pieces:
            buf += memoryview(piece.buf)[piece.l4 : piece.l4 + end - start]
        fix_checksum(buf, HEADROOM)
        packet = Packet(buf, HEADROOM, len(buf))
        packet.l3 = HEADROOM
        packet.l4 = HEADROOM + len(head)
        packet.addr_off = HEADROOM + 12
        packet.addr_len = 4
        packet.protocol = first.protocol
        packet.tos = head[1]
        packet.ttl = first.ttl
        packet.timestamp = first.timestamp
        packet.device = first.device
        self._forget(datagram)
        self._context.counters.ip.ReasmOKs += 1
        return packet

    @staticmethod
    def _ecn(datagram: Datagram) -> int:
        """The ECN field of the whole, -1 for a mixture no sender makes (RFC 3168 5.3, Linux's ip_frag_ecn_table)."""
        seen = datagram.ecn
        if seen & (1 << ECN_NOT_ECT):
            return ECN_NOT_ECT if seen == 1 << ECN_NOT_ECT else -1
        if seen & (1 << ECN_CE):
            return ECN_CE
        return (datagram.first.tos & 3) if datagram.first is not None else ECN_NOT_ECT

    # Bounds.

    def _charge(self, datagram: Datagram, size: int) -> bool:
        while self.memory + size > self._settings.ipfrag_high_thresh:
            # The datagram that waits longest has the least chance left; this one is spared to make progress.
            oldest = next((other for other in self._datagrams.values() if other is not datagram), None)
            if oldest is None:
                return False
            self._refuse("ip_fragment_evicted")
            self._forget(oldest)
        if not self._context.pool.charge(size):
            return False
        self.memory += size
        datagram.memory += size
        return True

    def _forget(self, datagram: Datagram) -> None:
        del self._datagrams[datagram.key]
        self._release(datagram, datagram.memory)

    def _release(self, datagram: Datagram, size: int) -> None:
        self.memory -= size
        datagram.memory -= size
        self._context.pool.uncharge(size)

    def _spoil(self, datagram: Datagram, reason: str) -> None:
        # RFC 5722 3: the fragments not yet received are discarded as well, so the entry stays until its time is up.
        datagram.spoiled = True
        datagram.pieces = []
        datagram.first = None
        self._release(datagram, datagram.memory - OVERHEAD)
        self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        self._context.counters.ip.ReasmFails += 1
        self._context.counters.drop(reason)

    def timer_expired(self, kind: cython.int, now: cython.longlong) -> None:
        """Give up what waited too long, and say so when its first fragment can be quoted (RFC 792, RFC 1122 3.3.2)."""
        for datagram in list(self._datagrams.values()):
            if datagram.expires_at > now:
                self._timer.arm(datagram.expires_at)
                break
            self._forget(datagram)
            if datagram.spoiled:
                continue
            self._context.counters.ip.ReasmTimeout += 1
            self._refuse("ip_fragment_timeout")
            if datagram.first is not None:
                self._icmp.reassembly_timed_out(datagram.first, now)


def _start(piece: tuple[int, int, Packet]) -> int:
    return piece[0]
