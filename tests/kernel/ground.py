"""Namespaces, programs and captures for the tests against the kernel."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
APPS = HERE / "apps"
KERNEL = "10.9.0.1"
OURS = "10.9.0.2"

# Seconds that a condition may take: a machine too busy for anything costs time, not a verdict.
PATIENCE = 200.0

_serial = count()


def missing(*commands: str) -> str:
    """Why tests that need these commands, root and namespaces cannot run; empty when they can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces and a TAP"
    absent = [command for command in ("ip", *commands) if shutil.which(command) is None]
    if absent:
        return f"needs {', '.join(absent)}, which make test installs on Debian"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun"
    name = f"usernet-probe-{os.getpid()}"
    probe = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if probe.returncode:
        return f"needs network namespaces: {probe.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return ""


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Come back when a condition holds; an AssertionError says which one never did."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(0.02)


class KernelLacks(pytest.skip.Exception):
    """Skips a test of what the running kernel was built without: no package and no privilege brings it."""


class Program:
    """A running program, its output kept in files, ended by its own pid."""

    def __init__(self, command: Sequence[str], directory: Path, **options: Any) -> None:
        self.log = directory / f"program-{next(_serial)}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory, **options
            )

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def says(self, text: str) -> None:
        """Wait until this text is in its output."""
        wait_until(f"{text!r} from {self.process.args}", lambda: text in self.output or not self.alive())
        assert text in self.output, f"{self.process.args} ended with {self.process.returncode}:\n{self.output}"

    def ends(self) -> int:
        """Wait for its end, and return its exit status."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} did not end:\n{self.output}") from None

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as a user would, and return its exit status."""
        if self.alive():
            self.process.send_signal(number)
        return self.ends()

    def kill(self) -> None:
        if self.alive():
            self.process.kill()
        self.process.wait()


class Ground:
    """One namespace whose tap0 has the kernel at 10.9.0.1; our stack is 10.9.0.2 on the same wire."""

    def __init__(self, directory: Path) -> None:
        self.name = f"usernet-test-{os.getpid()}-{next(_serial)}"
        self.directory = directory
        self.programs: list[Program] = []

    def __enter__(self) -> Ground:
        self._ip("netns", "add", self.name)
        for words in (
            "link set lo up",
            "tuntap add tap0 mode tap",
            f"address add {KERNEL}/24 dev tap0",
            "link set tap0 up",
        ):
            self._ip("-n", self.name, *words.split())
        return self

    def __exit__(self, *exc: object) -> None:
        for program in self.programs:
            program.kill()
        self._ip("netns", "delete", self.name)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    def inside(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command in the namespace, to its end."""
        result = subprocess.run(
            self.inside(*command), capture_output=True, text=True, timeout=PATIENCE, cwd=self.directory, check=False
        )
        assert not check or result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def start(self, *command: str, **options: Any) -> Program:
        """A program in the namespace, killed when the ground is left."""
        program = Program(self.inside(*command), self.directory, **options)
        self.programs.append(program)
        return program

    def usernet(self, *words: str, options: Sequence[str] = (), net: bool = True) -> Program:
        """``usernet run`` of a program on the TAP."""
        where = ["--net", "tap:tap0", "--address", f"{OURS}/24", "--gateway", KERNEL] if net else []
        return self.start(sys.executable, "-m", "usernet", "run", *where, *options, "--", *words)

    def answers(self, port: int, address: str = OURS, program: Program | None = None) -> None:
        """Wait until a kernel connection to this port is accepted."""
        connect = f"import socket; socket.create_connection(({address!r}, {port}), 5).close()"

        def accepted() -> bool:
            assert program is None or program.alive(), program.output
            return self.run(sys.executable, "-c", connect, check=False).returncode == 0

        wait_until(f"{address}:{port} to accept", accepted)

    def serves(self, url: str, program: Program) -> None:
        """Wait until a program behind a published port answers: the port itself is open before the program is."""

        def answered() -> bool:
            assert program.alive(), program.output
            return self.run("curl", "-s", "-o", "/dev/null", "--max-time", "5", url, check=False).returncode == 0

        wait_until(f"{url} to answer", answered)

    def curl(self, url: str, *options: str) -> str:
        return self.run("curl", "-sS", "--fail", *options, url).stdout

    def sockets(self) -> list[dict[str, Any]]:
        """What the kernel's own TCP holds here, time-wait left out."""
        lines = self.run("ss", "-tanH").stdout.splitlines()
        return [{"state": line.split()[0]} for line in lines if not line.startswith(("TIME-WAIT", "LISTEN"))]


def capture_is_clean(*files: Path) -> None:
    """What tshark and the rules in tools/pcapcheck.py say of captures."""
    spec = importlib.util.spec_from_file_location("pcapcheck", ROOT / "tools" / "pcapcheck.py")
    assert spec is not None and spec.loader is not None
    pcapcheck = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pcapcheck)
    for file in files:
        assert file.stat().st_size > 100, f"{file} holds no packets"
        assert pcapcheck.findings(str(file)) == []


def unprivileged(python: str = sys.executable) -> list[str]:
    """The words before a command that make it run as nobody, with no capability that concerns networks."""
    plain = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    closed = [*plain, "--bounding-set=-all", "--inh-caps=-all"]
    with contextlib.suppress(OSError):
        if subprocess.run([*closed, python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return closed
    # An interpreter below root's own directory: nobody may read it, and may do nothing else.
    reading = "-all,+dac_read_search"
    return [*plain, f"--bounding-set={reading}", f"--inh-caps={reading}", f"--ambient-caps={reading}"]


def parsed(text: str) -> Any:
    return json.loads(text)
