"""TAP and TUN devices of Linux (Documentation/networking/tuntap.rst), with virtio-net offloads both ways.

One system call a frame. With ``IFF_VNET_HDR`` a frame is up to 64 KiB of TCP, segmented and checksummed by the kernel
or by nobody. The calls do not block and keep the GIL: giving it up could cost a switch interval to get it back.
"""

from __future__ import annotations

import os
from errno import EAGAIN, EBADF, EBADFD
from typing import TYPE_CHECKING

from ..core.const import MAX_DATAGRAM
from ..core.entropy import Entropy
from ..core.packet import Packet
from ..wire.virtio import emit, parse
from . import tunctl
from .const import (
    F_ACCECN,
    F_ALL,
    F_SG,
    IFF_BROADCAST,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_POINTOPOINT,
    IFF_RUNNING,
    RX_HEADROOM,
)  # fmt: skip
from .device import Device, random_address

if TYPE_CHECKING:
    import cython

COMPILED = not __file__.endswith(".py")
# The largest frame: Ethernet with a VLAN tag around the largest datagram, a spare octet to notice a longer one.
FRAME_ROOM = 18 + MAX_DATAGRAM + 1
# Frames up to here are copied to size; larger ones hand over the buffer they were read into.
COPY_LIMIT = 2048
# What one writev takes, less than the kernel's IOV_MAX (1024), and small enough to stand on the C stack.
MAX_VIEWS = 126


class TunTapDevice(Device):
    """A TUN or TAP device over its descriptor, which belongs to it from now on.

    ``vnet_len`` is the length of the virtio-net header before every frame, 0 for none (and then no offloads).
    """

    __slots__ = ("_fd", "_frame", "_gone", "_vnet", "_vnet_len")

    def __init__(self, channel: tunctl.Channel, address: bytes) -> None:
        super().__init__(channel.name, channel.kind, channel.mtu, address)
        self._fd = channel.fd
        self._vnet_len = channel.vnet_len
        self._vnet = bytearray(channel.vnet_len)
        self._frame = _new_frame()
        self._gone = False
        self.features = F_SG
        if channel.vnet_len:
            # The kernel clears CWR in all segments but the first.
            self.features = F_ALL & ~F_ACCECN
            self.gso_max = MAX_DATAGRAM

    def fileno(self) -> cython.int:
        """The descriptor, or -1 once closed."""
        return self._fd

    def transmit(self, packet: Packet, now: cython.longlong) -> cython.bint:
        """Write one frame. False when the kernel did not take it."""
        sent: cython.Py_ssize_t
        if self._fd < 0 or self._gone:
            return False
        if self._vnet_len:
            emit(self._vnet, packet)
        if packet.frags is not None and len(packet.frags) > MAX_VIEWS:
            packet.linearize()
        if COMPILED:
            sent = write_packet(self._fd, self._vnet, packet)  # type: ignore[name-defined]  # noqa: F821
        else:
            sent = _write_packet(self._fd, self._vnet, packet)
        if sent >= 0:
            return True
        self.stats.tx_errors += 1
        if sent in (-EBADFD, -EBADF):
            self._lost()
        return False

    def receive_batch(self, budget: cython.int, now: cython.longlong) -> cython.int:
        """Read and deliver up to budget frames; the kernel's EAGAIN ends the batch."""
        count: cython.int = 0
        n: cython.Py_ssize_t
        while count < budget and self._fd >= 0 and not self._gone:
            if COMPILED:
                n = read_frame(self._fd, self._vnet, self._frame, RX_HEADROOM)  # type: ignore[name-defined]  # noqa: F821
            else:
                n = _read_frame(self._fd, self._vnet, self._frame)
            if n == -EAGAIN:
                break
            if n < 0:
                # Nothing else is transient here: the device was deleted (EBADFD, EFAULT), or it never was one.
                self.stats.rx_errors += 1
                self._lost()
                break
            count += 1
            self._take(n - self._vnet_len, now)
        if count > 0:
            self.end_batch(now)
        return count

    def close(self) -> None:
        """Close the descriptor; a device that nobody made persistent goes with it."""
        fd = self._fd
        self._fd = -1
        self.flags &= ~IFF_RUNNING
        if fd >= 0:
            os.close(fd)

    def _take(self, n: cython.Py_ssize_t, now: cython.longlong) -> None:
        buf: bytearray = self._frame
        packet: Packet
        if n < self.header_len + 1 or n >= FRAME_ROOM:
            self.stats.rx_errors += 1
            return
        if n <= COPY_LIMIT:
            buf = buf[: RX_HEADROOM + n]
        else:
            self._frame = _new_frame()
            if n < FRAME_ROOM // 2:
                del buf[RX_HEADROOM + n :]  # shrinks in place
        packet = Packet(buf, RX_HEADROOM, RX_HEADROOM + n)
        if self._vnet_len and not parse(self._vnet, packet):
            self.stats.rx_errors += 1
            return
        self.deliver(packet, now)

    def _lost(self) -> None:
        # The kernel's side is gone and would now be "ready" for ever. The number stays taken, so that whoever polls
        # it cannot meet a stranger under it; what it named is closed, which ends the polling.
        self._gone = True
        self.flags &= ~IFF_RUNNING
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, self._fd, inheritable=False)
        os.close(null)


def open_tap(name: str, entropy: Entropy) -> TunTapDevice:
    """Ethernet frames to and from the kernel's interface of this name, made if it is not there.

    Our side gets a random hardware address of its own from entropy. Raises OSError as Linux does, in words.
    """
    return _device(tunctl.open_channel(name, "tap"), entropy)


def open_tun(name: str, entropy: Entropy) -> TunTapDevice:
    """IP datagrams to and from the kernel's interface of this name, made if it is not there. Raises as open_tap."""
    return _device(tunctl.open_channel(name, "tun"), entropy)


def open_fd(fd: int, entropy: Entropy) -> TunTapDevice:
    """The TAP or TUN device behind a descriptor somebody opened for us, which is ours from now on.

    Raises OSError: EBADF for a closed descriptor, EINVAL for one that is no such device.
    """
    return _device(tunctl.adopt_channel(fd), entropy)


def _device(channel: tunctl.Channel, entropy: Entropy) -> TunTapDevice:
    tap = channel.kind == "tap"
    device = TunTapDevice(channel, random_address(entropy) if tap else b"")
    device.flags |= IFF_BROADCAST | IFF_MULTICAST if tap else IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
    return device


def _new_frame() -> bytearray:
    if COMPILED:
        return raw_bytearray(RX_HEADROOM + FRAME_ROOM)  # type: ignore[name-defined,no-any-return]  # noqa: F821
    return bytearray(RX_HEADROOM + FRAME_ROOM)


# The interpreter's twins of the C loops in the .pxd: octets moved, or a negative errno.


def _read_frame(fd: int, vnet: bytearray, frame: bytearray) -> int:
    with memoryview(frame) as whole, whole[RX_HEADROOM:] as room:
        try:
            return os.readv(fd, [vnet, room])
        except OSError as error:
            return -(error.errno or EBADF)


def _write_packet(fd: int, vnet: bytearray, packet: Packet) -> int:
    parts: list[bytearray | memoryview] = [vnet, memoryview(packet.buf)[packet.head : packet.tail]]
    parts += [view.memory() for view in packet.frags or ()]
    try:
        return os.writev(fd, parts)
    except OSError as error:
        return -(error.errno or EBADF)
