"""socket(2): the kinds of socket there are."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT
from typing import TYPE_CHECKING

from ..core.const import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from ..core.scheduler import Scheduler
from .base import Socket
from .const import AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM
from .errors import os_error
from .ping import PingSocket
from .tcp import TcpSocket
from .udp import UdpSocket

if TYPE_CHECKING:
    from ..stack import NetStack


def socket(stack: NetStack, host: Scheduler, family: int, type: int, protocol: int = 0) -> Socket:
    """A new socket in a stack, without a descriptor; SOCK_NONBLOCK in the type is heeded.

    Raises OSError: EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT.
    """
    kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
    if family != AF_INET:
        raise os_error(EAFNOSUPPORT)
    if protocol < 0:
        raise os_error(EINVAL)
    made: Socket
    if kind == SOCK_STREAM and protocol in (0, IPPROTO_TCP):
        made = TcpSocket(stack, host, family)
    elif kind == SOCK_DGRAM and protocol in (0, IPPROTO_UDP):
        made = UdpSocket(stack, host, family)
    elif kind == SOCK_DGRAM and protocol == IPPROTO_ICMP:
        made = PingSocket(stack, host, family)
    else:
        raise os_error(EPROTONOSUPPORT if kind in (SOCK_STREAM, SOCK_DGRAM) else ESOCKTNOSUPPORT)
    if type & SOCK_NONBLOCK:
        made.timeout_ns = 0
    return made
