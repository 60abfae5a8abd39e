"""The box: two TAPs, and between them our own impairment. Frames go both ways; the network is the words given.

usage: box.py LEFT RIGHT      makes the two TAPs where it runs, prints "ready", then obeys lines of JSON on stdin:

    {"data": WORDS, "ack": WORDS, "pcap": FILE or ""}   a fresh network: its dice, queues and counts begin anew
    {"report": true}                                    prints what went through since, as a line of JSON

``data`` is for frames from LEFT to RIGHT. What is not TCP over IPv4 (ARP) passes untouched, so that the dice fall the
same for everyone. It runs with real-time priority: a box that waits for a processor is a network that stutters, and
what left late in spite of that is in the report.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import IO

from cells import Meter

import usernet
from usernet.core.const import NEVER, POLLIN
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet
from usernet.core.ready import Pollable
from usernet.core.scheduler import FdWatcher
from usernet.link.device import Device, Tap, Upper
from usernet.link.impair import Impairment
from usernet.link.tun import open_tap
from usernet.link.tunctl import TUNSETOFFLOAD

PRIORITY = 30
# Ethernet's, IP's and the largest TCP header.
SNAPLEN = 96
# Frames a capture holds at most: some nine megabytes, four seconds of tshark.
CAPTURE = 80_000


class Cross(Upper):
    """What comes in on one device leaves by the other."""

    def __init__(self, other: Device) -> None:
        self._other = other

    def receive_frame(self, device: Device, packet: Packet, now: int) -> None:
        """One frame, already behind its own device's stage."""
        at = packet.head + 12
        if packet.buf[at : at + 2] == b"\x08\x00" and packet.buf[at + 11] == 6:
            self._other.send(packet, now)
        else:
            self._other.emit(packet, now)


class Capture(Tap):
    """The first frames of a run with their headers, as a classic capture file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._epoch = time.time_ns() - time.monotonic_ns()
        self._left = CAPTURE
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAPLEN, 1))  # nanoseconds, Ethernet

    def frame(self, device: Device, packet: Packet, outgoing: bool, now: int) -> None:
        """Write one frame."""
        if self._left == 0:
            return
        self._left -= 1
        octets = packet.tobytes()
        seconds, ns = divmod(now + self._epoch, 10**9)
        kept = octets[:SNAPLEN]
        self._file.write(struct.pack("<IIII", seconds, ns, len(kept), len(octets)) + kept)

    def close(self) -> None:
        """The end of the capture."""
        self._file.close()


class End(Pollable):
    """The end of standard input, as a condition to wait for."""

    has_come = False

    def poll(self) -> int:
        """POLLIN once it has come."""
        return POLLIN if self.has_come else 0


class Orders(FdWatcher):
    """Standard input."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._octets = b""
        self.end = End()

    def fd_ready(self, fd: int, events: int, now: int) -> None:
        """Obey the whole lines that came."""
        octets = os.read(fd, 65536)
        self.end.has_come = not octets
        *lines, self._octets = (self._octets + octets).split(b"\n")
        for order in map(json.loads, lines):
            answer = self._box.report() if "report" in order else self._box.begin(**order)
            print(json.dumps(answer), flush=True)


class Box:
    """The two devices and the network between them."""

    def __init__(self, left: str, right: str) -> None:
        self.host = usernet.Host("live")
        self.left, self.right = (open_tap(name, self.host.entropy) for name in (left, right))
        self.stages: list[Impairment] = []
        self.meter = Meter(outgoing=False)
        self.capture: Capture | None = None
        for device, other in ((self.left, self.right), (self.right, self.left)):
            # Wire packets, each with its own dice and its own place in a capture.
            fcntl.ioctl(device.fileno(), TUNSETOFFLOAD, 0)
            device.upper = Cross(other)
            self.host.add_device(device)

    def begin(self, data: str, ack: str, pcap: str) -> str:
        """A fresh network. Both stages stand at the right, so that the left shows what its end sees, when it does."""
        entropy = Entropy(b"the words bring their seed")
        for stage in self.stages:
            stage.close()
        self._end_capture()
        self.stages = [
            Impairment(data, entropy, self.host.timers, self.right, True),
            Impairment(ack, entropy, self.host.timers, self.right, False),
        ]
        self.right.egress, self.right.ingress = self.stages
        self.meter = Meter(outgoing=False)
        taps: list[Tap] = [self.meter]
        if pcap:
            self.capture = Capture(Path(pcap).open("wb", 1 << 20))  # noqa: SIM115  closed by the next one
            taps.append(self.capture)
        self.left.taps = taps
        return "begun"

    def report(self) -> dict[str, object]:
        """What went through; the capture is complete afterwards."""
        self._end_capture()
        return {
            "data": self.stages[0].stats(),
            "ack": self.stages[1].stats(),
            "late": sum(stage.line.late for stage in self.stages),
            "worst_late_ms": max(stage.line.worst for stage in self.stages) / 1e6,
            "octets": self.meter.octets,
            "again": self.meter.again,
            "segments": self.meter.segments,
            "segments_again": self.meter.segments_again,
        }

    def _end_capture(self) -> None:
        if self.capture is not None:
            self.left.taps = [self.meter]
            self.capture.close()
            self.capture = None


def main(left: str, right: str) -> None:
    with contextlib.suppress(OSError):  # not allowed: the report will tell
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    box = Box(left, right)
    print("ready", flush=True)
    orders = Orders(box)
    box.host.watch_fd(0, POLLIN, orders)
    with box.host.lock:
        box.host.wait(orders.end, POLLIN, NEVER)


if __name__ == "__main__":
    main(*sys.argv[1:])
