"""Socket options as a table: (level, name) -> how to read it, how to set it (socket(7), ip(7), tcp(7), udp(7))."""

from __future__ import annotations

import struct
from errno import EINVAL, ENOPROTOOPT
from typing import Any, Final

from .const import IPPROTO_IP
from .errors import os_error
from .option import Option
from .options_auth import AUTH_OPTIONS
from .options_host import HOST_OPTIONS
from .options_ip import IP_OPTIONS
from .options_opening import OPENING_OPTIONS
from .options_repair import REPAIR_OPTIONS
from .options_socket import SOCKET_OPTIONS
from .options_tcp import TCP_OPTIONS

OPTIONS: Final[dict[tuple[int, int], Option]] = {
    **SOCKET_OPTIONS,
    **HOST_OPTIONS,
    **IP_OPTIONS,
    **TCP_OPTIONS,
    **OPENING_OPTIONS,
    **AUTH_OPTIONS,
    **REPAIR_OPTIONS,
}


def set_option(sock: Any, level: int, name: int, value: int | bytes) -> None:
    """setsockopt(2). Raises OSError: ENOPROTOOPT for an option this socket does not have, EINVAL, ..."""
    option = _find(sock, level, name)
    if option.set is None:
        raise os_error(ENOPROTOOPT)
    if option.raw:
        option.set(sock, struct.pack("=i", value) if isinstance(value, int) else bytes(value))
    else:
        option.set(sock, _as_int(level, value))


def get_option(sock: Any, level: int, name: int, buflen: int) -> int | bytes:
    """getsockopt(2): an int when buflen is 0, else at most buflen octets."""
    option = _find(sock, level, name)
    if option.get is None:
        raise os_error(ENOPROTOOPT)
    if not 0 <= buflen <= 1024:
        raise OSError(EINVAL, "getsockopt buflen out of range")
    value: int | bytes = option.get(sock, buflen) if option.sized else option.get(sock)
    if buflen == 0:
        return value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)
    return (struct.pack("=i", value) if isinstance(value, int) else value)[:buflen]


def _find(sock: Any, level: int, name: int) -> Option:
    option = OPTIONS.get((level, name))
    if option is None or (option.kinds and sock.protocol not in option.kinds):
        raise os_error(ENOPROTOOPT)
    return option


def _as_int(level: int, value: int | bytes) -> int:
    if isinstance(value, int):
        return value
    if len(value) >= 4:
        return int.from_bytes(value[:4], "little", signed=True)
    if level == IPPROTO_IP and value:
        return value[0]  # ip(7): these options take an octet as well
    raise os_error(EINVAL)
