"""Device URLs: ``lo``, ``veth:A:B``, ``tap:tap0``, ``tun:tun0``, ``fd:3``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from errno import EINVAL, ENODEV
from types import MappingProxyType

from ..core.entropy import Entropy
from .device import Device
from .loopback import Loopback
from .tun import open_fd, open_tap, open_tun
from .veth import veth_pair

# A scheme's opener gets what stands behind the colon.
Opener = Callable[[str, Entropy], Device]


def open_device(url: str, entropy: Entropy) -> Device:
    """Open the device a URL names; random hardware addresses come from entropy.

    ``veth:A:B`` returns end A, whose ``peer`` is end B. Raises OSError with Linux's errno and one clear line: ENODEV
    for an unknown scheme, EINVAL for a malformed rest, and what the device itself says (EPERM, EBUSY, ...).
    """
    scheme, _, rest = url.partition(":")
    opener = OPENERS.get(scheme)
    if opener is None:
        raise OSError(ENODEV, f"unknown device {url!r}; there are {', '.join(USAGE)} and user:")
    return opener(rest, entropy)


def _open_lo(rest: str, entropy: Entropy) -> Device:
    return Loopback(rest or "lo")


def _open_veth(rest: str, entropy: Entropy) -> Device:
    name, _, peer = rest.partition(":")
    if not name or not peer or name == peer:
        raise OSError(EINVAL, f"'veth:{rest}' does not name the two ends: veth:NAME:PEER")
    return veth_pair(name, peer, entropy=entropy)[0]


def _open_fd(rest: str, entropy: Entropy) -> Device:
    if not (rest.isascii() and rest.isdigit()):
        raise OSError(EINVAL, f"'fd:{rest}' does not name a descriptor: fd:NUMBER")
    return open_fd(int(rest), entropy)


OPENERS: Mapping[str, Opener] = MappingProxyType(
    {"lo": _open_lo, "veth": _open_veth, "tap": open_tap, "tun": open_tun, "fd": _open_fd}
)
USAGE = ("lo", "veth:NAME:PEER", "tap:NAME", "tun:NAME", "fd:NUMBER")
