"""veth: a cable in memory; what one end sends the other receives (veth(4))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.entropy import Entropy
from ..core.packet import Packet
from .const import IFF_BROADCAST, IFF_MULTICAST, IFF_RUNNING, IFF_UP
from .device import random_address
from .loopback import MemoryDevice

if TYPE_CHECKING:
    import cython

# A frame may carry one VLAN tag more than the MTU counts.
VLAN_HLEN = 4


class Veth(MemoryDevice):
    """One end of the cable; ``peer`` is the other."""

    __slots__ = ("peer",)

    def __init__(self, name: str, mtu: cython.uint, address: bytes) -> None:
        super().__init__(name, "veth", mtu, address)
        self.flags |= IFF_BROADCAST | IFF_MULTICAST
        self.peer: Veth | None = None

    def transmit(self, packet: Packet, now: cython.longlong) -> cython.bint:
        """Queue the frame at the other end, super-segment and checksum state as they are."""
        peer: Veth | None = self.peer
        if peer is None or not peer.flags & IFF_UP:
            return False
        # As Linux's is_skb_forwardable: the receiver's MTU, unless it is a super-segment.
        if not packet.gso_size and packet.length() > peer.mtu + peer.header_len + VLAN_HLEN:
            peer.stats.rx_dropped += 1
            return False
        packet.mark = 0  # marks do not leave their namespace
        return peer.enqueue(packet)

    def close(self) -> None:
        """Unplug: the other end loses its carrier."""
        peer: Veth | None = self.peer
        MemoryDevice.close(self)
        self.flags &= ~IFF_RUNNING
        if peer is not None:
            peer.flags &= ~IFF_RUNNING
            peer.peer = None
            self.peer = None


def veth_pair(name_a: str, name_b: str, mtu: int = 1500, *, entropy: Entropy | None = None) -> tuple[Veth, Veth]:
    """Two connected devices.

    Their hardware addresses are random ones from entropy, or steady ones made from the names.
    """
    source = entropy or Entropy(f"veth {name_a} {name_b}".encode())
    a = Veth(name_a, mtu, random_address(source))
    b = Veth(name_b, mtu, random_address(source))
    a.peer = b
    b.peer = a
    return a, b
