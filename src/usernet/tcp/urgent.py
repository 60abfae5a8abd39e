"""Urgent data (RFC 9293 3.8.5, RFC 6093): one octet out of line as Linux has it, or in line as RFC 6093 wants."""

from __future__ import annotations

from errno import EAGAIN, EINVAL, ENOTCONN
from typing import TYPE_CHECKING

from ..core.const import MASK32, POLLIN, POLLPRI
from ..core.packet import Packet, View
from ..core.seq import seq_lt
from ..wire.tcp import Segment
from .const import CLOSED, RCV_SHUTDOWN, URG, URG_AT_END, URG_NONE, URG_NOT_YET, URG_READ, URG_VALID
from .tcb import Tcb
from .urgent_state import Urgent

if TYPE_CHECKING:
    import cython


def urgent_of(tcb: Tcb) -> Urgent:
    """The connection's urgent state, made when it is first needed."""
    if tcb.urgent is None:
        tcb.urgent = Urgent(tcb.snd_una)
    return tcb.urgent


# Sending.


def sent_urgent(tcb: Tcb, end: cython.uint) -> None:
    """What was queued up to this sequence number is urgent (3.10.2)."""
    urgent: Urgent = urgent_of(tcb)
    urgent.snd_up = end
    urgent.is_sending = True


def urgent_pointer(tcb: Tcb, seq: cython.uint) -> cython.uint:
    """The urgent pointer of a segment that begins at seq, 0 for none.

    It points behind the last urgent octet (RFC 6093 3.1), unless net.ipv4.tcp_stdurg makes it point at it.
    """
    urgent: Urgent = urgent_of(tcb)
    ahead: cython.uint
    if not seq_lt(tcb.snd_una, urgent.snd_up):
        urgent.is_sending = False
        return 0
    if not seq_lt(seq, urgent.snd_up):
        return 0
    ahead = (urgent.snd_up - seq) & MASK32
    return ahead if ahead < 0xFFFF else 0xFFFF


# Receiving.


def urgent_arrives(tcb: Tcb, packet: Packet, seg: Segment) -> None:
    """3.10.7.4, sixth check: a new urgent pointer is news for the user; its octet is kept when it comes."""
    urgent: Urgent = urgent_of(tcb)
    offset: cython.uint
    if seg.flags & URG:
        _take_pointer(tcb, urgent, seg)
    if urgent.state == URG_NOT_YET:
        offset = (urgent.seq - seg.seq) & MASK32
        if offset < seg.length:
            urgent.octet = _octet_at(packet, seg, offset)
            urgent.state = URG_VALID
            tcb.wake(POLLIN | POLLPRI)


def _take_pointer(tcb: Tcb, urgent: Urgent, seg: Segment) -> None:
    pointer: cython.uint = seg.up
    if pointer > 0 and not tcb.engine.sysctls.stdurg:
        pointer -= 1
    pointer = (seg.seq + pointer) & MASK32
    if seq_lt(pointer, tcb.copied_seq()) or seq_lt(pointer, tcb.rcv_nxt):
        return
    if urgent.state != URG_NONE and not seq_lt(urgent.seq, pointer):
        return
    if (
        urgent.state != URG_NONE
        and urgent.seq == tcb.copied_seq()
        and not tcb.settings.oobinline
        and tcb.rcv_queue.length
    ):
        # The urgent octet before this one was never part of the stream, read or not.
        tcb.rcv_queue.discard(1)
        tcb.engine.pool.uncharge(1)
    urgent.state = URG_NOT_YET
    urgent.seq = pointer
    tcb.wake(POLLPRI)


def _octet_at(packet: Packet, seg: Segment, offset: cython.Py_ssize_t) -> cython.int:
    at: cython.Py_ssize_t = seg.data + offset
    size: cython.Py_ssize_t
    view: View
    if at < packet.tail:
        return packet.buf[at]
    offset = at - packet.tail
    assert packet.frags is not None  # the segment is longer than what lies in the buffer
    for item in packet.frags:
        view = item
        size = view.end - view.start
        if offset < size:
            return int(memoryview(view.base)[view.start + offset])
        offset -= size
    return 0


def readable_now(tcb: Tcb, n: cython.Py_ssize_t, peek: cython.bint) -> cython.Py_ssize_t:
    """How many of n octets a reader may take at once: reading stops at the mark, and skips an octet out of line.

    Negative: the octet at the front is to be skipped, and the count is that of those behind it.
    """
    urgent: Urgent = urgent_of(tcb)
    offset: cython.uint
    if urgent.state == URG_NONE:
        return n
    offset = (urgent.seq - tcb.copied_seq()) & MASK32
    if offset >= tcb.rcv_queue.length:
        return n
    if offset > 0:
        return offset if offset < n else n
    if tcb.settings.oobinline:
        return n
    return -n


def was_read(tcb: Tcb) -> None:
    """The reader moved on: a mark behind it is forgotten."""
    urgent: Urgent = urgent_of(tcb)
    if urgent.state != URG_NONE and seq_lt(urgent.seq, tcb.copied_seq()):
        urgent.state = URG_NONE


def read_urgent(tcb: Tcb, peek: cython.bint) -> cython.int:
    """recv(MSG_OOB): the urgent octet, or -errno; URG_AT_END at the end of the stream. It never waits (Linux)."""
    urgent: Urgent = urgent_of(tcb)
    if tcb.settings.oobinline or urgent.state == URG_NONE or urgent.state == URG_READ:
        return -EINVAL
    if tcb.state == CLOSED and not tcb.rcv_fin:
        return -ENOTCONN
    if urgent.state == URG_VALID:
        if not peek:
            urgent.state = URG_READ
        return urgent.octet
    if tcb.state == CLOSED or tcb.shutdown & RCV_SHUTDOWN:
        return URG_AT_END
    return -EAGAIN


def is_at_mark(tcb: Tcb) -> cython.bint:
    """SIOCATMARK: the next octet is the urgent one."""
    return tcb.urgent is not None and tcb.urgent.state != URG_NONE and tcb.urgent.seq == tcb.copied_seq()


def readable_before_mark(tcb: Tcb) -> cython.longlong:
    """SIOCINQ: octets that can be read without passing an urgent one that is out of line."""
    n: cython.longlong = tcb.rcv_queue.length
    offset: cython.uint
    if tcb.urgent is None or tcb.urgent.state == URG_NONE or tcb.settings.oobinline:
        return n
    offset = (tcb.urgent.seq - tcb.copied_seq()) & MASK32
    return offset if offset < n else n
