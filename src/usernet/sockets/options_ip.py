"""Options of IPPROTO_IP (ip(7))."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL, ENODEV, ENOTCONN
from typing import Any, Final

from ..core.const import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from ..core.sender import is_multicast
from . import const as so
from .errors import os_error
from .multicast import join_group, leave_group
from .option import Option, plain

DATAGRAM: Final = (IPPROTO_UDP, IPPROTO_ICMP)
UDP: Final = (IPPROTO_UDP,)
# IP_PMTUDISC_DONT..IP_PMTUDISC_OMIT.
PMTUDISC_MAX = 5


def _header(sock: Any) -> Any:
    """Who holds the header fields: a connection's settings or a datagram endpoint."""
    return sock.settings if sock.protocol == IPPROTO_TCP else sock.endpoint


def _set_tos(sock: Any, value: int) -> None:
    # RFC 3168: the ECN field of a stream belongs to TCP.
    _header(sock).tos = value & (0xFC if sock.protocol == IPPROTO_TCP else 0xFF)
    _changed(sock)


def _get_ttl(sock: Any) -> int:
    return int(_header(sock).ttl or sock.stack.context.sysctl.int_of("net.ipv4.ip_default_ttl"))


def _set_ttl(sock: Any, value: int) -> None:
    if value != -1 and not 1 <= value <= 255:
        raise os_error(EINVAL)
    _header(sock).ttl = max(value, 0)
    _changed(sock)


def _changed(sock: Any) -> None:
    if sock.protocol == IPPROTO_TCP:
        sock.settings_changed()


def _set_min_ttl(sock: Any, value: int) -> None:
    if not 0 <= value <= 255:
        raise os_error(EINVAL)
    sock.settings.min_ttl = value
    if value > 0:
        sock.stack.tcp.heeds_ttl = True


def _set_port_range(sock: Any, value: int) -> None:
    # The lowest port, and 16 bits above it the highest; 0 leaves an end to the system.
    low, high = value & 0xFFFF, value >> 16 & 0xFFFF
    if low and high and low > high:
        raise os_error(EINVAL)
    sock.settings.port_range = value & 0xFFFFFFFF


def _set_mtu_discover(sock: Any, value: int) -> None:
    if not 0 <= value <= PMTUDISC_MAX:
        raise os_error(EINVAL)
    if sock.protocol == IPPROTO_TCP:
        sock.settings.pmtudisc = value
        sock.settings_changed()
    else:
        sock.udp.df_mode = value


def _get_mtu_discover(sock: Any) -> int:
    return int(sock.settings.pmtudisc if sock.protocol == IPPROTO_TCP else sock.udp.df_mode)


def _get_mtu(sock: Any) -> int:
    if sock.protocol == IPPROTO_TCP:
        path = None if sock.tcb is None else sock.tcb.path
    else:
        path = sock.udp.path()
    if path is None:
        raise os_error(ENOTCONN)
    return int(path.mtu)


def _endpoint_flag(field: str, kinds: tuple[int, ...]) -> Option:
    def read(sock: Any) -> int:
        return int(getattr(sock.endpoint, field))

    def write(sock: Any, value: int) -> None:
        setattr(sock.endpoint, field, value != 0)

    return Option(read, write, kinds=kinds)


def _set_recverr(sock: Any, value: int) -> None:
    _header(sock).recverr = value != 0


def _foreign(field: str) -> Option:
    def write(sock: Any, value: int) -> None:
        setattr(sock, field, value != 0)
        if sock.protocol == IPPROTO_UDP:
            sock.udp.transparent = sock.freebind or sock.transparent

    return Option(plain(field).get, write)


def _set_multicast_ttl(sock: Any, value: int) -> None:
    if value == -1:
        value = 1
    if not 0 <= value <= 255:
        raise os_error(EINVAL)
    sock.udp.mc_ttl = value


def _get_multicast_if(sock: Any) -> bytes:
    return sock.udp.mc_src or bytes(4)


def _set_multicast_if(sock: Any, octets: bytes) -> None:
    address, index = _interface_of(octets, 4)
    interface = _find_interface(sock, address, index)
    if interface is None and (any(address) or index):
        raise os_error(EADDRNOTAVAIL)
    sock.udp.mc_ifindex = 0 if interface is None else interface.index
    sock.udp.mc_src = address if any(address) else None
    sock.udp.forget_path()


def _add_membership(sock: Any, octets: bytes) -> None:
    group, interface = _membership(sock, octets)
    join_group(sock.stack.udp, sock.udp, interface, group)


def _drop_membership(sock: Any, octets: bytes) -> None:
    group, interface = _membership(sock, octets)
    leave_group(sock.stack.udp, sock.udp, interface, group)


def _membership(sock: Any, octets: bytes) -> tuple[bytes, Any]:
    """ip_mreq (group, address) or ip_mreqn (group, address, index)."""
    if len(octets) < 8 or not is_multicast(octets[:4]):
        raise os_error(EINVAL)
    address, index = _interface_of(octets[4:], 4)
    interface = _find_interface(sock, address, index)
    if interface is None and not any(address) and not index:
        interface = _default_interface(sock)
    if interface is None:
        raise os_error(ENODEV)
    return octets[:4], interface


def _interface_of(octets: bytes, length: int) -> tuple[bytes, int]:
    """An in_addr, one with an index behind it, or an ip_mreqn, whose group does not matter here."""
    if len(octets) >= 3 * length:
        octets = octets[length:]
    if len(octets) >= 2 * length:
        return octets[:length], int.from_bytes(octets[length : 2 * length], "little")
    if len(octets) < length:
        raise os_error(EINVAL)
    return octets[:length], 0


def _find_interface(sock: Any, address: bytes, index: int) -> Any:
    for interface in sock.stack.ip.interfaces.values():
        if index and interface.index == index:
            return interface
        if not index and any(a.addr == address for a in interface.addresses):
            return interface
    return None


def _default_interface(sock: Any) -> Any:
    """The first interface that is not the loopback, else the loopback."""
    interfaces = [sock.stack.ip.interfaces[index] for index in sorted(sock.stack.ip.interfaces)]
    return (interfaces[1:] or interfaces)[0] if interfaces else None


_TABLE: Final = {
    so.IP_TOS: Option(lambda sock: int(_header(sock).tos), _set_tos),
    so.IP_TTL: Option(_get_ttl, _set_ttl),
    so.IP_MINTTL: Option(lambda sock: int(sock.settings.min_ttl), _set_min_ttl, kinds=(IPPROTO_TCP,)),
    so.IP_LOCAL_PORT_RANGE: Option(lambda sock: int(sock.settings.port_range), _set_port_range, kinds=(IPPROTO_TCP,)),
    so.IP_MTU_DISCOVER: Option(_get_mtu_discover, _set_mtu_discover, kinds=(IPPROTO_TCP, IPPROTO_UDP)),
    so.IP_MTU: Option(_get_mtu, None, kinds=(IPPROTO_TCP, IPPROTO_UDP)),
    so.IP_PKTINFO: plain("recv_pktinfo")._replace(kinds=DATAGRAM),
    so.IP_RECVTTL: plain("recv_ttl")._replace(kinds=DATAGRAM),
    so.IP_RECVTOS: plain("recv_tos")._replace(kinds=DATAGRAM),
    so.IP_RECVERR: Option(lambda sock: int(_header(sock).recverr), _set_recverr),
    so.IP_FREEBIND: _foreign("freebind"),
    so.IP_TRANSPARENT: _foreign("transparent"),
    so.IP_MULTICAST_IF: Option(_get_multicast_if, _set_multicast_if, raw=True, kinds=UDP),
    so.IP_MULTICAST_TTL: Option(lambda sock: int(sock.udp.mc_ttl), _set_multicast_ttl, kinds=UDP),
    so.IP_MULTICAST_LOOP: _endpoint_flag("mc_loop", UDP),
    so.IP_MULTICAST_ALL: _endpoint_flag("mc_all", UDP),
    so.IP_ADD_MEMBERSHIP: Option(None, _add_membership, raw=True, kinds=UDP),
    so.IP_DROP_MEMBERSHIP: Option(None, _drop_membership, raw=True, kinds=UDP),
}
IP_OPTIONS: Final = {(so.IPPROTO_IP, name): option for name, option in _TABLE.items()}
