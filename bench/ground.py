"""Where the matrix is measured: two namespaces, and the box between them.

    end a: bridge br0 (the kernel's address) with ports "left" (the box's) and "own" (our stack's)
    end b: the same with "right"

So either end can be the kernel's stack or ours, and every contender's frames take the same way. Data goes from a to b.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cells import RMEM, WMEM, Cell

HERE = Path(__file__).resolve().parent
ADDRESSES = {("a", "kernel"): "10.9.0.1", ("b", "kernel"): "10.9.0.2", ("a", "usernet"): "10.9.0.11"}
ADDRESSES["b", "usernet"] = "10.9.0.12"
PORT = 5001
SYSCTLS = (
    f"net.ipv4.tcp_rmem={RMEM}",
    f"net.ipv4.tcp_wmem={WMEM}",
    "net.ipv4.tcp_no_metrics_save=1",  # what one run learned of the path is not for the next
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
)
# So long may the ends take beyond the seconds they measure.
GRACE = 25.0
NAME = "usernet-matrix"
_numbers = itertools.count(1)
# A child must not inherit what another thread is about to close.
_forking = threading.Lock()


class RunFailed(Exception):
    """A run that gave no figures, and what its processes said."""


def ip(*words: str) -> None:
    result = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if result.returncode:
        raise RunFailed(f"ip {' '.join(words)}: {result.stderr.strip()}")


class End:
    """A namespace with a bridge for both kinds of stack."""

    def __init__(self, part: str, namespace: str) -> None:
        self.part, self.namespace = part, namespace
        ip("netns", "add", namespace)
        try:
            for setting in SYSCTLS:
                self.run("sysctl", "-qw", setting)
            ip("-n", namespace, "link", "set", "lo", "up")
            ip("-n", namespace, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
            ip("-n", namespace, "address", "add", ADDRESSES[part, "kernel"] + "/24", "dev", "br0")
            ip("-n", namespace, "tuntap", "add", "own", "mode", "tap")
            self.join("own")
            ip("-n", namespace, "link", "set", "br0", "up")
        except BaseException:
            self.delete()
            raise

    def join(self, device: str) -> None:
        """Make a device a port of the bridge; long queues, so that a burst is the network's to drop."""
        ip("-n", self.namespace, "link", "set", device, "master", "br0", "txqueuelen", "10000", "up")

    def run(self, *command: str) -> None:
        subprocess.run(["ip", "netns", "exec", self.namespace, *command], check=True, capture_output=True)

    def forget_neighbours(self) -> None:
        """Our stack comes with another hardware address each time."""
        ip("-n", self.namespace, "neighbour", "flush", "all")

    def start(self, kind: str, role: str, port: int, seconds: float, *more: str) -> subprocess.Popen[str]:
        """An endpoint.py here."""
        words = [kind, role, ADDRESSES[self.part, kind], str(port), str(seconds), *more]
        return _python(self.namespace, "endpoint.py", *words)

    def delete(self) -> None:
        subprocess.run(["ip", "netns", "delete", self.namespace], capture_output=True, check=False)


def _python(namespace: str, program: str, *words: str) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", namespace, sys.executable, str(HERE / program), *words]
    with _forking:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def sweep() -> None:
    """Delete what benches that were killed left behind."""
    for name in Path("/run/netns").glob(f"{NAME}-*"):
        if not Path("/proc", name.name.split("-")[2]).exists():
            subprocess.run(["ip", "netns", "delete", name.name], capture_output=True, check=False)


class Ground:
    """Two ends and a running box."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        with contextlib.ExitStack() as undo:
            name = f"{NAME}-{os.getpid()}-{next(_numbers)}"
            self.a = End("a", f"{name}-a")
            undo.callback(self.a.delete)
            self.b = End("b", f"{name}-b")
            undo.callback(self.b.delete)
            ip("netns", "add", f"{name}-box")
            undo.callback(subprocess.run, ["ip", "netns", "delete", f"{name}-box"], capture_output=True)
            self._box = _python(f"{name}-box", "box.py", "left", "right")
            undo.callback(_end, self._box)
            self._answer("ready")
            for end, device in ((self.a, "left"), (self.b, "right")):
                ip("-n", f"{name}-box", "link", "set", device, "netns", end.namespace)
                end.join(device)
            self._undo = undo.pop_all()

    def close(self) -> None:
        """End the box and delete the namespaces."""
        self._undo.close()

    def abort(self) -> None:
        """From another thread: let the transfers under way fail."""
        for process in self._running:
            process.kill()

    def _answer(self, wanted: str = "") -> Any:
        assert self._box.stdout is not None
        line = self._box.stdout.readline().strip()
        if not line or (wanted and line != wanted):
            raise RunFailed(f"the box ended: {_last_words(self._box)}")
        return line if wanted else json.loads(line)

    def order(self, **words: Any) -> Any:
        """Tell the box; its answer."""
        assert self._box.stdin is not None
        self._box.stdin.write(json.dumps(words) + "\n")
        self._box.stdin.flush()
        return self._answer()

    def begin(self, cell: Cell, seed: int, pcap: str = "") -> None:
        """A fresh network between the ends."""
        self.order(data=cell.data_words(seed), ack=cell.ack_words(), pcap=pcap)
        for end in (self.a, self.b):
            end.forget_neighbours()

    def run(
        self, sender: str, receiver: str, cc: str, cell: Cell, seed: int, seconds: float | None = None, pcap: str = ""
    ) -> dict[str, Any]:
        """One transfer from end a to end b: what the sender, the receiver and the box say. Raises RunFailed."""
        self.begin(cell, seed, pcap)
        told = self.transfers([(sender, receiver, cc)], seconds or cell.seconds)[0]
        return told | {"box": self.order(report=True)}

    def transfers(self, flows: list[tuple[str, str, str]], seconds: float) -> list[dict[str, Any]]:
        """Transfers at the same time, each (sender, receiver, cc); at most one of ours at either end."""
        with contextlib.ExitStack() as undo:
            undo.callback(self._running.clear)
            ends = []
            for number, (sender, receiver, cc) in enumerate(flows):
                target = self.b.start(receiver, "receive", PORT + number, seconds)
                undo.callback(_end, target)
                self._running.append(target)
                assert target.stdout is not None
                if target.stdout.readline() != "ready\n":
                    raise RunFailed(f"the {receiver} receiver did not start: {_last_words(target)}")
                ends.append((sender, receiver, cc, target))
            pairs = []
            for number, (sender, receiver, cc, target) in enumerate(ends):
                source = self.a.start(sender, "send", PORT + number, seconds, cc, ADDRESSES["b", receiver])
                undo.callback(_end, source)
                self._running.append(source)
                pairs.append({"sender": source, "receiver": target})
            return [{who: _figures(who, process, seconds) for who, process in pair.items()} for pair in pairs]


def _figures(who: str, process: subprocess.Popen[str], seconds: float) -> Any:
    try:
        out, err = process.communicate(timeout=seconds + GRACE)
    except subprocess.TimeoutExpired:
        raise RunFailed(f"the {who} did not end") from None
    if process.returncode:
        raise RunFailed(f"the {who} failed: {err.strip()[-2000:]}")
    return json.loads(out)


def _last_words(process: subprocess.Popen[str]) -> str:
    process.kill()
    return process.communicate()[1].strip()[-2000:]


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """A ground that is gone afterwards."""
    place = Ground()
    try:
        yield place
    finally:
        place.close()
