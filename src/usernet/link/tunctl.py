"""Opening TAP and TUN devices: the ioctls of linux/if_tun.h, and their errors in words."""

from __future__ import annotations

import fcntl
import os
import struct
from _socket import AF_INET, SOCK_DGRAM
from _socket import socket as KernelSocket
from errno import EACCES, EBADF, EBUSY, EINVAL, ENODEV, ENOENT, ENXIO, EPERM
from typing import NamedTuple

from ..wire.virtio import HEADER_LEN

CLONE_DEVICE = "/dev/net/tun"
IFNAMSIZ = 16

TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
TUNGETIFF = 0x800454D2
TUNGETVNETHDRSZ = 0x800454D7
TUNSETVNETHDRSZ = 0x400454D8
TUNSETVNETLE = 0x400454DC
SIOCGIFMTU = 0x8921

IFF_TUN = 0x0001
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000

TUN_F_CSUM = 0x01
TUN_F_TSO4 = 0x02
TUN_F_TSO6 = 0x04
TUN_F_TSO_ECN = 0x08
OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN


class Channel(NamedTuple):
    """An open descriptor: ``kind`` is ``tap`` or ``tun``, ``vnet_len`` the length of the virtio-net header or 0."""

    fd: int
    name: str
    kind: str
    mtu: int
    vnet_len: int


def open_channel(name: str, kind: str) -> Channel:
    """Open the kernel's interface of this name, made if it is not there.

    Raises OSError with Linux's errno and one line that says what would help.
    """
    octets = name.encode()
    if not 0 < len(octets) < IFNAMSIZ or "/" in name or name.isspace() or name in (".", ".."):
        raise OSError(EINVAL, f"{name!r} is no interface name: 1 to {IFNAMSIZ - 1} octets, no '/'")
    try:
        fd = os.open(CLONE_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _in_words(error.errno or EINVAL, name, kind) from None
    try:
        flags = (IFF_TAP if kind == "tap" else IFF_TUN) | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", octets, flags))
        # A persistent interface keeps what its last user set.
        fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", HEADER_LEN))
        return _describe(fd)
    except OSError as error:
        os.close(fd)
        raise _in_words(error.errno or EINVAL, name, kind) from None


def adopt_channel(fd: int) -> Channel:
    """Take over a descriptor somebody else opened, with the headers it was set up for.

    Raises OSError: EBADF for a closed descriptor, EINVAL for one that is no TAP or TUN device.
    """
    try:
        os.set_blocking(fd, False)
        return _describe(fd)
    except OSError as error:
        if error.errno == EBADF:
            raise OSError(EBADF, f"descriptor {fd} is not open") from None
        if error.errno == EINVAL:
            raise
        raise OSError(EINVAL, f"descriptor {fd} is no TAP or TUN device") from None


def _describe(fd: int) -> Channel:
    octets, flags = struct.unpack("16sH22x", fcntl.ioctl(fd, TUNGETIFF, bytes(40)))
    if not flags & IFF_NO_PI:
        raise OSError(EINVAL, f"descriptor {fd} was opened without IFF_NO_PI")
    vnet_len = 0
    if flags & IFF_VNET_HDR:
        vnet_len = struct.unpack("i", fcntl.ioctl(fd, TUNGETVNETHDRSZ, bytes(4)))[0]
        fcntl.ioctl(fd, TUNSETVNETLE, struct.pack("i", 1))
        fcntl.ioctl(fd, TUNSETOFFLOAD, OFFLOADS)
    name = octets.rstrip(b"\0").decode()
    return Channel(fd, name, "tap" if flags & IFF_TAP else "tun", _mtu(octets), vnet_len)


def _mtu(name: bytes) -> int:
    probe = KernelSocket(AF_INET, SOCK_DGRAM)
    try:
        answer = fcntl.ioctl(probe.fileno(), SIOCGIFMTU, struct.pack("16si20x", name, 0))
        return int(struct.unpack("16si20x", answer)[1])
    except OSError:
        return 1500  # the interface lives in another namespace than we do
    finally:
        probe.close()


def _in_words(err: int, name: str, kind: str) -> OSError:
    what = f"cannot open {kind.upper()} device {name}: "
    make = f"ip tuntap add {name} mode {kind} user NAME"
    help_for = {
        EACCES: f"no access to {CLONE_DEVICE}",
        EPERM: f"needs CAP_NET_ADMIN or a device made for you: {make}",
        EBUSY: "another program has it open",
        EINVAL: f"an interface of this name exists and is no single-queue {kind.upper()} device",
        ENOENT: f"{CLONE_DEVICE} is not there: modprobe tun, or give it to the container",
        ENODEV: f"{CLONE_DEVICE} has no driver: modprobe tun",
        ENXIO: f"{CLONE_DEVICE} has no driver: modprobe tun",
    }
    return OSError(err, what + help_for.get(err, os.strerror(err)))
