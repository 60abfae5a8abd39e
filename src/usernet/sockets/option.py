"""One row of the option tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Option(NamedTuple):
    """How to read and set an option; None where Linux gives ENOPROTOOPT.

    ``set`` takes an int, or the octets when ``raw``. ``kinds`` are the protocols of the sockets that have it, all
    when empty. A ``sized`` one is told the length that
    getsockopt(2) was given as well, 0 where it is to be an int.
    """

    get: Callable[..., int | bytes] | None
    set: Callable[[Any, Any], None] | None
    raw: bool = False
    kinds: tuple[int, ...] = ()
    sized: bool = False


def plain(field: str) -> Option:
    """A flag that is nothing but a field of the socket."""

    def read(sock: Any) -> int:
        return int(getattr(sock, field))

    def write(sock: Any, value: int) -> None:
        setattr(sock, field, value != 0)

    return Option(read, write)
