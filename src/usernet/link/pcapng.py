"""A capture on any number of devices, written as pcapng."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from ..core.const import CSUM_PARTIAL, SECOND
from ..core.packet import Packet
from ..wire import pcapng
from .const import IFF_LOOPBACK
from .device import Device, Tap

if TYPE_CHECKING:
    import cython

# Octets gathered before they are written; a frame a second later than the last writing writes them too.
BUFFER = 1 << 18


class PcapngTap(Tap):
    """Writes every frame of the devices it is attached to: super-segments whole, offloaded checksums finished.

    ``file`` is a path or a binary file; a path is created, and closed by ``close``. ``epoch_ns`` is what to add to
    ``now`` to get the time of day, 0 for virtual time. The same frames at the same times make the same octets. A file
    that cannot be written ends the capture, not the traffic: ``close`` then raises what happened.
    """

    __slots__ = ("_buffered", "_error", "_file", "_flush_at", "_interfaces", "_owned", "_parts", "epoch_ns", "frames")

    def __init__(
        self, file: str | os.PathLike[str] | BinaryIO, epoch_ns: int = 0, application: str = "usernet"
    ) -> None:
        self._owned = isinstance(file, str | os.PathLike)
        self._file: BinaryIO | None = open(file, "wb", 0) if isinstance(file, str | os.PathLike) else file  # noqa: SIM115
        self._interfaces: dict[Device, int] = {}
        self._parts: list[bytes] = [pcapng.section(application)]
        self._buffered = 0
        self._flush_at = 0
        self._error: OSError | None = None
        self.epoch_ns = epoch_ns
        self.frames = 0

    def attach(self, device: Device, name: str = "") -> None:
        """Capture on this device too, from now on, under its own name or the one given."""
        self._number(device, name)
        device.taps = [*(device.taps or ()), self]

    def detach(self, device: Device) -> None:
        """Capture no longer on this device."""
        taps = [tap for tap in device.taps or () if tap is not self]
        device.taps = taps or None

    def frame(self, device: Device, packet: Packet, outgoing: cython.bint, now: cython.longlong) -> None:
        """Write one frame; on a loopback, where each is seen twice, only as it comes in."""
        if self._file is None or (outgoing and device.flags & IFF_LOOPBACK):
            return
        length: cython.Py_ssize_t = packet.length()
        direction = pcapng.OUTBOUND if outgoing else pcapng.INBOUND
        before, behind = pcapng.packet(self._number(device), self.epoch_ns + now, length, direction)
        # Copied: the stack may change the headers of what it takes over.
        self._parts += (before, _finished(packet), behind)
        self._buffered += len(before) + length + len(behind)
        self.frames += 1
        if self._buffered >= BUFFER or now >= self._flush_at:
            self._flush_at = now + SECOND
            self.flush()

    def flush(self) -> None:
        """Hand everything gathered to the operating system."""
        parts, self._parts, self._buffered = self._parts, [], 0
        if self._file is None or not parts:
            return
        octets = memoryview(b"".join(parts))
        try:
            while octets:
                octets = octets[self._file.write(octets) :]
            self._file.flush()
        except OSError as error:
            self._error = error
            self._shut()

    def close(self) -> None:
        """Detach from every device, write what is left, and close the file if it was given as a path.

        Raises OSError if any of the capture could not be written.
        """
        for device in list(self._interfaces):
            self.detach(device)
        self.flush()
        self._shut()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _number(self, device: Device, name: str = "") -> int:
        number = self._interfaces.get(device)
        if number is None:
            number = self._interfaces[device] = len(self._interfaces)
            linktype = pcapng.LINKTYPE_ETHERNET if device.header_len else pcapng.LINKTYPE_RAW
            self._parts.append(pcapng.interface(name or device.name, linktype, device.address))
        return number

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None and self._owned:
            file.close()


def _finished(packet: Packet) -> bytes:
    # A checksum left to the hardware is finished in the copy, as the wire will show it: readers need no excuse for it.
    if packet.csum != CSUM_PARTIAL:
        return packet.tobytes()
    octets = bytearray(packet.tobytes())
    at = packet.csum_start + packet.csum_offset - packet.head
    octets[at : at + 2] = packet.finished_checksum().to_bytes(2, "big")
    return bytes(octets)
