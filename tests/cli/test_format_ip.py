"""ip's listings, against what iproute2 6.1 printed for the same objects."""

from __future__ import annotations

from typing import Any

from usernet.cli.format import ip

LO: dict[str, Any] = {
    "ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"], "mtu": 65536, "qdisc": "noqueue",
    "operstate": "UNKNOWN", "linkmode": "DEFAULT", "group": "default", "txqlen": 1000, "link_type": "loopback",
    "address": "00:00:00:00:00:00", "broadcast": "00:00:00:00:00:00",
    "addr_info": [
        {"family": "inet", "local": "127.0.0.1", "prefixlen": 8, "scope": "host", "label": "lo",
         "valid_life_time": 4294967295, "preferred_life_time": 4294967295},
        {"family": "inet6", "local": "::1", "prefixlen": 128, "scope": "host",
         "valid_life_time": 4294967295, "preferred_life_time": 4294967295},
    ],
}  # fmt: skip
V0: dict[str, Any] = {
    "ifindex": 3, "link": "v1", "ifname": "v0", "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], "mtu": 1500,
    "qdisc": "noqueue", "operstate": "UP", "group": "default", "txqlen": 1000, "link_type": "ether",
    "address": "62:1f:5a:5c:f7:76", "broadcast": "ff:ff:ff:ff:ff:ff",
    "addr_info": [
        {"family": "inet", "local": "10.5.0.1", "prefixlen": 24, "broadcast": "10.5.0.255", "scope": "global",
         "label": "v0", "valid_life_time": 4294967295, "preferred_life_time": 4294967295},
    ],
    "stats64": {
        "rx": {"bytes": 90, "packets": 1, "errors": 0, "dropped": 0, "over_errors": 0, "multicast": 0},
        "tx": {"bytes": 90, "packets": 1, "errors": 0, "dropped": 0, "carrier_errors": 0, "collisions": 0},
    },
}  # fmt: skip
TUN: dict[str, Any] = {
    "ifindex": 4, "ifname": "tun0", "flags": ["POINTOPOINT", "MULTICAST", "NOARP", "UP", "LOWER_UP"], "mtu": 1500,
    "qdisc": "noqueue", "operstate": "UNKNOWN", "group": "default", "txqlen": 1000, "link_type": "none",
    "addr_info": [],
}  # fmt: skip


def test_addresses_are_listed_as_ip_addr_lists_them() -> None:
    assert ip.addresses([LO, V0, TUN]) == (
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n"
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
        "    inet 127.0.0.1/8 scope host lo\n"
        "       valid_lft forever preferred_lft forever\n"
        "    inet6 ::1/128 scope host \n"
        "       valid_lft forever preferred_lft forever\n"
        "3: v0@v1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
        "    link/ether 62:1f:5a:5c:f7:76 brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.5.0.1/24 brd 10.5.0.255 scope global v0\n"
        "       valid_lft forever preferred_lft forever\n"
        "4: tun0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN group default"
        " qlen 1000\n"
        "    link/none \n"
    )


def test_4_leaves_links_and_other_families_out() -> None:
    assert ip.addresses([LO, TUN], family=4) == (
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n"
        "    inet 127.0.0.1/8 scope host lo\n"
        "       valid_lft forever preferred_lft forever\n"
    )


def test_br_is_one_line_each() -> None:
    assert ip.addresses([LO, V0], brief=True) == (
        "lo               UNKNOWN        127.0.0.1/8 ::1/128 \nv0@v1            UP             10.5.0.1/24 \n"
    )
    assert ip.links([V0], brief=True) == (
        "v0@v1            UP             62:1f:5a:5c:f7:76 <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
    )


def test_s_link_has_ips_columns() -> None:
    assert ip.links([V0], stats=True).splitlines() == [
        "3: v0@v1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default"
        " qlen 1000",
        "    link/ether 62:1f:5a:5c:f7:76 brd ff:ff:ff:ff:ff:ff",
        "    RX:  bytes packets errors dropped  missed   mcast           ",
        "            90       1      0       0       0       0 ",
        "    TX:  bytes packets errors dropped carrier collsns           ",
        "            90       1      0       0       0       0 ",
    ]


def test_large_counters_widen_their_column_in_both_directions() -> None:
    big = {**V0["stats64"]["rx"], "bytes": 123456789012}
    lines = ip.links([{**V0, "stats64": {**V0["stats64"], "rx": big}}], stats=True).splitlines()
    assert lines[2:] == [
        "    RX:    bytes packets errors dropped  missed   mcast           ",
        "    123456789012       1      0       0       0       0 ",
        "    TX:    bytes packets errors dropped carrier collsns           ",
        "              90       1      0       0       0       0 ",
    ]


def test_routes_are_listed_as_ip_route_lists_them() -> None:
    rows = [
        {"dst": "default", "gateway": "10.5.0.2", "dev": "v0", "flags": []},
        {"dst": "10.5.0.0/24", "dev": "v0", "protocol": "kernel", "scope": "link", "prefsrc": "10.5.0.1", "flags": []},
        {"dst": "10.6.0.0/24", "gateway": "10.5.0.2", "dev": "v0", "metric": 50, "metrics": [{"mtu": 1400}]},
    ]
    assert ip.routes(rows) == (
        "default via 10.5.0.2 dev v0 \n"
        "10.5.0.0/24 dev v0 proto kernel scope link src 10.5.0.1 \n"
        "10.6.0.0/24 via 10.5.0.2 dev v0 metric 50 mtu 1400 \n"
    )


def test_route_get_answers_as_ip_does() -> None:
    row = {"dst": "10.5.0.7", "dev": "v0", "prefsrc": "10.5.0.1", "uid": 0}
    assert ip.route_get(row) == "10.5.0.7 dev v0 src 10.5.0.1 uid 0 \n    cache \n"


def test_neighbours_are_listed_as_ip_neigh_lists_them() -> None:
    rows = [
        {"dst": "10.5.0.9", "dev": "v0", "lladdr": "02:00:00:00:00:09", "state": ["REACHABLE"], "used": 1,
         "confirmed": 2, "updated": 3, "probes": 4},
        {"dst": "10.5.0.2", "dev": "v0", "state": ["FAILED"], "used": 0, "confirmed": 0, "updated": 0, "probes": 3},
    ]  # fmt: skip
    assert ip.neighbours(rows) == ("10.5.0.9 dev v0 lladdr 02:00:00:00:00:09 REACHABLE \n10.5.0.2 dev v0 FAILED \n")
    assert ip.neighbours(rows[:1], stats=True) == (
        "10.5.0.9 dev v0 lladdr 02:00:00:00:00:09 used 1/2/3 probes 4 REACHABLE \n"
    )
    assert ip.neighbours(rows[:1], brief=True) == (
        "10.5.0.9                                v0               02:00:00:00:00:09\n"
    )


def test_netns_lists_what_runs() -> None:
    rows = [{"pid": 41, "mode": "live", "stacks": ["web"], "net": "user:", "program": "-m http.server 80"}]
    assert ip.namespaces(rows) == ("NAME PID MODE NET   PROGRAM\nweb  41  live user: -m http.server 80\n")
