"""Packet: one frame or super-segment, its buffer, offsets and offload state.

The linear part is ``buf[head:tail]``; payload sent by reference follows it in ``frags``. ``head`` moves as layers
push and pull their headers; ``l3`` and ``l4`` are offsets into ``buf`` that the layers leave for one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checksum import sum16, swap
from .const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, HEADROOM, UDP_CHECK_OFFSET

if TYPE_CHECKING:
    import cython


COMPILED = not __file__.endswith(".py")


class View:
    """A span of octets inside a buffer somebody else owns: ``base[start:end]``."""

    __slots__ = ("base", "end", "start")

    def __init__(self, base: bytes | bytearray, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
        self.base: bytes | bytearray = base
        self.start = start
        self.end = end

    def __len__(self) -> int:
        return self.end - self.start

    def tobytes(self) -> bytes:
        """A copy of the octets."""
        return bytes(self.base[self.start : self.end])

    def memory(self) -> memoryview:
        """The octets themselves, for writev and its like."""
        return memoryview(self.base)[self.start : self.end]


def make_view(base: bytes | bytearray, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> View:
    """View(base, start, end) at the price of an allocation: a constructor call boxes its arguments in C."""
    view: View = View.__new__(View)
    view.base = base
    view.start = start
    view.end = end
    return view


class Packet:
    """One frame on its way in or out.

    ``csum`` is one of the CSUM_ constants; CSUM_PARTIAL means the 16-bit field at ``csum_start + csum_offset``
    holds the folded pseudo-header sum, to be completed over everything from ``csum_start`` (an offset into buf).
    ``gso_size`` is the payload each wire segment of a super-segment carries, 0 for an ordinary packet.
    ``addr_off`` and ``addr_len`` say where the IP source address lies; the destination follows it.
    """

    __slots__ = (
        "addr_len",
        "addr_off",
        "buf",
        "csum",
        "csum_offset",
        "csum_start",
        "device",
        "df",
        "frags",
        "frags_len",
        "gso_size",
        "gso_type",
        "head",
        "l3",
        "l4",
        "mark",
        "protocol",
        "tail",
        "timestamp",
        "tos",
        "ttl",
    )

    def __init__(self, buf: bytearray, head: cython.Py_ssize_t, tail: cython.Py_ssize_t) -> None:
        self._fill(buf, head, tail)

    def _fill(self, buf: bytearray, head: cython.Py_ssize_t, tail: cython.Py_ssize_t) -> None:
        self.buf = buf
        self.head = head
        self.tail = tail
        self.l3 = self.l4 = -1
        self.frags: list[View] | None = None
        self.frags_len = 0
        self.csum = CSUM_NONE
        self.csum_start = self.csum_offset = 0
        self.gso_type = self.gso_size = 0
        self.addr_off = self.addr_len = 0
        self.protocol = 0
        self.tos = self.ttl = self.mark = 0
        self.df = False
        self.timestamp = 0
        self.device: object = None

    def __len__(self) -> int:
        return self.tail - self.head + self.frags_len

    def length(self) -> cython.Py_ssize_t:
        """Octets from head to the end, by-reference payload included."""
        return self.tail - self.head + self.frags_len

    def push(self, n: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Make room for n octets of header before head; returns the new head. Offsets stay true."""
        grow: cython.Py_ssize_t
        if n > self.head:
            grow = HEADROOM + n - self.head
            self.buf = bytearray(grow) + self.buf[: self.tail]
            self.head += grow
            self.tail += grow
            self.csum_start += grow
            self.addr_off += grow
            if self.l3 >= 0:
                self.l3 += grow
            if self.l4 >= 0:
                self.l4 += grow
        self.head -= n
        return self.head

    def add_frag(self, view: View) -> None:
        """Append payload by reference."""
        if self.frags is None:
            self.frags = [view]
        else:
            self.frags.append(view)
        self.frags_len += view.end - view.start

    def append(self, octets: bytes) -> None:
        """Copy octets behind the linear part, whose buffer has room for them."""
        if COMPILED:
            put(self.buf, self.tail, octets)  # type: ignore[name-defined]  # noqa: F821
        else:
            self.buf[self.tail : self.tail + len(octets)] = octets
        self.tail += len(octets)

    def linearize(self) -> None:
        """Copy by-reference payload into buf, for a reader that needs all octets side by side."""
        frags: list[View] | None = self.frags
        if frags is None:
            return
        buf = self.buf[: self.tail]
        for view in frags:
            buf += view.memory()
        self.buf = buf
        self.tail += self.frags_len
        self.frags = None
        self.frags_len = 0

    def tobytes(self) -> bytes:
        """A copy of all octets from head on."""
        linear = bytes(self.buf[self.head : self.tail])
        if self.frags is None:
            return linear
        return b"".join([linear, *[view.memory() for view in self.frags]])

    def clone(self) -> Packet:
        """An independent packet with the same octets; by-reference payload stays shared."""
        twin = Packet(bytearray(self.buf[: self.tail]), self.head, self.tail)
        twin.l3 = self.l3
        twin.l4 = self.l4
        twin.frags = None if self.frags is None else list(self.frags)
        twin.frags_len = self.frags_len
        twin.csum = self.csum
        twin.csum_start = self.csum_start
        twin.csum_offset = self.csum_offset
        twin.gso_type = self.gso_type
        twin.gso_size = self.gso_size
        twin.addr_off = self.addr_off
        twin.addr_len = self.addr_len
        twin.protocol = self.protocol
        twin.tos = self.tos
        twin.ttl = self.ttl
        twin.mark = self.mark
        twin.df = self.df
        twin.timestamp = self.timestamp
        twin.device = self.device
        return twin

    def sum_from(self, start: cython.Py_ssize_t, acc: cython.uint) -> cython.uint:
        """One's complement sum of everything from buf offset start to the end, on top of acc."""
        part: cython.uint
        odd: cython.bint = ((self.tail - start) & 1) != 0
        acc = sum16(self.buf, start, self.tail, acc)
        frags: list[View] | None = self.frags
        if frags is not None:
            for view in frags:
                part = sum16(view.base, view.start, view.end, 0)
                if odd:
                    part = swap(part)
                acc += part
                acc = (acc & 0xFFFF) + (acc >> 16)
                if (view.end - view.start) & 1:
                    odd = not odd
        return acc

    def finished_checksum(self) -> cython.uint:
        """What a CSUM_PARTIAL packet's field holds once it is complete."""
        # The field's own pseudo-header sum is part of what is summed.
        check: cython.uint = self.sum_from(self.csum_start, 0) ^ 0xFFFF
        if check == 0 and self.csum_offset == UDP_CHECK_OFFSET:
            return 0xFFFF  # 0 says that there is none (RFC 768)
        return check

    def complete_checksum(self) -> None:
        """Turn CSUM_PARTIAL into finished octets, for a device that cannot do it."""
        if self.csum != CSUM_PARTIAL:
            return
        at: cython.Py_ssize_t = self.csum_start + self.csum_offset
        check: cython.uint = self.finished_checksum()
        buf: bytearray = self.buf
        buf[at] = check >> 8
        buf[at + 1] = check & 0xFF
        self.csum = CSUM_UNNECESSARY


def octets_in(buf: bytearray, at: cython.Py_ssize_t, n: cython.Py_ssize_t) -> bytes:
    """n octets of a buffer, which it has, in one copy."""
    if COMPILED:
        return octets_at(buf, at, n)  # type: ignore[name-defined,no-any-return]  # noqa: F821
    return bytes(buf[at : at + n])


def new_packet(size: cython.Py_ssize_t) -> Packet:
    """A packet with an empty linear part and room for size octets behind HEADROOM; write, then move tail."""
    if COMPILED:
        # A call of bytearray() boxes its argument and costs three times as much.
        return make_packet(zeroed(HEADROOM + size), HEADROOM, HEADROOM)  # type: ignore[name-defined]  # noqa: F821
    return make_packet(bytearray(HEADROOM + size), HEADROOM, HEADROOM)


def make_packet(buf: bytearray, head: cython.Py_ssize_t, tail: cython.Py_ssize_t) -> Packet:
    """Packet(buf, head, tail) at the price of an allocation."""
    packet: Packet = Packet.__new__(Packet)
    packet._fill(buf, head, tail)
    return packet
