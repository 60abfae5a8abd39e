"""IpPath: what IP caches about the way to one destination (Linux's rtable)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.sender import Path
from ..link.device import Device
from .const import RTN_LOCAL
from .interface import Interface
from .neigh import Neighbour

if TYPE_CHECKING:
    import cython


class IpPath(Path):
    """A Path with the route's outcome: device, next hop and, once asked for, the neighbour.

    ``kind`` is the destination's RTN_ number, ``mtu_locked`` true when the path MTU is below what we believe, so that
    routers must fragment, ``ident_slot`` the IP ID counter of this pair of addresses.
    """

    __slots__ = (
        "device", "dst32", "ident_slot", "interface", "kind", "mtu_locked", "neighbour", "next_hop", "src32",
    )  # fmt: skip

    def __init__(self, src: bytes, dst: bytes, interface: Interface, next_hop: bytes, kind: cython.int) -> None:
        Path.__init__(self, 4, src, dst)
        self.interface: Interface = interface
        self.device: Device = interface.device
        self.next_hop: bytes = next_hop
        self.neighbour: Neighbour | None = None
        self.kind = kind
        self.local = kind == RTN_LOCAL
        self.src32 = int.from_bytes(src, "big")
        self.dst32 = int.from_bytes(dst, "big")
        self.mtu_locked = False
        self.ident_slot = 0
