"""Counters: Linux's names in Linux's order, and drops by reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import usernet
from usernet.core.counters import Counters

# What Linux counts and this stack never can.
NO_BACKLOG = "a segment is never put off because its socket is in use"
NO_DRIVER = "no device has a queue of its own that could be asked"
NO_HASH = "a flow has no hash that a timeout could change, to be routed anew"
NO_PREDICTION = "a segment that was expected takes the way of all others"
NO_MIGRATION = "a request stays with its listener"
NEVER_COUNTED = {
    "ArpFilter": "arp_filter is not there",
    "BusyPollRxPackets": "whoever waits polls, always",
    "DelayedACKLocked": NO_BACKLOG,
    "LockDroppedIcmps": NO_BACKLOG,
    "PFMemallocDrop": "there is no memory that is kept for reclaim",
    "TCPAutoCorking": NO_DRIVER,
    "TCPBacklogCoalesce": NO_BACKLOG,
    "TCPBacklogDrop": NO_BACKLOG,
    "TCPHPAcks": NO_PREDICTION,
    "TCPHPHits": NO_PREDICTION,
    "TCPMemoryPressuresChrono": "whoever charges memory does not say when",
    "TCPMigrateReqFailure": NO_MIGRATION,
    "TCPMigrateReqSuccess": NO_MIGRATION,
    "TCPPLBRehash": NO_HASH,
    "TCPSackShiftFallback": "a record is cut where a block ends, whatever it is made of",
    "TCPSackShifted": "what is cut off is a record, which then merges",
    "TCPSpuriousRtxHostQueues": NO_DRIVER,
    "TcpDuplicateDataRehash": NO_HASH,
    "TcpTimeoutRehash": NO_HASH,
}


def test_every_counter_is_listed_under_nstats_name() -> None:
    counters = Counters()
    counters.tcp.InSegs += 3
    counters.tcp_ext.TCPTimeouts += 1
    counters.drop("ip_bad_checksum")
    counters.drop("ip_bad_checksum")
    listed = dict(counters.items())
    assert listed["TcpInSegs"] == 3
    assert listed["TcpExtTCPTimeouts"] == 1
    assert listed["Drop.ip_bad_checksum"] == 2
    assert listed["IpExtInOctets"] == 0


@pytest.mark.parametrize("group", ["Ip", "Icmp", "Tcp", "Udp", "TcpExt", "IpExt"])
def test_the_kernel_has_every_name_we_have(group: str) -> None:
    file = Path("/proc/net/netstat" if group.endswith("Ext") else "/proc/net/snmp")
    if not file.exists():
        pytest.skip(f"no {file} here")
    rows = [line.split(": ", 1) for line in file.read_text().splitlines()]
    kernel = next(names.split() for key, names in rows if key == group)
    slots = {"Ip": "ip", "Icmp": "icmp", "Tcp": "tcp", "Udp": "udp", "TcpExt": "tcp_ext", "IpExt": "ip_ext"}
    ours = list(getattr(Counters(), slots[group]).__slots__)
    # Names newer than this machine's kernel are no mistake, a different order or spelling is.
    common = [name for name in ours if name in kernel]
    assert common == sorted(common, key=kernel.index)
    assert len(common) >= 0.8 * len(ours), [name for name in ours if name not in kernel]


def test_every_counter_of_tcp_is_counted_somewhere_or_cannot_be() -> None:
    package = Path(usernet.__file__).parent
    if not (package / "tcp" / "protocol.py").exists():
        pytest.skip("the sources are not there")
    text = "".join(path.read_text() for room in ("core", "tcp", "ip") for path in (package / room).rglob("*.py"))
    counted = set(re.findall(r"\.(\w+) [+-]= ", text))
    counters = Counters()
    for group in (counters.tcp, counters.tcp_ext):
        assert [n for n in group.__slots__ if n not in counted and n not in NEVER_COUNTED] == []
    assert counted & set(NEVER_COUNTED) == set()


def test_two_stacks_count_apart() -> None:
    one, other = Counters(), Counters()
    one.ip.InReceives += 1
    one.drop("x_y")
    assert other.ip.InReceives == 0 and other.drops == {}
