"""The congestion controls there are, by the name sysctl and TCP_CONGESTION know them."""

from __future__ import annotations

from errno import ENOENT

from .base import CongestionControl
from .cubic import Cubic
from .reno import Reno

_ALGORITHMS: dict[str, type[CongestionControl]] = {cls.name: cls for cls in (Cubic, Reno)}


def names() -> tuple[str, ...]:
    """All names, the default first."""
    return tuple(_ALGORITHMS)


def make(name: str) -> CongestionControl:
    """A fresh instance. Raises OSError(ENOENT) for a name there is none of, as setsockopt does."""
    try:
        return _ALGORITHMS[name]()
    except KeyError:
        raise OSError(ENOENT, f"no congestion control named {name!r}; there are {', '.join(_ALGORITHMS)}") from None
