"""Generic receive offload: TCP segments that follow one another in a batch are joined to one super-segment.

The inverse of segmentation (Linux net/ipv4/tcp_offload.c, tcp_gro_receive): only what segmentation would cut into the
same packets again is joined. Checksums are verified before; the super-segment is CSUM_PARTIAL like the kernel's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import checksum, pseudo_sum
from ..core.const import (
    CSUM_NONE,
    CSUM_PARTIAL,
    CSUM_UNNECESSARY,
    GSO_ACCECN,
    GSO_TCPV4,
    GSO_TCPV6,
    MASK16,
    MASK32,
    MAX_DATAGRAM,
)  # fmt: skip
from ..core.packet import Packet, View
from .const import MAX_TRAINS, TCP_ACK, TCP_CHECKSUM, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH
from .device import Coalescer, Device
from .gso import find_tcp

if TYPE_CHECKING:
    import cython

# Flags that end a train, and that a train's other segments do not have.
TCP_ENDS = TCP_FIN | TCP_PSH
# Flags that all segments of a train have, or none: with AE they are a counter (RFC 9768 3.3.4). CWR of classic ECN
# stands in one segment, which so stays alone.
TCP_ECN = TCP_ECE | TCP_CWR
RESERVED_BITS = 0x0E


class Train:
    """Segments of one flow joined so far; ``packet`` is the first, with the payload of the others behind it."""

    __slots__ = ("data", "flags", "ident", "l3", "l4", "mss", "packet", "payload", "segments", "seq")

    def __init__(self, packet: Packet, l3: cython.Py_ssize_t, l4: cython.Py_ssize_t) -> None:
        p: cython.p_const_uchar = packet.buf
        self.packet = packet
        self.l3 = l3
        self.l4 = l4
        self.payload = l4 + (p[l4 + 12] >> 4) * 4
        self.data = packet.tail + packet.frags_len - self.payload
        self.mss = self.data
        self.segments = 1
        self.flags = p[l4 + 13]
        # What the next segment must have.
        self.seq = (_u32(packet.buf, l4 + 4) + self.data) & MASK32
        self.ident = (((p[l3 + 4] << 8) | p[l3 + 5]) + 1) & MASK16


class Gro(Coalescer):
    """The trains of one device, each handed over when it is full, ends, or the batch does."""

    __slots__ = ("_device", "_trains", "joined")

    def __init__(self, device: Device) -> None:
        self._device = device
        self._trains: list[Train] = []
        self.joined = 0

    def add(self, packet: Packet, now: cython.longlong) -> None:
        """Take a frame over. What is no plain TCP segment with data goes on at once, behind its own flow's train."""
        l3: cython.Py_ssize_t = packet.head + self._device.header_len
        l4: cython.Py_ssize_t = find_tcp(packet.buf, l3, packet.tail)
        train: Train | None
        segment: Train
        if l4 < 0:
            self._pass(packet, now)
            return
        train = self._find(packet.buf, l3, l4)
        if packet.gso_size or not _joinable(packet, l3, l4):
            if train is not None:
                self._depart(train, now)
            self._pass(packet, now)
            return
        segment = Train(packet, l3, l4)
        if train is not None and _follows(train, segment):
            self._join(train, segment, now)
            return
        if train is not None:
            self._depart(train, now)
        if segment.flags & TCP_ENDS:
            self._pass(packet, now)
            return
        if len(self._trains) >= MAX_TRAINS:
            self._depart(self._trains[0], now)
        self._trains.append(segment)

    def flush(self, now: cython.longlong) -> None:
        """The batch ends: hand over everything, oldest first."""
        while self._trains:
            self._depart(self._trains[0], now)

    def _find(self, buf: bytearray, l3: cython.Py_ssize_t, l4: cython.Py_ssize_t) -> Train | None:
        train: Train
        for item in self._trains:
            train = item
            if _same_flow(train, buf, l3, l4):
                return train
        return None

    def _join(self, train: Train, segment: Train, now: cython.longlong) -> None:
        packet: Packet = train.packet
        if segment.packet.tail > segment.payload:
            packet.add_frag(View(segment.packet.buf, segment.payload, segment.packet.tail))
        if segment.packet.frags is not None:
            for view in segment.packet.frags:
                packet.add_frag(view)
        train.data += segment.data
        train.segments += 1
        train.seq = segment.seq
        train.ident = segment.ident
        train.flags |= segment.flags
        self.joined += 1
        if segment.data < train.mss or segment.flags & TCP_ENDS or train.data + train.mss > MAX_DATAGRAM - 120:
            self._depart(train, now)

    def _depart(self, train: Train, now: cython.longlong) -> None:
        self._trains.remove(train)
        if train.segments > 1:
            _complete(train)
        self._pass(train.packet, now)

    def _pass(self, packet: Packet, now: cython.longlong) -> None:
        if self._device.upper is not None:
            self._device.upper.receive_frame(self._device, packet, now)


def _joinable(packet: Packet, l3: cython.Py_ssize_t, l4: cython.Py_ssize_t) -> cython.bint:
    """A TCP segment with data, without SYN, RST or URG, in a plain IP header, whole and with true checksums."""
    p: cython.p_const_uchar = packet.buf
    payload: cython.Py_ssize_t = l4 + (p[l4 + 12] >> 4) * 4
    length: cython.Py_ssize_t
    if p[l3] >> 4 == 4:
        length = (p[l3 + 2] << 8) | p[l3 + 3]
        if l4 - l3 != 20 or checksum(packet.buf, l3, l4, 0) != 0:
            return False
    else:
        length = 40 + ((p[l3 + 4] << 8) | p[l3 + 5])
        if l4 - l3 != 40:
            return False
    # A frame padded by Ethernet is too small to be worth it.
    if l3 + length != packet.tail + packet.frags_len or payload < l4 + 20 or payload > packet.tail:
        return False
    if l3 + length <= payload or (p[l4 + 12] & RESERVED_BITS) or (p[l4 + 13] & ~(TCP_ENDS | TCP_ECN)) != TCP_ACK:
        return False
    if packet.csum == CSUM_NONE:
        if packet.sum_from(l4, _pseudo(packet.buf, l3, l4, length - (l4 - l3))) != 0xFFFF:
            return False
        packet.csum = CSUM_UNNECESSARY
    return True


def _same_flow(train: Train, buf: bytearray, l3: cython.Py_ssize_t, l4: cython.Py_ssize_t) -> cython.bint:
    # Addresses and ports; with plain headers they stand side by side.
    p: cython.p_const_uchar = train.packet.buf
    q: cython.p_const_uchar = buf
    if p[train.l3] >> 4 != q[l3] >> 4:
        return False
    if not _equal(train.packet.buf, train.l4, buf, l4, 4):
        return False
    if q[l3] >> 4 == 4:
        return _equal(train.packet.buf, train.l3 + 12, buf, l3 + 12, 8)
    return _equal(train.packet.buf, train.l3 + 8, buf, l3 + 8, 32)


def _follows(train: Train, segment: Train) -> cython.bint:
    """The segment is the next of the train, and segmentation would make it again."""
    p: cython.p_const_uchar = train.packet.buf
    q: cython.p_const_uchar = segment.packet.buf
    header: cython.Py_ssize_t = segment.payload - segment.l4
    ident: cython.uint
    if _u32(segment.packet.buf, segment.l4 + 4) != train.seq or segment.data > train.mss:
        return False
    # Header length and AE; ECE and CWR.
    if p[train.l4 + 12] != q[segment.l4 + 12] or (p[train.l4 + 13] ^ q[segment.l4 + 13]) & TCP_ECN:
        return False
    if p[train.l3] >> 4 == 4:
        # Service class, flags and time to live; IDs count up.
        if p[train.l3 + 1] != q[segment.l3 + 1] or p[train.l3 + 8] != q[segment.l3 + 8]:
            return False
        if p[train.l3 + 6] != q[segment.l3 + 6]:
            return False
        ident = (q[segment.l3 + 4] << 8) | q[segment.l3 + 5]
        if ident != train.ident:
            return False
    elif (
        not _equal(train.packet.buf, train.l3, segment.packet.buf, segment.l3, 4)
        or p[train.l3 + 7] != q[segment.l3 + 7]
    ):
        return False
    # Acknowledgement number; window; urgent pointer and options.
    return (
        _equal(train.packet.buf, train.l4 + 8, segment.packet.buf, segment.l4 + 8, 4)
        and _equal(train.packet.buf, train.l4 + 14, segment.packet.buf, segment.l4 + 14, 2)
        and _equal(train.packet.buf, train.l4 + 18, segment.packet.buf, segment.l4 + 18, header - 18)
    )


def _complete(train: Train) -> None:
    """Make the first packet's headers those of the whole."""
    packet: Packet = train.packet
    buf: bytearray = packet.buf
    p: cython.p_uchar = buf
    l3: cython.Py_ssize_t = train.l3
    l4: cython.Py_ssize_t = train.l4
    length: cython.Py_ssize_t = train.payload - l4 + train.data
    word: cython.uint
    if p[l3] >> 4 == 4:
        length += 20
        p[l3 + 2] = length >> 8
        p[l3 + 3] = length & 0xFF
        length -= 20
        p[l3 + 10] = p[l3 + 11] = 0
        word = checksum(buf, l3, l4, 0)
        p[l3 + 10] = word >> 8
        p[l3 + 11] = word & 0xFF
        packet.gso_type = GSO_TCPV4
    else:
        p[l3 + 4] = length >> 8
        p[l3 + 5] = length & 0xFF
        packet.gso_type = GSO_TCPV6
    p[l4 + 13] = train.flags
    if train.flags & TCP_CWR:
        packet.gso_type |= GSO_ACCECN
    word = _pseudo(buf, l3, l4, length)
    p[l4 + TCP_CHECKSUM] = word >> 8
    p[l4 + TCP_CHECKSUM + 1] = word & 0xFF
    packet.gso_size = train.mss
    packet.csum = CSUM_PARTIAL
    packet.csum_start = l4
    packet.csum_offset = TCP_CHECKSUM


def _pseudo(buf: bytearray, l3: cython.Py_ssize_t, l4: cython.Py_ssize_t, length: cython.Py_ssize_t) -> cython.uint:
    if buf[l3] >> 4 == 4:
        return pseudo_sum(buf, l3 + 12, 4, 6, length)
    return pseudo_sum(buf, l3 + 8, 16, 6, length)


def _u32(buf: bytearray, at: cython.Py_ssize_t) -> cython.uint:
    p: cython.p_const_uchar = buf
    word: cython.uint = (p[at] << 24) | (p[at + 1] << 16) | (p[at + 2] << 8) | p[at + 3]
    return word


def _equal(a: bytearray, i: cython.Py_ssize_t, b: bytearray, j: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.bint:
    p: cython.p_const_uchar = a
    q: cython.p_const_uchar = b
    k: cython.Py_ssize_t = 0
    while k < n:
        if p[i + k] != q[j + k]:
            return False
        k += 1
    return True
