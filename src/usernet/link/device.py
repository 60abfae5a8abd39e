"""Device: the edge of a stack, what it can take, and the software that stands in for what it cannot.

Outgoing packets go ``Device.send`` -> (impair) -> offload edge -> taps -> ``transmit`` of the subclass; incoming
ones go subclass -> ``Device.deliver`` -> taps -> (impair) -> (coalesce) -> ``upper.receive_frame``. The taps of an
impaired device stand before that in both directions: a capture shows what was sent, not what a bad wire made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import CSUM_PARTIAL, GSO_ACCECN, GSO_ECN, GSO_TCPV4
from ..core.entropy import Entropy
from ..core.packet import Packet
from ..wire.ip_const import ETH_ALEN
from .const import ETH_HLEN, F_ACCECN, F_CSUM, F_SG, F_TSO4, F_TSO6, IFF_RUNNING, IFF_UP
from .gso import segment

if TYPE_CHECKING:
    import cython


class Upper:
    """Base of whoever takes a device's incoming frames: an ip.Interface, a bridge port."""

    __slots__ = ()

    def receive_frame(self, device: Device, packet: Packet, now: cython.longlong) -> None:
        """One frame; head at the link header (or at the IP header where the device has none)."""
        raise NotImplementedError


class Stage:
    """Base of what stands between a device and its traffic in one direction (impairment)."""

    __slots__ = ()

    def process(self, packet: Packet, now: cython.longlong) -> None:
        """Take a packet over: pass it on now or later, change it, or drop it and count it."""
        raise NotImplementedError


class Coalescer:
    """Base of what joins incoming frames of one batch to super-segments (GRO)."""

    __slots__ = ()

    def add(self, packet: Packet, now: cython.longlong) -> None:
        """Take a frame over: hand it to the device's upper now, or joined to others until ``flush``."""
        raise NotImplementedError

    def flush(self, now: cython.longlong) -> None:
        """The batch ends: hand over everything."""
        raise NotImplementedError


class ReadySink:
    """Base of whoever must call receive_batch of a device in memory (the host)."""

    __slots__ = ()

    def device_ready(self, device: Device) -> None:
        """Frames wait in this device; called once until its next receive_batch."""
        raise NotImplementedError


class Tap:
    """Base of what looks at every frame of a device (a capture)."""

    __slots__ = ()

    def frame(self, device: Device, packet: Packet, outgoing: cython.bint, now: cython.longlong) -> None:
        """One frame as it is on this device; look, do not change."""
        raise NotImplementedError


class DeviceStats:
    """Counters of one device, named as ``ip -s link`` and /sys/class/net/*/statistics name them."""

    __slots__ = (
        "rx_bytes",
        "rx_dropped",
        "rx_errors",
        "rx_packets",
        "tx_bytes",
        "tx_dropped",
        "tx_errors",
        "tx_packets",
    )

    def __init__(self) -> None:
        self.rx_packets = self.rx_bytes = self.rx_errors = self.rx_dropped = 0
        self.tx_packets = self.tx_bytes = self.tx_errors = self.tx_dropped = 0


class Device:
    """Base of every device.

    ``address`` is the hardware address (6 octets), or b"" where frames are bare IP datagrams (``header_len`` 0).
    ``mtu`` does not count the link header. ``gso_max`` is the largest super-segment transmit() takes, IP header
    included, 0 when it takes none; the stack may still build 64 KiB super-segments, segmented at this edge.
    ``is_blocked``, as behind a queue without room: a sender is told so, ENOBUFS, and keeps what it has.
    """

    __slots__ = (
        "address", "egress", "features", "flags", "gro", "gso_max", "header_len", "index", "ingress", "is_blocked",
        "kind", "mtu", "name", "sink", "stats", "taps", "upper",
    )  # fmt: skip

    def __init__(self, name: str, kind: str, mtu: cython.uint, address: bytes) -> None:
        if len(address) not in (0, ETH_ALEN):
            raise ValueError(f"a hardware address has {ETH_ALEN} octets or none, {address.hex(':')!r} has not")
        self.name: str = name
        self.kind: str = kind
        self.mtu = mtu
        self.address: bytes = address
        self.header_len = ETH_HLEN if address else 0
        self.index = 0
        self.flags = IFF_UP | IFF_RUNNING
        self.features = 0
        self.is_blocked = False
        self.gso_max = 0
        self.upper: Upper | None = None
        self.egress: Stage | None = None
        self.ingress: Stage | None = None
        self.gro: Coalescer | None = None
        self.taps: list[Tap] | None = None
        self.sink: ReadySink | None = None
        self.stats = DeviceStats()

    # What a subclass provides.

    def transmit(self, packet: Packet, now: cython.longlong) -> cython.bint:
        """Put one frame on the wire, whole and within ``features``. False: dropped (ring full, wire gone)."""
        raise NotImplementedError

    def flush(self) -> None:
        """End of a batch: ring the doorbell, for devices that collect."""

    def fileno(self) -> cython.int:
        """The kernel descriptor to wait on, or -1 for a device in memory."""
        return -1

    def receive_batch(self, budget: cython.int, now: cython.longlong) -> cython.int:
        """Read and deliver up to budget frames without blocking; returns how many came."""
        return 0

    def pending(self) -> cython.bint:
        """True while frames wait for receive_batch in a device in memory."""
        return False

    def close(self) -> None:
        """Release what the device holds. It neither sends nor delivers afterwards."""

    # What every device has.

    def send(self, packet: Packet, now: cython.longlong) -> None:
        """Send a packet whose head is at the link header."""
        if not self.flags & IFF_UP:
            self.stats.tx_dropped += 1
        elif self.egress is not None:
            if self.taps is not None:
                self._show(packet, True, now)
            self.egress.process(packet, now)
        else:
            self.emit(packet, now)

    def emit(self, packet: Packet, now: cython.longlong) -> None:
        """The offload edge: segment, complete checksums, linearize as the device needs, then transmit."""
        wanted: cython.uint
        pieces: list[Packet]
        piece: Packet
        if packet.gso_size:
            wanted = F_TSO4 if packet.gso_type & ~(GSO_ECN | GSO_ACCECN) == GSO_TCPV4 else F_TSO6
            if packet.gso_type & GSO_ACCECN:
                wanted |= F_ACCECN
            if self.features & wanted != wanted or packet.length() - self.header_len > self.gso_max:
                pieces = segment(packet, self.header_len)
                if not pieces:
                    self.stats.tx_errors += 1
                for item in pieces:
                    piece = item
                    self._put(piece, now)
                return
        self._put(packet, now)

    def _put(self, packet: Packet, now: cython.longlong) -> None:
        stats: DeviceStats = self.stats
        size: cython.Py_ssize_t = packet.length()
        if packet.csum == CSUM_PARTIAL and not self.features & F_CSUM:
            packet.complete_checksum()
        if packet.frags is not None and not self.features & F_SG:
            packet.linearize()
        if self.taps is not None and self.egress is None:
            self._show(packet, True, now)
        if self.transmit(packet, now):
            stats.tx_packets += 1
            stats.tx_bytes += size
        else:
            stats.tx_dropped += 1

    def deliver(self, packet: Packet, now: cython.longlong) -> None:
        """A frame came in: head at the link header."""
        stats: DeviceStats = self.stats
        if not self.flags & IFF_UP or self.upper is None:
            stats.rx_dropped += 1
            return
        stats.rx_packets += 1
        stats.rx_bytes += packet.length()
        packet.device = self
        packet.timestamp = now
        if self.taps is not None:
            self._show(packet, False, now)
        if self.ingress is not None:
            self.ingress.process(packet, now)
        elif self.gro is not None:
            self.gro.add(packet, now)
        else:
            self.upper.receive_frame(self, packet, now)

    def pass_up(self, packet: Packet, now: cython.longlong) -> None:
        """Behind the ingress stage: hand the frame to the stack."""
        if self.gro is not None:
            self.gro.add(packet, now)
        elif self.upper is not None:
            self.upper.receive_frame(self, packet, now)

    def end_batch(self, now: cython.longlong) -> None:
        """No more frames for now: hand over what is still being joined. Who delivers or passes up a batch calls it."""
        if self.gro is not None:
            self.gro.flush(now)

    def _show(self, packet: Packet, outgoing: cython.bint, now: cython.longlong) -> None:
        tap: Tap
        for item in self.taps or ():
            tap = item
            tap.frame(self, packet, outgoing, now)


def random_address(entropy: Entropy) -> bytes:
    """A random hardware address: locally administered, unicast (IEEE 802 8.4)."""
    octets = entropy.octets(6)
    return bytes([octets[0] & 0xFC | 0x02]) + octets[1:]
