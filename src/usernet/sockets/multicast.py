"""Group membership of sockets (RFC 1112 7.1): an interface listens as long as one socket is a member."""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, ENOBUFS
from typing import TYPE_CHECKING, Any

from ..udp.endpoint import UdpEndpoint
from .errors import os_error

if TYPE_CHECKING:
    from ..udp.protocol import Udp

# net.ipv4.igmp_max_memberships.
MAX_MEMBERSHIPS = 20


def join_group(udp: Udp, endpoint: UdpEndpoint, interface: Any, group: bytes) -> None:
    """Become a member. Raises OSError: EADDRINUSE when it is one already, ENOBUFS when it is in too many groups."""
    key = (group, interface.index)
    if key in endpoint.memberships:
        raise os_error(EADDRINUSE)
    if len(endpoint.memberships) >= MAX_MEMBERSHIPS:
        raise os_error(ENOBUFS)
    endpoint.memberships.add(key)
    udp.members[key] = udp.members.get(key, 0) + 1
    interface.groups.add(group)


def leave_group(udp: Udp, endpoint: UdpEndpoint, interface: Any, group: bytes) -> None:
    """Leave it again. Raises OSError(EADDRNOTAVAIL) for one who is no member."""
    key = (group, interface.index)
    if key not in endpoint.memberships:
        raise os_error(EADDRNOTAVAIL)
    endpoint.memberships.discard(key)
    udp.members[key] -= 1
    if udp.members[key] == 0:
        del udp.members[key]
        interface.groups.discard(group)


def leave_all(udp: Udp, endpoint: UdpEndpoint, interfaces: dict[int, Any]) -> None:
    """Leave every group: the socket is closing."""
    for group, index in list(endpoint.memberships):
        if index in interfaces:
            leave_group(udp, endpoint, interfaces[index], group)
