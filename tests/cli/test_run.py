"""``usernet run`` as a process: what passes through, how it ends, what it says when it cannot."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Running, usernet_command, wait_for

Start = Callable[..., Running]


def test_the_programs_sockets_are_ours_and_its_status_passes(tmp_path: Path) -> None:
    code = "import socket, sys; s = socket.socket(); s.bind(('', 80)); print(s.fileno() >= 1 << 30); sys.exit(42)"
    done = usernet_command("run", "--", "python", "-c", code)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 42)


def test_the_default_network_is_slirps() -> None:
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.connect(('10.0.2.2', 9)); print(s.getsockname()[0])"
    )
    assert usernet_command("run", "--", "python", "-c", code).stdout == "10.0.2.15\n"


def test_an_uncaught_exception_shows_the_programs_traceback_alone(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def f():\n    1 / 0\nf()\n")
    done = usernet_command("run", "app.py", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/app.py", line 3, in <module>\n    f()\n'
        f'  File "{tmp_path}/app.py", line 2, in f\n    1 / 0\n    ~~^~~\n'
        "ZeroDivisionError: division by zero\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_the_signal(start: Start, runtime: Path, number: signal.Signals) -> None:
    running = start("run", "--", "python", "-c", "import time; print('up', flush=True); time.sleep(600)")
    running.says("up")
    assert list(runtime.glob("*.sock"))
    running.process.send_signal(number)
    assert running.ends() == -number
    assert not list(runtime.glob("*.sock"))
    assert ("KeyboardInterrupt" in running.output) == (number == signal.SIGINT)
    assert "usernet" not in running.output


def test_a_signal_reaches_a_program_blocked_in_our_accept(start: Start) -> None:
    code = (
        "import socket\ns = socket.create_server(('', 80))\ntry: print('up', flush=True); s.accept()\n"
        "except KeyboardInterrupt: print('interrupted'); raise SystemExit(5)"
    )
    running = start("run", "--", "python", "-c", code)
    running.says("up")
    time.sleep(0.2)
    running.process.send_signal(signal.SIGINT)
    assert running.ends() == 5
    assert running.output == "up\ninterrupted\n"


def test_the_programs_own_handler_of_sigterm_is_its_own(start: Start) -> None:
    code = (
        "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: exit(9))\nprint('up', flush=True)\n"
        "time.sleep(600)"
    )
    running = start("run", "--", "python", "-c", code)
    running.says("up")
    running.process.terminate()
    assert running.ends() == 9


@pytest.mark.parametrize("main", ["", "; time.sleep(600)"], ids=["ended", "running"])
def test_sigterm_ends_it_and_does_not_wait_for_threads(start: Start, runtime: Path, main: str) -> None:
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nprint('up', flush=True)"
    running = start("run", "--", "python", "-c", code + main)
    running.says("up")
    time.sleep(0.3)
    running.process.terminate()
    assert running.ends() == -signal.SIGTERM
    assert running.output == "up\n"
    assert not list(runtime.glob("*.sock"))


def test_threads_and_atexit_still_have_their_network() -> None:
    code = (
        "import atexit, socket, threading, time\n"
        "def ask(who):\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    s.connect(('10.0.2.2', 9)); print(who, s.getsockname()[0])\n"
        "atexit.register(ask, 'atexit')\n"
        "threading.Timer(0.2, ask, ['thread']).start()\n"
    )
    done = usernet_command("run", "--", "python", "-c", code)
    assert (done.stdout, done.stderr) == ("thread 10.0.2.15\natexit 10.0.2.15\n", "")


def test_what_was_sent_arrives_although_the_program_ends(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(200)
        code = f"import socket; s = socket.create_connection(('10.0.2.2', {port})); s.sendall(b'x' * 2_000_000)"
        running = start("run", "--impair", "delay 5ms", "--", "python", "-c", code)
        peer, _ = server.accept()
        time.sleep(0.3)
        size = 0
        with peer:
            while octets := peer.recv(1 << 16):
                size += len(octets)
        assert size == 2_000_000
        assert running.ends() == 0, running.output


def test_a_published_port_reaches_the_program_and_ss_sees_it(start: Start, tmp_path: Path) -> None:
    pcap = tmp_path / "run.pcapng"
    running = start(
        "run", "--publish", "127.0.0.1:0:80", "--pcap", str(pcap), "--name", "web", "--", "-m", "http.server", "80"
    )
    running.says("Serving HTTP")
    wait_for(lambda: "LISTEN" in usernet_command("ss", "-tln", "--name", "web").stdout, "listening")
    (info,) = json.loads(usernet_command("ip", "netns", "--json").stdout)
    assert info["program"] == "-m http.server 80" and info["stacks"] == ["web"]
    port = int(info["published"][0].split(":")[1])
    with socket.create_connection(("127.0.0.1", port), 200) as client:
        client.sendall(b"GET /output HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").readline() == b"HTTP/1.0 200 OK\r\n"
    running.process.send_signal(signal.SIGINT)
    assert running.ends() == 0
    assert pcap.stat().st_size > 1000


def test_two_programs_are_told_apart(start: Start) -> None:
    code = "import time; print('up', flush=True); time.sleep(600)"
    first, second = (start("run", "--name", name, "--", "python", "-c", code) for name in ("one", "two"))
    for running in (first, second):
        running.says("up")
    wait_for(lambda: "two" in usernet_command("ip", "netns").stdout, "both listed")
    done = usernet_command("ip", "-br", "addr")
    assert done.returncode == 2
    assert re.fullmatch(
        r"usernet: 2 hosts are running, choose one with --pid: \d+ \(-c \.\.\.\), \d+ .*\n", done.stderr
    )
    assert "10.0.2.15/24" in usernet_command("ip", "-br", "addr", "--name", "two").stdout
    assert "10.0.2.15/24" in usernet_command("ip", "-br", "addr", "--pid", str(first.pid)).stdout


def test_a_forked_child_does_not_take_the_parents_network_down(runtime: Path) -> None:
    code = (
        "import os, sys\npid = os.fork()\nif pid == 0: sys.exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        f"print(len(os.listdir({str(runtime)!r})))"
    )
    assert usernet_command("run", "--", "python", "-c", code).stdout == "3\n1\n"


def test_interpreter_options_take_effect(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys; print(sys.flags.optimize, sys.flags.dev_mode, sys.argv, __debug__)")
    done = usernet_command("run", "--", "python", "-O", "-X", "dev", "app.py", "a", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("1 True ['app.py', 'a'] False\n", "")


def test_u_unbuffers(start: Start) -> None:
    running = start("run", "--", "python", "-u", "-c", "import time; print('now'); time.sleep(600)")
    running.says("now")


def test_sysctls_are_set_before_the_program_runs() -> None:
    code = "import usernet; print(usernet.current_stack().sysctl.get('net.ipv4.ip_default_ttl'))"
    done = usernet_command("run", "--sysctl", "net.ipv4.ip_default_ttl=33", "--", "python", "-c", code)
    assert (done.stdout, done.stderr) == ("33\n", "")


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (["--net", "nosuch:x", "--address", "10.0.0.1/24"], 2, ["nosuch:x", "ENODEV"]),
        (["--net", "user:?bogus=1"], 2, ["bogus"]),
        (["--net", "lo:", "--address", "10.0.0.300/24"], 2, ["--address", "10.0.0.300"]),
        (["--address", "10.0.2.15"], 2, ["--address", "10.0.2.15/24"]),
        (["--address", "10.0.2.0/24"], 2, ["10.0.2.0"]),
        (["--gateway", "10.99.0.1"], 2, ["ENETUNREACH", "10.99.0.1"]),
        (["--gateway", "nowhere"], 2, ["--gateway", "nowhere"]),
        (["--impair", "loss many"], 2, ["many"]),
        (["--publish", "80"], 2, ["80", "[IP:]PORT:PORT"]),
        (["--publish", "1:2/sctp"], 2, ["1:2/sctp"]),
        (["--publish", "70000:2"], 2, ["70000"]),
        (["--publish", "192.0.2.1:8080:80"], 1, ["EADDRNOTAVAIL", "192.0.2.1:8080"]),
        (["--pcap", "/nonexistent/x.pcapng"], 2, ["/nonexistent/x.pcapng", "ENOENT"]),
        (["--sysctl", "net.ipv4.nope=1"], 2, ["net.ipv4.nope", "ENOENT"]),
        (["--sysctl", "net.ipv4.ip_default_ttl=x"], 2, ["net.ipv4.ip_default_ttl", "EINVAL"]),
        (["--net", "tap:tap0"], 2, ["--address"]),
        (["--pulish", "1:2"], 2, ["--pulish"]),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_with_linuxs_errno(words: list[str], status: int, parts: list[str]) -> None:
    done = usernet_command("run", *words, "--", "python", "-c", "print('ran')")
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
    assert done.returncode == status


def test_a_published_port_that_is_taken_is_eaddrinuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taker:
        port = taker.getsockname()[1]
        done = usernet_command("run", "--publish", f"127.0.0.1:{port}:80", "--", "python", "-c", "")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert errno.errorcode[errno.EADDRINUSE] in done.stderr and str(port) in done.stderr


def test_a_command_that_is_not_there_is_127() -> None:
    done = usernet_command("run", "--", "no-such-command-x")
    assert (done.returncode, done.stderr) == (127, "usernet: no-such-command-x: command not found\n")


def test_ping_on_a_stack_of_its_own() -> None:
    done = usernet_command("ping", "--net", "user:", "-c", "2", "-i", "0.01", "10.0.2.2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "PING 10.0.2.2 (10.0.2.2) 56(84) bytes of data.\n64 bytes from 10.0.2.2: icmp_seq=1 ttl=64"
    )
    assert "2 packets transmitted, 2 received, 0% packet loss" in done.stdout


def test_help_is_readable_and_complete() -> None:
    text = usernet_command("--help").stdout
    for verb in ("run", "demo", "doctor", "ss", "ip", "nstat", "sysctl", "ping", "why"):
        assert re.search(rf"^  {verb} +\w", text, re.MULTILINE), verb
        assert usernet_command(verb, "--help").stdout.startswith(f"Usage: usernet {verb} "), verb
    assert max(len(line) for line in text.splitlines()) <= 80


def test_doctor_tells_of_every_probe_and_ends_well() -> None:
    done = usernet_command("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert {"Python", "Engine", "C compiler", "TAP, TUN", "AF_XDP", "User namespaces", "tshark"} <= set(found)
    assert all(finding["mark"] in {"yes", "part", "no"} for finding in found.values())
    plain = usernet_command("doctor")
    assert plain.returncode == 0 and "\x1b" not in plain.stdout
    assert all(name in plain.stdout for name in found)


def test_the_demo_ends_by_itself_and_proves_itself(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = usernet_command("demo", "--size", "1", "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["intact"] and outcome["octets"] == 1 << 20
    assert os.path.getsize(outcome["capture"]) > 1 << 20
    assert not list(runtime.glob("*.sock"))


def test_the_demo_is_plain_where_nobody_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = usernet_command("demo", "--size", "1")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and "matches" in done.stdout and "next:" in done.stdout


def test_daemon_threads_blocked_at_the_end_are_left_in_peace() -> None:
    code = (
        "import asyncio, socket, threading, time\n"
        "s = socket.create_server(('', 80)); threading.Thread(target=s.accept, daemon=True).start()\n"
        "async def main(): await asyncio.start_server(print, '', 81); await asyncio.sleep(60)\n"
        "threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()\n"
        "time.sleep(0.5)"
    )
    done = usernet_command("run", "--", "python", "-c", code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
