"""The local table: which addresses are ours, and what kind of address any other one is (RFC 1122 3.2.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import IPV4_LIMITED_BROADCAST, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST

if TYPE_CHECKING:
    import cython


class LocalTable:
    """IPv4 addresses of all interfaces of a stack, as numbers, and how many interfaces have each (weak host model).

    ``marks`` are sixty-four bits, those of the addresses in either table set: it spares most strangers the look-up.
    """

    __slots__ = ("broadcast", "marks", "unicast")

    def __init__(self) -> None:
        self.unicast: dict[int, int] = {}
        self.broadcast: dict[int, int] = {}
        self.marks = 0

    def kind(self, address: cython.uint) -> cython.int:
        """RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST or, for all the rest, RTN_UNICAST. All of 127/8 is local."""
        known: cython.bint = (self.marks & _mark(address)) != 0
        if (known and address in self.unicast) or address >> 24 == 127:
            return RTN_LOCAL
        if address >> 28 == 14:
            return RTN_MULTICAST
        if address == IPV4_LIMITED_BROADCAST or (known and address in self.broadcast):
            return RTN_BROADCAST
        return RTN_UNICAST

    def add(self, address: bytes, broadcast: bytes | None) -> None:
        """An interface got this address."""
        _count(self.unicast, address, 1)
        if broadcast is not None:
            _count(self.broadcast, broadcast, 1)
        self._note_marks()

    def remove(self, address: bytes, broadcast: bytes | None) -> None:
        """An interface lost it."""
        _count(self.unicast, address, -1)
        if broadcast is not None:
            _count(self.broadcast, broadcast, -1)
        self._note_marks()

    def _note_marks(self) -> None:
        self.marks = 0
        for table in (self.unicast, self.broadcast):
            for address in table:
                self.marks |= _mark(address)


def _mark(address: cython.uint) -> cython.ulonglong:
    one: cython.ulonglong = 1
    return one << ((address ^ (address >> 6) ^ (address >> 12)) & 63)


def _count(table: dict[int, int], address: bytes, change: int) -> None:
    number = int.from_bytes(address, "big")
    left = table.get(number, 0) + change
    if left > 0:
        table[number] = left
    else:
        table.pop(number, None)
