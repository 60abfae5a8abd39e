"""Our settings beside those of the kernel that runs the tests: the same defaults, and no value that it refuses."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess

import pytest

import usernet

from .ground import missing

pytestmark = pytest.mark.kernel

# The kernel whose defaults ours are; older ones have smaller buffers.
LINUX = (6, 18)
CHOSEN = "whoever built the kernel chose it"
MEMORY = "the kernel works it out from the machine's memory"
OVERFLOW = "the kernel counts in ticks, which overflow sooner"
NEWER = "accurate ECN came later"
OTHER_DEFAULTS = {
    "net.ipv4.tcp_allowed_congestion_control": CHOSEN,
    "net.ipv4.tcp_available_congestion_control": CHOSEN,
    "net.ipv4.tcp_congestion_control": CHOSEN,
    "net.ipv4.tcp_fastopen_key": "a secret",
    "net.ipv4.tcp_max_orphans": MEMORY,
    "net.ipv4.tcp_max_syn_backlog": MEMORY,
    "net.ipv4.tcp_max_tw_buckets": MEMORY,
}
OTHER_RANGES = {
    "net.ipv4.icmp_ratelimit": OVERFLOW,
    "net.ipv4.ip_unprivileged_port_start": "the kernel keeps it below ip_local_port_range",
    "net.ipv4.ipfrag_high_thresh": "the kernel keeps it above ipfrag_low_thresh, which is not here",
    "net.ipv4.tcp_ecn": NEWER,
    "net.ipv4.tcp_ecn_option": NEWER,
    "net.ipv4.tcp_fin_timeout": OVERFLOW,
    "net.ipv4.tcp_invalid_ratelimit": OVERFLOW,
    "net.ipv4.tcp_keepalive_intvl": OVERFLOW,
    "net.ipv4.tcp_keepalive_time": OVERFLOW,
    "net.ipv4.tcp_probe_interval": OVERFLOW,
}
# Reads settings, or writes values and tells which of them stayed; in a network namespace of its own.
READ = """
import json, os, sys
found = {}
for name in json.load(sys.stdin):
    path = "/proc/sys/" + name.replace(".", "/")
    if os.path.exists(path):
        found[name] = " ".join(open(path).read().split())
print(json.dumps(found))
"""
WRITE = """
import json, os, sys
refused = []
for name, values in json.load(sys.stdin).items():
    path = "/proc/sys/" + name.replace(".", "/")
    if not os.path.exists(path) or not os.stat(path).st_mode & 0o200:
        continue
    before = open(path).read()
    for value in values:
        try:
            with open(path, "w") as file:
                file.write(str(value))
            if open(path).read().split() != [str(value)]:
                refused.append([name, value])
        except OSError:
            refused.append([name, value])
    with open(path, "w") as file:
        file.write(before)
print(json.dumps(refused))
"""


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    reason = missing("unshare", "python3")
    if reason:
        pytest.skip(reason)
    if tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2]) < LINUX:
        pytest.skip(f"the defaults are those of Linux {LINUX[0]}.{LINUX[1]}")


def in_a_fresh_namespace(program: str, asked: object) -> object:
    command = [str(shutil.which("unshare")), "--net", "python3", "-c", program]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def ours() -> dict[str, str]:
    host = usernet.Host("sim", seed=1)
    with host.lock:
        registry = usernet.Stack("fresh", host).context.sysctl
        found = {n: " ".join(map(str, v)) if isinstance(v, tuple) else str(v) for n, v in registry.items()}
    host.close()
    return found


def test_a_setting_that_the_kernel_has_begins_as_it_does_there() -> None:
    mine = ours()
    theirs = in_a_fresh_namespace(READ, list(mine))
    assert isinstance(theirs, dict) and len(theirs) > 60
    differ = {name: (mine[name], value) for name, value in theirs.items() if mine[name] != value}
    assert {name: values for name, values in differ.items() if name not in OTHER_DEFAULTS} == {}


def test_the_kernel_takes_the_least_and_the_largest_of_each_range() -> None:
    host = usernet.Host("sim", seed=1)
    registry = usernet.Stack("fresh", host).context.sysctl
    bounds = {name: registry.range_of(name) for name, value in registry.items() if isinstance(value, int)}
    host.close()
    refused = in_a_fresh_namespace(WRITE, bounds)
    assert isinstance(refused, list)
    assert [entry for entry in refused if entry[0] not in OTHER_RANGES] == []
