"""virtio-net header (VIRTIO 1.2, 5.1.6), little-endian, without num_buffers: checksum and segmentation state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_ECN, GSO_TCPV4, GSO_TCPV6
from ..core.packet import Packet

if TYPE_CHECKING:
    import cython

# flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
HEADER_LEN = 10
F_NEEDS_CSUM = 1
F_DATA_VALID = 2


def emit(into: bytearray, packet: Packet) -> None:
    """Write the header of a packet (head at its link header) to the first HEADER_LEN octets of into."""
    p: cython.p_uchar = into
    start: cython.Py_ssize_t = 0
    headers: cython.Py_ssize_t = 0
    offset: cython.Py_ssize_t = 0
    flags: cython.uint = 0
    kind: cython.uint = 0
    size: cython.uint = packet.gso_size
    if packet.csum == CSUM_PARTIAL:
        flags = F_NEEDS_CSUM
        start = packet.csum_start - packet.head
        offset = packet.csum_offset
    if size > 0:
        kind = packet.gso_type
        headers = packet.l4 + (packet.buf[packet.l4 + 12] >> 4) * 4 - packet.head
    p[0] = flags
    p[1] = kind
    p[2] = headers & 0xFF
    p[3] = headers >> 8
    p[4] = size & 0xFF
    p[5] = (size >> 8) & 0xFF
    p[6] = start & 0xFF
    p[7] = start >> 8
    p[8] = offset & 0xFF
    p[9] = offset >> 8


def parse(header: bytearray, packet: Packet) -> cython.bint:
    """Set a packet's checksum and segmentation state from its header. False when the header lies about the packet.

    Its octets from head to tail are all there. Super-segments other than TCP's were not negotiated; one that asks for
    no checksum breaks VIRTIO 1.2 5.1.6.2.1 unless its data is known to be valid.
    """
    p: cython.p_const_uchar = header
    flags: cython.uint = p[0]
    kind: cython.uint = p[1]
    size: cython.uint = p[4] | (p[5] << 8)
    start: cython.Py_ssize_t = p[6] | (p[7] << 8)
    offset: cython.Py_ssize_t = p[8] | (p[9] << 8)
    packet.csum = CSUM_NONE
    packet.gso_type = packet.gso_size = 0
    if flags & F_NEEDS_CSUM:
        if start + offset + 2 > packet.tail - packet.head:
            return False
        packet.csum = CSUM_PARTIAL
        packet.csum_start = packet.head + start
        packet.csum_offset = offset
    elif flags & F_DATA_VALID:
        packet.csum = CSUM_UNNECESSARY
    if kind:
        if (kind & ~GSO_ECN) not in (GSO_TCPV4, GSO_TCPV6) or size == 0 or packet.csum == CSUM_NONE:
            return False
        packet.gso_type = kind
        packet.gso_size = size
    return True
