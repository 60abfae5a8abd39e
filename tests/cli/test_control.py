"""The control socket: what it answers, who may ask, what it bounds."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import usernet
from usernet.cli import control, paths
from usernet.cli.app import cli
from usernet.cli.client import Instance, Refused
from usernet.cli.errors import CliError
from usernet.link.veth import veth_pair


@pytest.fixture
def host(runtime: Path) -> Iterator[usernet.Host]:
    host = usernet.Host("realtime", seed=1)
    a, b = usernet.Stack("a", host), usernet.Stack("b", host)
    left, right = veth_pair("eth0", "eth0")
    a.attach(left, address="10.7.0.1/24", gateway="10.7.0.2")
    b.attach(right, address="10.7.0.2/24")
    server = control.serve(host, stack="a", net="veth:", program="app.py")
    yield host
    server.close()
    host.close()


def ours(**more: str) -> Instance:
    return Instance(os.getpid(), **more)


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_the_socket_is_the_users_alone(host: usernet.Host, runtime: Path) -> None:
    path = runtime / f"{os.getpid()}.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_closing_removes_the_socket(host: usernet.Host, runtime: Path) -> None:
    control.serve(host).close()
    assert not list(runtime.iterdir())


def test_sockets_of_dead_processes_are_removed_by_whoever_looks(host: usernet.Host, runtime: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    for name in (f"{child.pid}.sock", f"{child.pid}.web.nstat"):
        (runtime / name).touch()
    assert paths.live_pids() == [os.getpid()]
    assert [path.name for path in runtime.iterdir()] == [f"{os.getpid()}.sock"]


def test_a_directory_others_may_write_to_is_closed_to_them(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    directory.chmod(0o777)
    paths.make_private(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_symbolic_link_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        paths.make_private(tmp_path / "link")


def test_info_names_process_mode_and_stacks(host: usernet.Host) -> None:
    info = ours().ask("info")
    assert (info["pid"], info["mode"], info["stacks"], info["net"]) == (os.getpid(), "realtime", ["a", "b"], "veth:")


def test_the_default_stack_is_the_programs_and_a_name_chooses_another(host: usernet.Host) -> None:
    def address(instance: Instance) -> str:
        return str(instance.ask("addr")[1]["addr_info"][0]["local"])

    assert (address(ours()), address(ours(stack="b"))) == ("10.7.0.1", "10.7.0.2")


def test_an_unknown_stack_is_enoent(host: usernet.Host) -> None:
    with pytest.raises(Refused, match=r"ENOENT.*no stack 'c' here; there are a, b"):
        ours(stack="c").ask("addr")


def test_an_unknown_verb_is_enosys(host: usernet.Host) -> None:
    with pytest.raises(Refused, match="ENOSYS"):
        ours().ask("dance")


def ask_raw(runtime: Path, octets: bytes) -> list[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(200)
        client.connect(str(runtime / f"{os.getpid()}.sock"))
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        with client.makefile() as lines:
            return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "octets", [b"not json\n", b"[]\n", b'{"verb":"route_get"}\n', b'{"verb":"ping","host":1,"size":"x"}\n']
)
def test_nonsense_is_einval_and_the_next_request_is_answered(host: usernet.Host, runtime: Path, octets: bytes) -> None:
    first, second = ask_raw(runtime, octets + b'{"verb":"info"}\n')
    assert first["error"]["errno"] == 22
    assert second["data"]["pid"] == os.getpid()


def test_a_line_without_end_is_cut_off(host: usernet.Host, runtime: Path) -> None:
    try:
        answers = ask_raw(runtime, b"x" * (4 * control.MAX_REQUEST))
    except ConnectionError:
        answers = []
    assert answers == []


def test_clients_are_bounded(host: usernet.Host, runtime: Path) -> None:
    clients = []
    for _ in range(control.MAX_CLIENTS):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(200)
        client.connect(str(runtime / f"{os.getpid()}.sock"))
        client.sendall(b'{"verb":"info"}\n')
        assert client.recv(1)
        clients.append(client)
    with pytest.raises(CliError):
        ours().ask("info")
    for client in clients:
        client.close()


def test_ip_shows_addresses_links_routes_and_neighbours(host: usernet.Host) -> None:
    assert "    inet 10.7.0.1/24 brd 10.7.0.255 scope global eth0\n" in run("ip", "addr")
    assert run("ip", "-br", "addr") == (
        "lo               UNKNOWN        127.0.0.1/8 \neth0             UP             10.7.0.1/24 \n"
    )
    assert run("ip", "route") == (
        "default via 10.7.0.2 dev eth0 \n10.7.0.0/24 dev eth0 proto kernel scope link src 10.7.0.1 \n"
    )
    assert run("ip", "route", "get", "1.1.1.1").startswith("1.1.1.1 via 10.7.0.2 dev eth0 src 10.7.0.1 uid ")
    link = run("ip", "link", "show", "dev", "eth0")
    assert link.startswith("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT ")
    assert (
        run("ping", "-c", "1", "10.7.0.2").splitlines()[1].startswith("64 bytes from 10.7.0.2: icmp_seq=1 ttl=64 time=")
    )
    assert " REACHABLE \n" in run("ip", "neigh")
    assert "RX:" in run("ip", "-s", "link")


def test_tcp_metrics_are_shown_and_forgotten(host: usernet.Host) -> None:
    stack = host.stacks[0]
    now = host.now()
    for last in (2, 3, 77):
        peer = stack.tcp.peers.remember(bytes((10, 7, 0 if last < 9 else 1, last, 10, 7, 0, 1)), now)
        peer.rtt, peer.rttvar, peer.cwnd = 35_400, 23_000_999, 12
    peer.mss, peer.cookie, peer.syn_drops, peer.syn_dropped_at, peer.reordering = 1460, b"\xe1\xfe", 2, now, 5
    shown = run("ip", "tcp_metrics").splitlines()
    assert len(shown) == 3 and shown[0].startswith("10.7.0.2 age ")
    assert shown[0].endswith("sec cwnd 12 rtt 35us rttvar 23000us source 10.7.0.1")
    assert " cwnd 12 reordering 5 rtt 35us rttvar 23000us fo_mss 1460 fo_syn_drops 2/" in shown[2]
    assert shown[2].endswith("sec ago fo_cookie e1fe source 10.7.0.1")
    row = json.loads(run("ip", "-j", "tcp_metrics", "show", "address", "10.7.0.2"))[0]
    assert row.pop("age") < 600
    assert row == {"dst": "10.7.0.2", "cwnd": 12, "rtt": 3.5e-05, "rttvar": 0.023, "source": "10.7.0.1"}
    run("ip", "tcp_metrics", "delete", "10.7.0.2")
    with pytest.raises(CliError, match="No such process"):
        CliRunner().invoke(cli, ["ip", "tcp_metrics", "del", "10.7.0.2"], standalone_mode=False, catch_exceptions=False)
    assert len(run("ip", "tcp_metrics", "list", "10.7.0.0/16").splitlines()) == 2
    run("ip", "tcp_metrics", "flush", "10.7.1.0/24")
    assert len(run("ip", "tcpmetrics").splitlines()) == 1
    run("ip", "tcp_metrics", "flush", "all")
    assert run("ip", "tcp_metrics") == ""


@pytest.mark.parametrize("words", ["delete", "delete 10.0.0.0/8", "dance", "show 1.2.3.4 5.6.7.8"])
def test_tcp_metrics_say_what_is_wrong(host: usernet.Host, words: str) -> None:
    with pytest.raises(CliError):
        CliRunner().invoke(cli, ["ip", "tcp_metrics", *words.split()], standalone_mode=False, catch_exceptions=False)


def test_route_change_sets_what_a_route_says_to_tcp(host: usernet.Host) -> None:
    run("ip", "route", "change", "default", "via", "10.7.0.2", "congctl", "bbr3", "initcwnd", "20")
    assert run("ip", "route").startswith("default via 10.7.0.2 dev eth0 initcwnd 20 congctl bbr3 \n")
    stack = host.stacks[0]
    assert stack.ip.path(bytes((1, 1, 1, 1)), None, 0).congctl == "bbr3"
    run("ip", "route", "change", "default", "congctl", "")
    assert run("ip", "route").startswith("default via 10.7.0.2 dev eth0 initcwnd 20 \n")


@pytest.mark.parametrize(
    "words, part",
    [
        ("10.8.0.0/24 mtu 1400", "ESRCH (No such process): no such route"),
        ("default via 10.7.0.9 mtu 1400", "ESRCH"),
        ("default congctl nagle", "no congestion control 'nagle'"),
        ("default mtu 67", "mtu is 0 or 68 to 65535"),
        ("default mtu many", "mtu needs a number, not 'many'"),
        ("default rto_min 5", "'rto_min' is unknown"),
        ("default via 10.7.0.2", "route change needs one of mtu,"),
        ("default mtu", "words with a value each"),
    ],
)
def test_route_change_says_what_is_wrong(host: usernet.Host, words: str, part: str) -> None:
    with pytest.raises(CliError) as caught:
        CliRunner().invoke(
            cli, ["ip", "route", "change", *words.split()], standalone_mode=False, catch_exceptions=False
        )
    assert part in caught.value.message
    assert "metrics" not in json.loads(run("ip", "-j", "route"))[0]


@pytest.mark.parametrize("words", ["change default mtu 1400", "get 1.1.1.1"])
def test_a_route_of_ipv6_is_not_one_of_ipv4(host: usernet.Host, words: str) -> None:
    with pytest.raises((CliError, Refused), match=r"EAFNOSUPPORT.*: there is no IPv6 yet"):
        CliRunner().invoke(cli, ["ip", "-6", "route", *words.split()], standalone_mode=False, catch_exceptions=False)
    assert "metrics" not in json.loads(run("ip", "-j", "route"))[0]


@pytest.mark.parametrize("name, value", [("congctl", 0), ("congctl", None), ("congctl", []), ("mtu", False)])
def test_nothing_of_another_type_takes_a_metric_back(host: usernet.Host, name: str, value: object) -> None:
    stack = host.stacks[0]
    run("ip", "route", "change", "default", "mtu", "1400", "congctl", "reno")
    with pytest.raises(Refused, match="EINVAL"):
        ours().ask("route_change", route={"dst": "default"}, metrics={name: value})
    path = stack.ip.path(bytes((1, 1, 1, 1)), None, 0)
    assert (path.congctl, path.mtu) == ("reno", 1400)


def test_json_is_what_iproute2_gives(host: usernet.Host) -> None:
    assert json.loads(run("ip", "-j", "route"))[1] == {
        "dst": "10.7.0.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link", "prefsrc": "10.7.0.1", "flags": [],
    }  # fmt: skip
    addresses = json.loads(run("ip", "-j", "addr"))
    assert addresses[0]["addr_info"][0] == {
        "family": "inet", "local": "127.0.0.1", "prefixlen": 8, "scope": "host", "label": "lo",
        "valid_life_time": 4294967295, "preferred_life_time": 4294967295,
    }  # fmt: skip


def test_ping_in_a_running_host_counts_what_is_lost(host: usernet.Host) -> None:
    result = CliRunner().invoke(cli, ["ping", "-c", "1", "-W", "0.3", "10.7.0.77"], standalone_mode=False)
    assert result.return_value == 1
    assert "1 packets transmitted, 0 received" in result.output and "100% packet loss" in result.output


def test_ping_json(host: usernet.Host) -> None:
    found = json.loads(run("ping", "-c", "2", "-i", "0.01", "--json", "10.7.0.2"))
    assert (found["transmitted"], found["received"], [reply["seq"] for reply in found["replies"]]) == (2, 2, [1, 2])


def test_sysctl_reads_and_writes(host: usernet.Host) -> None:
    assert run("sysctl", "net.ipv4.ip_default_ttl") == "net.ipv4.ip_default_ttl = 64\n"
    assert run("sysctl", "-w", "net.ipv4.ip_default_ttl=32") == "net.ipv4.ip_default_ttl = 32\n"
    assert run("sysctl", "-n", "net/ipv4/ip_default_ttl") == "32\n"
    rmem = run("sysctl", "net.ipv4.tcp_rmem")
    assert rmem.startswith("net.ipv4.tcp_rmem = ") and rmem.count("\t") == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["net.ipv4.nope"], "ENOENT"),
        (["-w", "net.ipv4.ip_default_ttl=x"], "EINVAL"),
        (["-w", "net.ipv4.x=1"], "ENOENT"),
    ],
)
def test_sysctl_says_what_linux_says(host: usernet.Host, words: list[str], part: str) -> None:
    with pytest.raises(CliError, match=part):
        CliRunner().invoke(cli, ["sysctl", *words], standalone_mode=False, catch_exceptions=False)


def test_nstat_counts_from_its_last_call(host: usernet.Host) -> None:
    run("ping", "-c", "1", "10.7.0.2")
    assert "IcmpOutEchos                    1 " in run("nstat")
    assert "IcmpOutEchos" not in run("nstat")
    assert "IcmpOutEchos                    1 " in run("nstat", "-a", "IcmpOut*")
    assert json.loads(run("nstat", "-az", "-j", "IcmpInErrors")) == {"kernel": {"IcmpInErrors": 0}}


def test_ss_shows_every_kind_of_socket_and_who_holds_it(host: usernet.Host) -> None:
    a, b = host.stacks
    with a:
        listener = usernet.socket.create_server(("", 80), backlog=7)
        datagram = usernet.socket.socket(usernet.socket.AF_INET, usernet.socket.SOCK_DGRAM)
        datagram.bind(("10.7.0.1", 5353))
    with b:
        client = usernet.socket.create_connection(("10.7.0.1", 80))
    with a:
        server, peer = listener.accept()
    client.sendall(b"12345")
    usernet.select.select([server], [], [])
    rows = json.loads(run("ss", "-tua", "-j"))
    shown = [(row["netid"], row["state"], row["local"], row["local_port"], row["peer_port"]) for row in rows]
    assert shown == [
        ("tcp", "LISTEN", "0.0.0.0", 80, 0),
        ("tcp", "ESTAB", "10.7.0.1", 80, peer[1]),
        ("udp", "UNCONN", "10.7.0.1", 5353, 0),
    ]
    assert (rows[0]["send_q"], rows[1]["recv_q"]) == (7, 5)
    assert rows[1]["users"][0] == {"name": rows[1]["users"][0]["name"], "pid": os.getpid(), "fd": server.fileno()}
    assert rows[1]["info"]["snd_mss"] > 0
    text = run("ss", "-tani")
    assert text.startswith("State  Recv-Q Send-Q ")
    assert " cubic wscale:" in text and " cwnd:10 " in text
    assert run("ss", "-tnH", "state", "established", "sport", "=", ":80").count("\n") == 1
    assert run("ss", "-tlnH") == "LISTEN 0 7 0.0.0.0:80 0.0.0.0:*\n"
    assert "estab 1" in run("ss", "-s")
    for one in (client, server, listener, datagram):
        one.close()


def test_why_explains_what_was_dropped(host: usernet.Host) -> None:
    with host.lock:
        host.stacks[0].context.counters.drop("ip_bad_checksum")
    lines = run("why").splitlines()
    assert lines[0].split() == ["1", "ip_bad_checksum"] and len(lines) > 1


def test_netns_lists_the_running_stacks(host: usernet.Host) -> None:
    lines = run("ip", "netns").splitlines()
    assert [line.split() for line in lines[1:]] == [[n, str(os.getpid()), "realtime", "veth:", "app.py"] for n in "ab"]


def test_nothing_running_says_what_to_do() -> None:
    with pytest.raises(CliError, match="nothing is running; start a program with `usernet run"):
        CliRunner().invoke(cli, ["ss"], standalone_mode=False, catch_exceptions=False)


def test_a_pid_without_a_host_says_so() -> None:
    with pytest.raises(CliError, match="no usernet host in process 1;"):
        CliRunner().invoke(cli, ["ss", "--pid", "1"], standalone_mode=False, catch_exceptions=False)
