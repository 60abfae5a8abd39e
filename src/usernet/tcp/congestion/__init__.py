"""The congestion controls of a stack, by the name sysctl, route and TCP_CONGESTION know them.

To write one, subclass :class:`CongestionControl` and call ``stack.tcp.controls.register(cls)``; docs/congestion.md
shows how. ``usernet.tcp.congestion`` is the public home of what that takes.
"""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOENT
from typing import TYPE_CHECKING, Final

from ..rate import AckSample, DeliveryRate
from ..record import SentRecord
from ..rtt import RttEstimator
from .base import CongestionControl
from .bbr1 import Bbr1
from .bbr3 import Bbr3
from .cubic import Cubic
from .dctcp import Dctcp
from .ledbat import Ledbat
from .prague import Prague
from .reno import Reno
from .vegas import Vegas

if TYPE_CHECKING:
    from ...core.entropy import Entropy
    from ...core.sysctl import SysctlRegistry, Value

# The default first.
BUILT_IN: Final[tuple[type[CongestionControl], ...]] = (
    Cubic,
    Reno,
    Bbr1,
    Bbr3,
    Dctcp,
    Prague,
    Vegas,
    Ledbat,
)
# Linux's TCP_CA_NAME_MAX, the NUL included.
NAME_MAX: Final = 16

CURRENT: Final = "net.ipv4.tcp_congestion_control"
AVAILABLE: Final = "net.ipv4.tcp_available_congestion_control"
ALLOWED: Final = "net.ipv4.tcp_allowed_congestion_control"


class Controls:
    """One stack's congestion controls: those built in, and those registered since."""

    __slots__ = ("_allowed", "_classes", "_default", "_entropy", "_samples", "_sysctl")

    def __init__(self, sysctl: SysctlRegistry, entropy: Entropy) -> None:
        self._sysctl = sysctl
        self._entropy = entropy
        self._classes: dict[str, type[CongestionControl]] = {}
        self._samples: dict[str, CongestionControl] = {}
        self._allowed: frozenset[str] = frozenset()
        self._default = BUILT_IN[0].name
        for cls in BUILT_IN:
            self._add(cls)
        shown = " ".join(self._classes)
        sysctl.declare(AVAILABLE, shown, "Congestion controls there are; not to be set.", choices=())
        sysctl.declare(ALLOWED, shown, "Those TCP_CONGESTION may choose.", on_change=self._allowed_changed)
        sysctl.declare(
            CURRENT, self._default, "Congestion control of new connections.",
            choices=self.names(), on_change=self._default_changed,
        )  # fmt: skip

    def register(self, cls: type[CongestionControl]) -> None:
        """Add an algorithm under its ``name``, for every use of it there is.

        Raises OSError: EEXIST where the name is taken, EINVAL for one that is empty, has a blank or is longer than 15.
        """
        if not cls.name or " " in cls.name or len(cls.name) >= NAME_MAX:
            raise OSError(EINVAL, f"{cls.name!r} cannot name a congestion control")
        if cls.name in self._classes:
            raise OSError(EEXIST, f"there is a congestion control named {cls.name!r} already")
        self._add(cls)
        self._sysctl.revise(AVAILABLE, " ".join(self._classes), ())
        self._sysctl.revise(CURRENT, self._sysctl.get(CURRENT), self.names())
        self._sysctl.set(ALLOWED, f"{self._sysctl.get(ALLOWED)} {cls.name}")

    def names(self) -> tuple[str, ...]:
        """All names, the default of a new stack first."""
        return tuple(self._classes)

    def may_choose(self, name: str) -> bool:
        """Whether sysctl tcp_allowed_congestion_control has the name."""
        return name in self._allowed

    def chosen(self, by_socket: str, by_route: str) -> str:
        """The name of the control a connection begins with: its route's, where there is such, comes first (Linux)."""
        return by_route if by_route in self._classes else by_socket

    def make(self, name: str) -> CongestionControl:
        """A fresh instance; "" is the one sysctl names. Raises OSError(ENOENT) for a name there is none of."""
        try:
            cc = self._classes[name or self._default]()
        except KeyError:
            known = ", ".join(self._classes)
            raise OSError(ENOENT, f"no congestion control named {name!r}; there are {known}") from None
        cc.configure(self._sysctl, self._entropy)
        return cc

    def sample(self, name: str) -> CongestionControl:
        """One that serves no connection, to ask what all of a name are: a flood of SYNs makes none. As :meth:`make`."""
        name = name or self._default
        cc = self._samples.get(name)
        if cc is None:
            cc = self._samples[name] = self.make(name)
        return cc

    def _add(self, cls: type[CongestionControl]) -> None:
        cls.declare(self._sysctl)
        self._classes[cls.name] = cls

    def _allowed_changed(self, value: Value) -> None:
        names = frozenset(str(value).split())
        if not names <= self._classes.keys():
            raise OSError(EINVAL, f"{ALLOWED}: not all of {value!r} are in {AVAILABLE}")
        self._allowed = names

    def _default_changed(self, value: Value) -> None:
        self._default = str(value)


__all__ = ["BUILT_IN", "AckSample", "CongestionControl", "Controls", "DeliveryRate", "RttEstimator", "SentRecord"]
