"""The demo's parts: a file, a server process on our stack, a client on the kernel's, and what is seen meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client import Instance
from .errors import CliError

# How often the connection is looked at, and how long anything may take.
LOOK_S = 0.1
START_S = 60.0
FETCH_S = 60.0
STOP_S = 30.0
CHUNK = 1 << 18
# A kernel client for machines without curl, in a process of its own so that nothing of ours is near it.
PLAIN_CLIENT = """
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as response:
    shutil.copyfileobj(response, sys.stdout.buffer, 1 << 18)
"""


@dataclass(frozen=True)
class Sample:
    """The transfer at one moment: what the client has, and the server's TCP as ss tells it ({}: not there yet)."""

    octets: int
    elapsed: float
    connection: dict[str, Any]


@dataclass
class Outcome:
    """How it went."""

    octets: int
    seconds: float
    intact: bool
    sha256: str
    client: str
    capture: str
    capture_octets: int
    retransmitted: int
    largest_cwnd: int
    srtt_ms: float
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Octets a second."""
        return self.octets / self.seconds if self.seconds else 0.0


class Demo:
    """Context manager around the server process."""

    def __init__(self, directory: Path, capture: Path, size: int, impair: str) -> None:
        self.capture = capture
        self.size = size
        self.impair = impair
        self.url = ""
        self.client = "curl" if shutil.which("curl") else "urllib"
        self.pid = 0
        self._directory = directory
        self._log = directory / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._instance: Instance | None = None
        self._expected = ""
        self._received = hashlib.sha256()
        self._octets = 0
        self._seconds = 0.0
        self._seen: list[dict[str, Any]] = []

    def __enter__(self) -> Demo:
        files = self._directory / "www"
        files.mkdir()
        self._expected = _make_file(files / "data.bin", self.size)
        try:
            self._start(files)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()

    def _start(self, files: Path) -> None:
        words = [sys.executable, "-P", "-m", "usernet", "run", "--name", "demo", "--publish", "127.0.0.1:0:80"]
        words += ["--pcap", str(self.capture)]
        words += ["--impair", self.impair] if self.impair else []
        words += ["--", "python", "-m", "http.server", "80", "--directory", str(files)]
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid = self._server.pid
        self._instance = Instance(self.pid, "demo")
        self.url = f"http://127.0.0.1:{self._wait_until_ready(self._server)}/data.bin"

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> int:
        """The published port, once the server listens behind it."""
        assert self._instance is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise CliError(f"the server ended with status {server.returncode}: {self._last_words()}")
            with contextlib.suppress(CliError):
                info = self._instance.ask("info")
                if any(row["state"] == "LISTEN" for row in self._instance.ask("ss")):
                    return int(info["published"][0].split(":")[1])
            time.sleep(0.03)
        raise CliError(f"the server did not start within {START_S:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def fetch(self) -> Iterator[Sample]:
        """Get the file with the kernel client; a sample every so often. Raises CliError when the client fails."""
        if self.client == "curl":
            words = ["curl", "--silent", "--show-error", "--noproxy", "*", self.url]
        else:
            words = [sys.executable, "-I", "-c", PLAIN_CLIENT, self.url]
        started_at = time.monotonic()
        look_at = started_at
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
            try:
                assert client.stdout is not None
                with selectors.DefaultSelector() as selector:
                    selector.register(client.stdout, selectors.EVENT_READ)
                    while True:
                        now = time.monotonic()
                        if now >= look_at:
                            look_at = now + LOOK_S
                            yield self._sample(now - started_at)
                        if now - started_at > FETCH_S:
                            raise CliError(f"the fetch did not end within {FETCH_S:g} s")
                        if selector.select(LOOK_S) and not self._take(client.stdout.fileno()):
                            break
                self._seconds = time.monotonic() - started_at
                yield self._sample(self._seconds)
            finally:
                if client.poll() is None and self._seconds == 0.0:
                    client.kill()
            _, complaint = client.communicate()
        if client.returncode != 0:
            text = complaint.decode(errors="replace").strip()
            raise CliError(f"{self.client} ended with status {client.returncode}: {text}")

    def _take(self, fd: int) -> bool:
        octets = os.read(fd, CHUNK)
        self._received.update(octets)
        self._octets += len(octets)
        return bool(octets)

    def _sample(self, elapsed: float) -> Sample:
        connection: dict[str, Any] = {}
        assert self._instance is not None
        with contextlib.suppress(CliError):
            rows = self._instance.ask("ss")
            connection = next((row for row in rows if row["local_port"] == 80 and row["state"] != "LISTEN"), {})
        if connection.get("info"):
            self._seen.append(connection)
        elif connection and self._seen:
            # Little is left of a connection in TIME-WAIT: what it was last stays on the screen.
            connection = {**self._seen[-1], "state": connection["state"], "send_q": 0}
        return Sample(self._octets, elapsed, connection)

    def finish(self) -> Outcome:
        """Stop the server, which closes the capture, and sum up."""
        assert self._instance is not None
        counters = self._instance.ask("nstat")["counters"]
        self._stop()
        found = self._received.hexdigest()
        infos = [connection["info"] for connection in self._seen]
        rtts = [info["rtt"] for info in infos if info["rtt"]]
        return Outcome(
            octets=self._octets,
            seconds=self._seconds,
            intact=found == self._expected,
            sha256=found,
            client=self.client,
            capture=str(self.capture),
            capture_octets=self.capture.stat().st_size if self.capture.exists() else 0,
            retransmitted=counters.get("TcpRetransSegs", 0),
            largest_cwnd=max((info["snd_cwnd"] for info in infos), default=0),
            srtt_ms=rtts[-1] / 1000 if rtts else 0.0,
            counters={name: value for name, value in counters.items() if value},
        )

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is None or server.poll() is not None:
            return
        # Not SIGINT, which a shell makes its background jobs ignore.
        server.terminate()
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _make_file(path: Path, size: int) -> str:
    """Random octets; returns their sha256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, CHUNK):
            octets = os.urandom(min(CHUNK, size - start))
            digest.update(octets)
            file.write(octets)
    return digest.hexdigest()
