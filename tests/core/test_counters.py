"""Counters: Linux's names in Linux's order, and drops by reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from usernet.core.counters import Counters


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


def test_two_stacks_count_apart() -> None:
    one, other = Counters(), Counters()
    one.ip.InReceives += 1
    one.drop("x_y")
    assert other.ip.InReceives == 0 and other.drops == {}
