"""Captures: what tshark reads of them, and that the same run makes the same octets."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from usernet.core.entropy import Entropy
from usernet.core.timers import Timers
from usernet.link.impair import impair
from usernet.link.loopback import Loopback
from usernet.link.pcapng import PcapngTap
from usernet.link.veth import veth_pair
from usernet.wire import pcapng

from .frames import Recorder, plain, super_segment

EPOCH = 1_700_000_000 * 10**9
ARP = bytes.fromhex("ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000002")


def capture(file: Path | io.BytesIO, spec: str = "", epoch_ns: int = 0) -> None:
    """ARP and a 60,000-octet super-segment from a to b, and an IP super-segment on lo."""
    a, b = veth_pair("a", "b")
    lo = Loopback()
    timers = Timers()
    for device in (a, b, lo):
        device.upper = Recorder()
    impair(a, spec, Entropy(b"seed"), timers, ingress=False)
    tap = PcapngTap(file, epoch_ns)
    for device in (a, b, lo):
        tap.attach(device)
    a.send(plain(ARP), 1)
    packet = super_segment(bytes(60000), seq=1)
    a.send(packet, 1_000_000)
    lo.send(super_segment(bytes(3000), seq=1, ethernet=False), 2_000_000)
    while timers.heap:
        timers.run(timers.next_at())
    for device in (b, lo):
        device.receive_batch(1000, 123_456_789)
    tap.close()
    assert a.taps is None
    a.send(plain(ARP), 5)


def tshark(path: Path, *fields: str, options: tuple[str, ...] = ()) -> list[list[str]]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    command = ["tshark", "-n", "-r", str(path), *options, "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_tshark_reads_times_interfaces_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    capture(path, epoch_ns=EPOCH)
    rows = tshark(
        path, "frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.len",
        "frame.comment", "tcp.len", "_ws.malformed",
    )  # fmt: skip
    whole = str(14 + 20 + 32 + 60000)
    direction = {row[2] for row in rows}
    assert direction == {"0x00000001", "0x00000002"} or direction == {"1", "2"}
    assert [[row[0], row[1], row[2][-1], *row[3:]] for row in rows] == [
        ["1700000000.000000001", "a", "2", "42", "", "", ""],
        ["1700000000.001000000", "a", "2", whole, "", "60000", ""],
        ["1700000000.123456789", "b", "1", "42", "", "", ""],
        ["1700000000.123456789", "b", "1", whole, "", "60000", ""],
        ["1700000000.123456789", "lo", "1", "3052", "", "3000", ""],
    ]


def test_tshark_finds_every_finished_checksum_right(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    a, b = veth_pair("a", "b")
    b.upper = Recorder()
    tap = PcapngTap(path)
    tap.attach(a)
    for seq, features in ((1, 0), (10241, a.features)):  # segmented and finished by us, or left to the device whole
        a.features = features
        for family in (4, 6):
            a.send(super_segment(bytes(range(256)) * 40, family=family, seq=seq), 1)
    tap.close()
    rows = tshark(
        path, "tcp.checksum.status", "ip.checksum.status", "_ws.malformed", "tcp.analysis.flags", "frame.comment",
        options=("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
    )  # fmt: skip
    assert [row[0] for row in rows] == ["1"] * 18
    assert [row[1] for row in rows] == ["1"] * 8 + [""] * 8 + ["1", ""]
    assert all(row[2:] == ["", "", ""] for row in rows)


def test_the_same_run_makes_the_same_octets() -> None:
    spec = "delay 5ms 1ms loss 10% duplicate 5% corrupt 5%"
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        capture(file, spec)
    assert files[0].getvalue() == files[1].getvalue()
    assert len(files[0].getvalue()) > 100_000


def test_loopback_frames_are_written_once() -> None:
    file = io.BytesIO()
    capture(file)
    blocks = pcapng.parse_blocks(file.getvalue())
    frames = [pcapng.parse_packet(body) for kind, body in blocks if kind == pcapng.BLOCK_PACKET]
    assert [frame[0] for frame in frames] == [0, 0, 1, 1, 2]


def test_an_idle_second_does_not_hold_frames_back() -> None:
    a, b = veth_pair("a", "b")
    b.upper = Recorder()
    file = io.BytesIO()
    tap = PcapngTap(file)
    tap.attach(a, "host1:a")
    a.send(plain(ARP), 0)
    a.send(plain(ARP), 5)
    size = len(file.getvalue())
    a.send(plain(ARP), 2_000_000_000)
    assert len(file.getvalue()) > size
    assert b"host1:a" in file.getvalue()


class FullDisk(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, octets: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_ends_the_capture_and_not_the_traffic() -> None:
    a, b = veth_pair("a", "b")
    b.upper = Recorder()
    tap = PcapngTap(FullDisk())  # type: ignore[arg-type]
    tap.attach(a)
    for i in range(10):
        a.send(plain(ARP), i * 10**9)
    assert a.stats.tx_packets == 10
    with pytest.raises(OSError, match="No space left"):
        tap.close()
    tap.close()


def test_a_path_that_cannot_be_made_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PcapngTap(tmp_path / "no" / "x.pcapng")
