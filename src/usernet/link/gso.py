"""Generic segmentation offload: one TCP super-segment becomes the wire packets it stands for.

What a network card with TSO does (Linux Documentation/networking/segmentation-offloads.rst), in software: every
piece gets the headers of the whole with its own lengths, IP ID, sequence number, flags and pseudo-header sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.checksum import checksum, pseudo_sum
from ..core.const import CSUM_PARTIAL, GSO_ACCECN, MASK32
from ..core.packet import Packet, View
from .const import RX_HEADROOM, TCP_CHECKSUM, TCP_CWR, TCP_FIN, TCP_PSH

if TYPE_CHECKING:
    import cython


def segment(packet: Packet, header_len: cython.Py_ssize_t) -> list[Packet]:
    """The wire packets of a super-segment whose head is at a link header of header_len octets.

    Payload is shared by reference. The pieces are CSUM_PARTIAL. Headers that are not those of a whole TCP segment
    over IPv4 or IPv6 give an empty list: such a packet cannot be sent and is the caller's to count.
    """
    p: cython.p_const_uchar = packet.buf
    l3: cython.Py_ssize_t = packet.head + header_len
    l4: cython.Py_ssize_t = find_tcp(packet.buf, l3, packet.tail)
    payload: cython.Py_ssize_t
    header: bytearray
    if l4 < 0:
        return []
    payload = l4 + (p[l4 + 12] >> 4) * 4
    if payload < l4 + 20 or payload > packet.tail:
        return []
    # The pieces' header, with room in front; offsets move by the same shift.
    header = bytearray(RX_HEADROOM) + packet.buf[packet.head : payload]
    return _cut(packet, header, RX_HEADROOM - packet.head, l3, l4, payload)


def find_tcp(buf: bytearray, l3: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Offset of the TCP header (20 octets of it at least) of the IP packet at buf[l3:end], or -1."""
    p: cython.p_const_uchar = buf
    at: cython.Py_ssize_t
    protocol: cython.uint
    if l3 < 0 or end > len(buf) or end - l3 < 40:
        return -1
    if p[l3] >> 4 == 4:
        at = l3 + (p[l3] & 15) * 4
        protocol = p[l3 + 9]
        if at < l3 + 20 or at + 20 > end or (p[l3 + 6] & 0x3F) | p[l3 + 7]:
            return -1  # a fragment has no whole segment to cut
        return at if protocol == 6 else -1
    if p[l3] >> 4 != 6:
        return -1
    at = l3 + 40
    protocol = p[l3 + 6]
    # Extension headers of one layout (RFC 8200 4.2): hop-by-hop, routing, destination options.
    while protocol in (0, 43, 60):
        if at + 8 > end:
            return -1
        protocol = p[at]
        at += 8 + 8 * p[at + 1]
    return at if protocol == 6 and at + 20 <= end else -1


def _cut(
    packet: Packet,
    header: bytearray,
    shift: cython.Py_ssize_t,
    l3: cython.Py_ssize_t,
    l4: cython.Py_ssize_t,
    payload: cython.Py_ssize_t,
) -> list[Packet]:
    pieces: list[Packet] = []
    views: list[View] = [] if packet.tail == payload else [View(packet.buf, payload, packet.tail)]
    if packet.frags is not None:
        views += packet.frags
    octets: cython.Py_ssize_t = packet.tail - payload + packet.frags_len
    mss: cython.Py_ssize_t = packet.gso_size
    done: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t
    i: cython.Py_ssize_t = 0
    start: cython.Py_ssize_t = 0
    n: cython.Py_ssize_t
    view: View
    piece: Packet
    acc: cython.uint
    number: cython.uint = 0
    # RFC 3168 6.1.2: the answer to one congestion signal is given once. As part of a counter CWR stays (RFC 9768).
    once: cython.bint = not packet.gso_type & GSO_ACCECN
    ipv4: cython.bint = packet.buf[l3] >> 4 == 4
    addr_off: cython.Py_ssize_t = l3 + (12 if ipv4 else 8)
    addr_len: cython.Py_ssize_t = 4 if ipv4 else 16
    # Protocol 6 and the addresses; each piece adds its length.
    acc = pseudo_sum(packet.buf, addr_off, addr_len, 6, 0)
    if views:
        view = views[0]
        start = view.start
    while True:
        size = octets - done
        if mss > 0 and size > mss:
            size = mss
        piece = Packet(bytearray(header), RX_HEADROOM, len(header))
        _copy_meta(packet, piece)
        piece.l3 = l3 + shift
        piece.l4 = l4 + shift
        piece.addr_off = addr_off + shift
        piece.addr_len = addr_len
        _set_ip(piece.buf, piece.l3, piece.l4, len(header) - piece.l3 + size, number, ipv4)
        _set_tcp(piece, acc, len(header) - piece.l4 + size, done, done + size >= octets, once)
        done += size
        while size > 0:
            view = views[i]
            n = view.end - start
            n = min(n, size)
            piece.add_frag(View(view.base, start, start + n))
            size -= n
            start += n
            if start == view.end:
                i += 1
                if i < len(views):
                    view = views[i]
                    start = view.start
        pieces.append(piece)
        number += 1
        if done >= octets:
            return pieces


def _copy_meta(packet: Packet, piece: Packet) -> None:
    piece.protocol = packet.protocol
    piece.tos = packet.tos
    piece.ttl = packet.ttl
    piece.mark = packet.mark
    piece.df = packet.df
    piece.timestamp = packet.timestamp
    piece.device = packet.device


def _set_ip(
    buf: bytearray,
    l3: cython.Py_ssize_t,
    l4: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    number: cython.uint,
    ipv4: cython.bint,
) -> None:
    p: cython.p_uchar = buf
    word: cython.uint
    if not ipv4:
        length -= 40
        p[l3 + 4] = (length >> 8) & 0xFF
        p[l3 + 5] = length & 0xFF
        return
    p[l3 + 2] = (length >> 8) & 0xFF
    p[l3 + 3] = length & 0xFF
    word = ((p[l3 + 4] << 8) | p[l3 + 5]) + number
    p[l3 + 4] = (word >> 8) & 0xFF
    p[l3 + 5] = word & 0xFF
    p[l3 + 10] = p[l3 + 11] = 0
    word = checksum(buf, l3, l4, 0)
    p[l3 + 10] = word >> 8
    p[l3 + 11] = word & 0xFF


def _set_tcp(
    piece: Packet,
    acc: cython.uint,
    length: cython.Py_ssize_t,
    offset: cython.Py_ssize_t,
    last: cython.bint,
    once: cython.bint,
) -> None:
    buf: bytearray = piece.buf
    p: cython.p_uchar = buf
    l4: cython.Py_ssize_t = piece.l4
    seq: cython.uint = (p[l4 + 4] << 24) | (p[l4 + 5] << 16) | (p[l4 + 6] << 8) | p[l4 + 7]
    flags: cython.uint = p[l4 + 13]
    seq = (seq + offset) & MASK32
    p[l4 + 4] = seq >> 24
    p[l4 + 5] = (seq >> 16) & 0xFF
    p[l4 + 6] = (seq >> 8) & 0xFF
    p[l4 + 7] = seq & 0xFF
    if offset > 0 and once:
        flags &= ~TCP_CWR & 0xFF
    if not last:
        flags &= ~(TCP_FIN | TCP_PSH) & 0xFF
    p[l4 + 13] = flags
    acc += length & 0xFFFF
    acc = (acc & 0xFFFF) + (acc >> 16)
    p[l4 + TCP_CHECKSUM] = acc >> 8
    p[l4 + TCP_CHECKSUM + 1] = acc & 0xFF
    piece.csum = CSUM_PARTIAL
    piece.csum_start = l4
    piece.csum_offset = TCP_CHECKSUM
